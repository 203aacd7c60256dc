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
from bench.report.ladder import SHALLOW, Ladder, best_shallow, is_lead
from bench.report.panels import Drawing, entries, finish, legend_below, plain, score_axis, title
from bench.report.scene import Scene
from bench.report.signals import STAGES, powers
from bench.report.spectra import THICK, THIN
from bench.report.triple import RATIOS, limits, triple

MOST_TASKS = 4
COLUMN, SCORE_HEIGHT, RATIO_HEIGHT = 3.7, 3.0, 1.55
"""Inches."""
WHEN = {"first": "at the start", "last": "at the end"}
CHANCE: dict[str, Any] = {"label": "chance", "color": "0.35", "linestyle": "--", "linewidth": 1.1}
BEST_SHALLOW: dict[str, Any] = {
    "label": "best shallow network",
    "color": "0.1",
    "linestyle": "-.",
    "linewidth": 1.1,
}
EQUAL_SHALLOW: dict[str, Any] = {
    "label": "one hidden layer, equal parameters",
    "color": "0.1",
    "marker": "_",
    "markersize": 18,
    "markeredgewidth": 1.6,
    "linestyle": "",
}
FROZEN: dict[str, Any] = {
    "label": "frozen core",
    "color": "0.35",
    "marker": "o",
    "markerfacecolor": "white",
    "markersize": 4.5,
    "linestyle": (0, (1, 1.2)),
    "linewidth": 1.0,
}
CAPTION = (
    "Depth. Above: the final test score, a point the mean over the seeds that ended well, a stroke "
    "from the lowest to the highest; dotted and hollow, the same network with a frozen core. "
)
TRIPLE_CAPTION = (
    "Below, of the networks that are trained, before and after training, the median over seeds: "
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
        _score_panel(scores[place], ladder, scene)
        for kind, axes in zip(kinds, panels, strict=True):
            ends = limits(every[every["ratio"] == kind])
            for stage, ax in zip(STAGES, axes[2 * place :], strict=False):
                read = rows[(rows["ratio"] == kind) & (rows["stage"] == stage)]
                _ratio_panel(ax, read, ladder, scene, ends)
    _label(panels, kinds)
    legend_below(figure, _legend(scene, shown))
    further = len(climbed) - len(shown)
    caption = CAPTION + TRIPLE_CAPTION * bool(kinds) + MARKS
    return finish(
        figure, name, caption + f" {further} further tasks are not drawn." * (further > 0), pdf=True
    )


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


def _score_panel(ax: Axes, ladder: Ladder, scene: Scene) -> None:
    """Trained and frozen networks, chance, and the shallow ones as marks."""
    facts = ladder.facts
    if ladder.sign < 0 and min(ladder.scores) > 0:
        ax.set_yscale("log")
    rungs = pd.DataFrame([r for r in ladder.rungs if r["model"] != SHALLOW], dtype=object)
    for label, same in rungs.groupby("label", sort=False):
        _score_curve(ax, same, scene, offset(str(label), scene))
    if facts["chance"] is not None:
        ax.axhline(facts["chance"], zorder=1, **CHANCE)
    shallow = best_shallow(ladder)
    if shallow is not None:
        ax.axhline(shallow["score_mean"], zorder=1, **BEST_SHALLOW)
    equal = [(r["depth"], r["score_mean"]) for r in ladder.shallow if r["scores"]]
    if equal:
        ax.plot(*zip(*equal, strict=True), zorder=1.5, **EQUAL_SHALLOW)
    depth_axis(ax, ladder)
    score_axis(ax.yaxis, facts["metric"])
    ax.set(title=title(ladder.task), xlabel="depth")
    ax.set_ylabel(plain(f"test {facts['metric'] or 'score'}"))


def _score_curve(ax: Axes, rungs: pd.DataFrame, scene: Scene, shift: float) -> None:
    """Means with the range of the seeds, and a mark where no run ended well."""
    model, label, frozen = rungs[["model", "label", "frozen"]].iloc[0]
    look = own_look(scene, model if frozen else label)
    scored = rungs[rungs["score_mean"].astype(float).abs() < float("inf")]
    curve(ax, scored["depth"], scored["score_mean"], look, is_lead(model), frozen)
    for place, scores in zip(scored["depth"], scored["scores"], strict=True):
        ax.plot([place, place], [min(scores), max(scores)], color=look.colour, linewidth=0.6)
    lost = rungs.loc[~rungs.index.isin(scored.index) & (rungs["runs"] > 0), "depth"]
    edge_marks(ax, lost * shift, "x", look, frozen)


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
        edge_marks(ax, places[same["undefined"]], "x", look)
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
        (BEST_SHALLOW, any(best_shallow(ladder) is not None for ladder in shown)),
        (EQUAL_SHALLOW, any(ladder.shallow for ladder in shown)),
    )
    return models + [Line2D([], [], **style) for style, occurs in marks if occurs]
