"""The panels of many curves, laid out so that every model can be read.

Up to a dozen models share a panel, and the panels stand side by side. More of them are dealt out
over columns: a panel has a row, and in each of its columns other models are in colour before all
the rest in grey. Every column has its own legend. The first few
proposed models are in colour everywhere. What is too high for a page goes on to the next.
"""

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.legend_columns import legend_entries, legends_of
from bench.report.panels import (
    LETTER,
    LINE,
    PAGE,
    TALLEST,
    Drawing,
    finish,
    grid,
    legend_below,
    numbered,
    pages,
    plain,
    title,
)
from bench.report.styles import Look


@dataclass(frozen=True)
class Cell:
    """One panel: what it shows, and of which labels in colour. `first` says that it has the row's
    name and scale, `last` that nothing is below it; `width`, in inches, is that of its title, which
    has the whole page where the row is of one key."""

    ax: Axes
    key: Any
    labels: Sequence[str]
    first: bool
    last: bool
    width: float

    def name(self, text: str, along: str, above: str) -> None:
        """The panel's title and the names of its axes, where they are not its neighbour's."""
        if self.first:
            crowded = self.width == PAGE
            self.ax.set_title(title(text, self.width), loc="left" if crowded else "center")
            self.ax.set_ylabel(plain(above))
        self.ax.set_xlabel(along if self.last else "")


@dataclass(frozen=True)
class Sheet:
    """One page of a figure."""

    figure: Figure
    cells: Sequence[Cell]
    legends: Sequence[Sequence[Line2D]]
    page: int
    count: int

    def finish(self, name: str, caption: str, *further: Line2D) -> Drawing:
        """The drawing, with further entries in its legend."""
        crowded = len(self.legends) > 1
        one = [] if crowded else [*self.legends[0]]
        legend_below(self.figure, [*one, *further], self.legends if crowded else ())
        words = caption + GREY * crowded
        return finish(self.figure, *numbered(name, words, self.page, self.count))


GREY = (
    " In each column other models are in colour, in the order of the leaderboards, and all others "
    "in grey; the first proposed ones are in colour in all."
)


@dataclass(frozen=True)
class Part:
    """The panels of one page, and the labels of each of its legends."""

    keys: Sequence[Any]
    legends: Sequence[Sequence[str]]


def sheets(
    panels: Mapping[Any, Collection[str]],
    ranked: Sequence[str],
    look: Mapping[str, Look],
    *,
    columns: int = 3,
    height: float = 1.9,
    marker: bool = False,
) -> Iterator[Sheet]:
    """A panel for each key, with the labels that it shows; all of them are in `ranked`."""
    parts = [
        Part(keys, legends)
        for together, legends in legends_of(panels, ranked)
        for keys in pages(together, _most(legends, columns, height))
    ]
    for page, part in enumerate(parts):
        here = {label for key in part.keys for label in panels[key]}
        crowded = len(part.legends) > 1
        own = part.legends if crowded else [[label for label in look if label in here]]
        handles = [legend_entries(labels, look, marker) for labels in own]
        if crowded:
            figure, cells = _rows(part, height)
            handles = [_wrapped(column, PAGE / len(own)) for column in handles]
        else:
            figure, cells = _plain(part, columns, height)
        yield Sheet(figure, cells, handles, page, len(parts))


def _most(legends: Sequence[Sequence[str]], columns: int, height: float) -> int:
    """So many panels have room on a page, those of many columns counted once."""
    crowded = len(legends) > 1
    foot = LINE * max(map(len, legends)) / (1 if crowded else 3)
    return max(1, int((TALLEST - 0.3 - foot) / height)) * (1 if crowded else columns)


def _plain(part: Part, columns: int, height: float) -> tuple[Figure, list[Cell]]:
    """The panels side by side."""
    figure, axes = grid(len(part.keys), columns, height)
    across = min(columns, len(part.keys))
    width = PAGE / max(2, across)
    return figure, [
        Cell(ax, key, part.legends[0], True, place + across >= len(part.keys), width)
        for place, (ax, key) in enumerate(zip(axes, part.keys, strict=True))
    ]


def _rows(part: Part, height: float) -> tuple[Figure, list[Cell]]:
    """A row a key, and in it a column a legend."""
    rows, columns = len(part.keys), len(part.legends)
    figure = Figure(figsize=(PAGE, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    cells = []
    for column, labels in enumerate(part.legends):
        for row, key in enumerate(part.keys):
            if column:
                axes[row, column].sharey(axes[row, 0])
                axes[row, column].tick_params(which="both", labelleft=False)
            cells.append(Cell(axes[row, column], key, labels, not column, row == rows - 1, PAGE))
    return figure, cells


def _wrapped(handles: list[Line2D], width: float) -> list[Line2D]:
    """The entries with labels that fit into a column so wide."""
    for handle in handles:
        handle.set_label(textwrap.fill(str(handle.get_label()), int((width - 0.5) / LETTER)))
    return handles
