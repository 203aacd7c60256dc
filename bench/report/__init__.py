"""Records to a page: tables, figures and the list of what failed. Imports no torch."""

from bench.report.claims_page import claims_page
from bench.report.render import NothingToReport, render

__all__ = ["NothingToReport", "claims_page", "render"]
