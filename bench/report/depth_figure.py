"""The figure of a paper on depth: what every network reaches, and what comes through it.

A task is a column. Above, its score against depth: of the networks, then of the proposed ones
beside their controls. Below, the ratios of `triple`, at the start and the end.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.curves import MARKS, curve, depth_axis, edge_marks, offset, own_look
from bench.report.ladder import Ladder, best_shallows
from bench.report.legend_columns import legend_entries
from bench.report.log_axis import set_ticks
from bench.report.panels import PAGE, Drawing, finish, legend_below, numbered, pages
from bench.report.proposed import is_lead
from bench.report.references import REFERENCES
from bench.report.scene import NOTHING, Scene
from bench.report.score_panel import (
    BEST_SHALLOW,
    EQUAL_SHALLOW,
    control_panel,
    has_controls,
    score_panel,
)
from bench.report.score_panel import CAPTION as SCORE_CAPTION
from bench.report.signal_ratios import RATIOS, limits, triple
from bench.report.signals import STAGES, powers

MOST_TASKS = 3
SCORE_HEIGHT, RATIO_HEIGHT, ONE_TASK = 1.75, 1.05, 4.8
"""Inches: the height of panels, and the width of a figure of one task."""
WHEN = {"first": "at the start", "last": "at the end"}
FROZEN: dict[str, Any] = {
    "label": "frozen core",
    "color": "0.35",
    "marker": "o",
    "markerfacecolor": "white",
    "markersize": 4,
    "linestyle": (0, (1, 1.2)),
    "linewidth": 1.0,
}
TRIPLE_CAPTION = (
    "Below, of the networks that are trained, before and after training, the median over the seeds "
    "that have a number: "
    "the norm of the state after the last layer over that before the first, the norm of the "
    "gradient before the first layer over that after the last, and the gradient of the first "
    "layer's weights over that of the readout's. "
)


def depth(scene: Scene, name: str) -> Iterator[Drawing]:
    """Scores and ratios against depth, for tasks of which several depths were tested."""
    climbed = [each for each in scene.ladders if each.scores and len(each.depths) > 1]
    parts = pages(climbed, MOST_TASKS)
    for page, shown in enumerate(parts):
        figure, kinds = _page(scene, shown)
        caption = f"Depth. {SCORE_CAPTION}" + TRIPLE_CAPTION * bool(kinds) + MARKS
        yield finish(figure, *numbered(name, caption, page, len(parts)))


def _page(scene: Scene, shown: Sequence[Ladder]) -> tuple[Figure, list[str]]:
    """The figure of these tasks, and which ratios it shows."""
    ratios = [triple(ladder) for ladder in shown]
    every = pd.concat(ratios)
    kinds = [kind for kind in RATIOS if (every["ratio"] == kind).any()]
    scored = [score_panel, *([control_panel] if any(map(has_controls, shown)) else [])]
    figure, scores, panels = _canvas(len(shown), len(scored), len(kinds))
    for place, (ladder, rows) in enumerate(zip(shown, ratios, strict=True)):
        for draw_panel, axes in zip(scored, scores, strict=True):
            draw_panel(axes[place], ladder, scene)
        for kind, axes in zip(kinds, panels, strict=True):
            ends = limits(every[every["ratio"] == kind])
            for stage, ax in zip(STAGES, axes[2 * place :], strict=False):
                read = rows[(rows["ratio"] == kind) & (rows["stage"] == stage)]
                _ratio_panel(ax, read, ladder, scene, ends)
    _label(scores, panels, kinds)
    legend_below(figure, _legend(scene, shown))
    return figure, kinds


def _canvas(
    tasks: int, scored: int, kinds: int
) -> tuple[Figure, list[list[Axes]], list[list[Axes]]]:
    """The figure, rows of panels of scores, and a row of two panels a task for each ratio."""
    heights = [*[SCORE_HEIGHT] * scored, *[RATIO_HEIGHT] * kinds]
    width = PAGE if tasks > 1 else ONE_TASK
    figure = Figure(figsize=(width, 0.3 + sum(heights)), layout="constrained")
    cells = figure.add_gridspec(scored + kinds, 2 * tasks, height_ratios=heights)
    scores = [
        [figure.add_subplot(cells[row, 2 * k : 2 * k + 2]) for k in range(tasks)]
        for row in range(scored)
    ]
    panels = [
        [figure.add_subplot(cells[scored + row, column]) for column in range(2 * tasks)]
        for row in range(kinds)
    ]
    return figure, scores, panels


def _ratio_panel(
    ax: Axes, rows: pd.DataFrame, ladder: Ladder, scene: Scene, ends: tuple[float, float]
) -> None:
    """The medians of each network; what lies beyond the axis at its edge."""
    low, high = ends
    ax.set_yscale("log")
    ax.axhline(1, color="0.35", linewidth=0.7, zorder=1)
    for label in dict.fromkeys(rows["label"]):
        same, look = rows[rows["label"] == label], own_look(scene, label)
        curve(ax, same["depth"], same["value"].clip(low, high), look, is_lead(label))
        places = same["depth"] * offset(str(label), scene)
        edge_marks(ax, places[same["value"] < low], "v", look)
        edge_marks(ax, places[same["value"] > high], "^", look)
        edge_marks(ax, places[same["missing"]], "x", look)
    depth_axis(ax, ladder)
    ax.set_ylim(ends)
    set_ticks(ax.yaxis, powers(*ends)[-5:])
    if rows.empty:
        ax.text(0.5, 0.5, "no value", transform=ax.transAxes, **NOTHING)


def _label(
    scores: Sequence[Sequence[Axes]], panels: Sequence[Sequence[Axes]], kinds: Sequence[str]
) -> None:
    """Names on the outer panels alone: what is shown on the left, when above, depth below."""
    for row, axes in enumerate(scores):
        for ax in axes:
            ax.set_title(ax.get_title() if row == 0 else "")
            ax.set_xlabel("" if panels or row < len(scores) - 1 else "depth")
    for kind, axes in zip(kinds, panels, strict=True):
        axes[0].set_ylabel(RATIOS[kind])
        for ax in axes[1:]:
            ax.set_yticklabels([])
    for row, axes in enumerate(panels):
        for column, ax in enumerate(axes):
            if row == 0:
                ax.set_title(WHEN[STAGES[column % 2]])
            ax.set_xlabel("depth" if row == len(panels) - 1 else "")


def _legend(scene: Scene, shown: Sequence[Ladder]) -> list[Line2D]:
    """The networks, the proposed ones thick, then what the marks are that occur."""
    climbers = {rung["label"] for ladder in shown for rung in ladder.climbers}
    labels = [label for label in scene.look if label in climbers]
    marks = (
        (FROZEN, any(rung["frozen"] for ladder in shown for rung in ladder.rungs)),
        (REFERENCES["chance"], any(ladder.facts["chance"] is not None for ladder in shown)),
        (BEST_SHALLOW, any(best_shallows(ladder) for ladder in shown)),
        (EQUAL_SHALLOW, any(ladder.shallow for ladder in shown)),
    )
    return legend_entries(labels, scene.look, marker=True) + [
        Line2D([], [], **style) for style, occurs in marks if occurs
    ]
