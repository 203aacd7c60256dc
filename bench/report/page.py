"""The report's page as HTML and as Markdown, from one set of values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.report.panels import Drawing

METHOD = (
    "The unit of replication is the seed. Runs are averaged only where they agree in everything "
    "but the seed; stacks and versions of tasks and models are never pooled.",
    "Score and loss are those of the last test, over the runs that ended ok or solved_early. A "
    "run that diverged or failed is not in the mean: it counts in the columns ok and failures.",
    "Interval: mean ± t(0.975, n - 1) s / √n with the sample standard deviation s. There is none "
    "for one seed and none where all seeds are equal; it may pass the bound of a bounded score.",
    "Solved: runs whose test score reaches the task's threshold, of all runs; a run that diverged "
    "or failed has not solved. An unsupported run is no run.",
    "Seconds an update: median over the windows of a run, without the first, then over runs. "
    "Runs go side by side, one a core, and share memory and cache: seconds are an indication. "
    "Peak MB: the process's largest memory in 10^6 bytes, evaluation and diagnostics included, "
    "median over runs.",
    "Loss / chance: the test loss over the loss of a guess that ignores the input.",
)


@dataclass(frozen=True)
class Board:
    """A group as it is shown: its label, what is said of it and its table as text."""

    label: str
    sentences: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Section:
    """All that is shown of one stack."""

    stack: str
    groups: list[Board]
    drawings: list[Drawing]


def html(values: Mapping[str, Any]) -> str:
    """The self-contained page; every value is escaped, the figures alone are markup."""
    return _environment(escape=True).get_template("index.html.jinja").render(values)


def markdown(values: Mapping[str, Any]) -> str:
    """The same for GitHub."""
    return _environment(escape=False).get_template("report.md.jinja").render(values)


def markdown_text(text: str) -> str:
    """The text on one line, with nothing in it that opens a cell or a tag."""
    return " ".join(str(text).split()).replace("<", "&lt;").replace("|", "\\|")


def markdown_table(frame: pd.DataFrame) -> str:
    """The frame, whose cells are text, with GitHub's pipes."""
    escaped = frame.map(markdown_text).rename(columns=markdown_text)
    return escaped.to_markdown(index=False, disable_numparse=True)


def inline(svg: str) -> Markup:
    """The drawing as part of a page: without the XML prologue."""
    return Markup(svg[svg.index("<svg") :])


def _environment(escape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"text": markdown_text, "table": markdown_table, "inline": inline}
    return environment
