"""The figure of a paper on depth: what every network reaches, and what comes through it.

A task is a column. Above, its score against depth, with the same networks whose core is frozen,
chance and the shallow networks; below, the ratios of `triple`, at the start and the end.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.curves import MARKS, curve, depth_axis, edge_marks, offset, own_look
from bench.report.ladder import Ladder, best_shallows, is_lead
from bench.report.panels import Drawing, entries, finish, legend_below
from bench.report.scene import Scene
from bench.report.score_panel import BEST_SHALLOW, CHANCE, EQUAL_SHALLOW, score_panel
from bench.report.score_panel import CAPTION as SCORE_CAPTION
from bench.report.sentences import further_tasks
from bench.report.signals import STAGES, powers
from bench.report.spectra import THICK, THIN
from bench.report.triple import RATIOS, limits, triple

MOST_TASKS = 4
COLUMN, SCORE_HEIGHT, RATIO_HEIGHT = 3.7, 3.0, 1.55
"""Inches."""
WHEN = {"first": "at the start", "last": "at the end"}
FROZEN: dict[str, Any] = {
    "label": "frozen core",
    "color": "0.35",
    "marker": "o",
    "markerfacecolor": "white",
    "markersize": 4.5,
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


def depth(scene: Scene, name: str) -> Drawing | None:
    """Scores and ratios against depth, for tasks of which several depths were tested."""
    climbed = [each for each in scene.ladders if each.scores and len(each.depths) > 1]
    shown = climbed[:MOST_TASKS]
    if not shown:
        return None
    ratios = [triple(ladder) for ladder in shown]
    every = pd.concat(ratios)
    kinds = [kind for kind in RATIOS if (every["ratio"] == kind).any()]
    figure, scores, panels = _canvas(len(shown), len(kinds))
    for place, (ladder, rows) in enumerate(zip(shown, ratios, strict=True)):
        score_panel(scores[place], ladder, scene)
        for kind, axes in zip(kinds, panels, strict=True):
            ends = limits(every[every["ratio"] == kind])
            for stage, ax in zip(STAGES, axes[2 * place :], strict=False):
                read = rows[(rows["ratio"] == kind) & (rows["stage"] == stage)]
                _ratio_panel(ax, read, ladder, scene, ends)
    _label(panels, kinds)
    legend_below(figure, _legend(scene, shown))
    caption = f"Depth. {SCORE_CAPTION}" + TRIPLE_CAPTION * bool(kinds) + MARKS
    return finish(figure, name, caption + further_tasks(len(climbed) - len(shown)), pdf=True)


def _canvas(tasks: int, kinds: int) -> tuple[Figure, list[Axes], list[list[Axes]]]:
    """The figure, a panel of scores a task, and a row of two panels a task for each ratio."""
    width, height = COLUMN * max(tasks, 1.6), SCORE_HEIGHT + RATIO_HEIGHT * kinds
    figure = Figure(figsize=(width, height), layout="constrained")
    ratios = [SCORE_HEIGHT, *[RATIO_HEIGHT] * kinds]
    cells = figure.add_gridspec(1 + kinds, 2 * tasks, height_ratios=ratios)
    scores = [figure.add_subplot(cells[0, 2 * k : 2 * k + 2]) for k in range(tasks)]
    panels = [
        [figure.add_subplot(cells[1 + row, column]) for column in range(2 * tasks)]
        for row in range(kinds)
    ]
    return figure, scores, panels


def _ratio_panel(
    ax: Axes, rows: pd.DataFrame, ladder: Ladder, scene: Scene, ends: tuple[float, float]
) -> None:
    """The medians of each network; what lies beyond the axis at its edge."""
    low, high = ends
    ax.set_yscale("log")
    ax.axhline(1, color="0.35", linewidth=0.9, zorder=1)
    for label in dict.fromkeys(rows["label"]):
        same, look = rows[rows["label"] == label], own_look(scene, label)
        curve(ax, same["depth"], same["value"].clip(low, high), look, is_lead(label))
        places = same["depth"] * offset(label, scene)
        edge_marks(ax, places[same["value"] < low], "v", look)
        edge_marks(ax, places[same["value"] > high], "^", look)
        edge_marks(ax, places[same["missing"]], "x", look)
    depth_axis(ax, ladder)
    ax.set(ylim=ends, yticks=powers(*ends))
    ax.minorticks_off()
    if rows.empty:
        ax.text(
            0.5, 0.5, "no value", transform=ax.transAxes, color="0.45", ha="center", va="center"
        )


def _label(panels: Sequence[Sequence[Axes]], kinds: Sequence[str]) -> None:
    """Names on the outer panels alone: what is shown on the left, when above, depth below."""
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
    models = entries(labels, scene.look, marker=True)
    for line, label in zip(models, labels, strict=True):
        line.set_linewidth(THICK if is_lead(label) else THIN)
    marks = (
        (FROZEN, any(rung["frozen"] for ladder in shown for rung in ladder.rungs)),
        (CHANCE, any(ladder.facts["chance"] is not None for ladder in shown)),
        (BEST_SHALLOW, any(best_shallows(ladder) for ladder in shown)),
        (EQUAL_SHALLOW, any(ladder.shallow for ladder in shown)),
    )
    return models + [Line2D([], [], **style) for style, occurs in marks if occurs]
