"""Records to a page: tables, figures and the list of what failed. Imports no torch."""

from bench.report.render import NothingToReport, render

__all__ = ["NothingToReport", "render"]
