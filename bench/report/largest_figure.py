"""How deep each model can be trained: which depths reach the task's target, and which do not."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.curves import depth_axis, own_look
from bench.report.ladder import Ladder
from bench.report.largest_depth import SHARE, largest_rows, largest_sentence
from bench.report.model_rows import name_rows, row_columns
from bench.report.panels import TALLEST, Drawing, finish, grid, legend_below, numbered, pages, title
from bench.report.scene import Scene

ROW, NARROWEST = 0.15, 1.4
"""Inches: the height of a model's row, and the least width of a panel without its names."""
MARK: dict[str, Any] = {"color": "0.3", "markersize": 4.5, "linestyle": "", "marker": "o"}
HOLLOW: dict[str, Any] = {"markerfacecolor": "white"}
CAPTION = (
    "Largest depth. A point is a depth that was tried, filled where at least "
    f"{100 * SHARE:.0f} % of the runs reach the target (runs that failed have not), hollow where "
    "fewer do; the bar ends at the largest depth that reaches it."
)


def largest_depths(scene: Scene, name: str) -> Iterator[Drawing]:
    """A panel a task, a row a network, the deepest first."""
    tables = [(ladder, largest_rows(ladder)) for ladder in scene.ladders if ladder.scores]
    tables = [(ladder, rows) for ladder, rows in tables if rows and len(ladder.depths) > 1]
    if not tables:
        return
    columns = row_columns({row["label"] for _, rows in tables for row in rows}, NARROWEST)
    height = 0.6 + ROW * max(len(rows) for _, rows in tables)
    parts = pages(tables, columns * max(1, int((TALLEST - 0.3) / height)))
    for page, part in enumerate(parts):
        figure, axes = grid(len(part), columns, height)
        for ax, (ladder, rows) in zip(axes, part, strict=True):
            _panel(ax, ladder, rows, scene)
        reached = Line2D([], [], label="reaches the target", **MARK)
        missed = Line2D([], [], label="does not", **{**MARK, **HOLLOW})
        legend_below(figure, [reached, missed])
        targets = " ".join(f"{ladder.task}: {largest_sentence(ladder)}" for ladder, _ in part)
        words = f"{CAPTION} {targets}"
        yield finish(figure, *numbered(name, words, page, len(parts)))


def _panel(ax: Axes, ladder: Ladder, rows: Sequence[Mapping[str, Any]], scene: Scene) -> None:
    for place, row in enumerate(rows):
        colour = own_look(scene, row["label"]).colour
        counts = {depth: row[f"reached_at_{depth}"] for depth in ladder.depths}
        tried = {depth: Fraction(count) for depth, count in counts.items() if count}
        if row["largest_depth"]:
            ends = [min(tried), row["largest_depth"]]
            ax.plot(ends, [place, place], color=colour, linewidth=2.5, alpha=0.45, zorder=2)
        for depth, share in tried.items():
            fill = colour if share >= SHARE else "white"
            style = {**MARK, "color": colour, "markerfacecolor": fill}
            ax.plot(depth, place, zorder=3, **style)
    depth_axis(ax, ladder)
    name_rows(ax, [row["label"] for row in rows])
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("depth")
    ax.set_title(title(ladder.task, 2.2))
