"""The report's page as HTML and as Markdown, from one set of values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.report.embedding import page_scripts, policy, style
from bench.report.panels import Drawing

WITHOUT = {"inf": "Infinity", "-inf": "-Infinity", "not reached": "Infinity"}
"""How a script reads the cells of numbers that are not written as one."""
ROOM = 6_500_000
"""So many bytes of figures the page carries; with plotly and its data it is to stay under 15 MB."""


@dataclass(frozen=True)
class Board:
    """A group as it is shown: its label, what is said of it and its table as text; which cells,
    by row number and column, are bold; what the table's caption says; and the columns that are
    `printed` on paper, all of them where none is named."""

    label: str
    sentences: str
    table: pd.DataFrame
    caption: str = ""
    bold: frozenset[tuple[int, str]] = frozenset()
    printed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """All that is shown of one stack."""

    stack: str
    boards: list[Board]
    drawings: list[Drawing]


def html(values: Mapping[str, Any]) -> str:
    """The self-contained page; every value is escaped, the figures alone are markup. Beside what
    the Markdown shows it needs `data`: an `Interactive`, or None where nothing can be explored."""
    scripts = page_scripts(values["data"])
    embedded = {"style": style(), "scripts": scripts, "policy": policy(scripts)}
    embedded |= {"carried": carried(values["sections"])}
    return _environment(escape=True).get_template("index.html.jinja").render({**values, **embedded})


def markdown(values: Mapping[str, Any]) -> str:
    """The same for GitHub."""
    return _environment(escape=False).get_template("report.md.jinja").render(values)


def all_claims(values: Mapping[str, Any]) -> str:
    """The page over all suites, for GitHub."""
    return _environment(escape=False).get_template("claims.md.jinja").render(values)


def sort_value(text: str) -> str | None:
    """The number by which a cell is sorted, as a script reads it, or None for words: `9.50 %` is
    9.5, `≥ 1,000` is 1000, `2 to 3` is 2, `1/4` is 0.25 and `not reached` is infinite."""
    plain = str(text).strip().replace("−", "-")
    if plain in WITHOUT:
        return WITHOUT[plain]
    if part := re.match(r"(\d+)/(\d+)\b", plain):
        return f"{int(part[1]) / max(1, int(part[2])):.10g}"
    number = re.match(r"[≥≤<>≈~+ ]*(-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)", plain)
    return number[1].replace(",", "") if number else None


def markdown_text(text: str) -> str:
    """The text on one line, with nothing in it that opens a cell or a tag."""
    return " ".join(str(text).split()).replace("<", "&lt;").replace("|", "\\|")


def markdown_table(frame: pd.DataFrame, bold: frozenset[tuple[int, str]] = frozenset()) -> str:
    """The frame, whose cells are text, with GitHub's pipes."""
    escaped = frame.map(markdown_text).reset_index(drop=True)
    for row, column in bold:
        escaped.loc[row, column] = f"**{escaped.loc[row, column]}**"
    return escaped.rename(columns=markdown_text).to_markdown(index=False, disable_numparse=True)


def inline(svg: str) -> Markup:
    """The drawing as part of a page: without the XML prologue."""
    return Markup(svg[svg.index("<svg") :])


def carried(sections: Sequence[Section], room: int = ROOM) -> frozenset[str]:
    """The names of the drawings that the page carries: in order, as long as there is room."""
    drawings = [drawing for section in sections for drawing in section.drawings]
    sizes = accumulate(len(drawing.svg) for drawing in drawings)
    return frozenset(d.name for d, size in zip(drawings, sizes, strict=True) if size <= room)


@cache
def _environment(escape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["zip"] = zip
    environment.filters |= {
        "text": markdown_text,
        "table": markdown_table,
        "inline": inline,
        "sort_value": sort_value,
    }
    return environment
