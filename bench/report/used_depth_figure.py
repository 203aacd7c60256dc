"""Whether the depth is used, as a figure: sweeps, what a layer's absence costs, what has moved.

A task is a column. Above, the Picard depth against depth, before and after training; below, layer
by layer, in the deepest network of each model.
"""

import math
from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.curves import curve, depth_axis, edge_marks, offset
from bench.report.depth_figure import MOST_TASKS
from bench.report.ladder import Ladder, is_lead
from bench.report.panels import Drawing, entries, finish, grid, legend_below, plain, title
from bench.report.scene import Scene
from bench.report.signals import STAGES, at_stage
from bench.report.spectra import THICK, THIN
from bench.report.used_depth import ERROR, ablation, movement, picard

CAPTION = (
    "Used depth, the median over seeds. Picard depth: sweeps over all layers at once until the "
    f"output is within {ERROR} of the exact one, dotted and hollow before training, ▲ not within "
    "the sweeps tried. Score lost: by the deepest network of each model that was looked at, "
    "without the matrices of one layer. Movement: of that layer's matrices, over their initial "
    "norm, × no number."
)


def used_depth(scene: Scene, name: str) -> Drawing | None:
    """The panels of the three diagnostics for which there are values, a column a task."""
    shown = [each for each in scene.ladders if any(len(read(each)) for read in ROWS.values())]
    shown = shown[:MOST_TASKS]
    kinds = [kind for kind, read in ROWS.items() if any(len(read(each)) for each in shown)]
    if not shown:
        return None
    figure, axes = grid(len(kinds) * len(shown), len(shown), 3.7, 2.3)
    for place, ax in enumerate(axes):
        kind, ladder = kinds[place // len(shown)], shown[place % len(shown)]
        PANELS[kind](ax, ROWS[kind](ladder), ladder, scene)
        ax.set_ylabel(plain(kind))
        if place < len(shown):
            ax.set_title(title(ladder.task))
    labels = {label for each in shown for read in ROWS.values() for label in read(each)["label"]}
    legend_below(figure, _legend(scene, [label for label in scene.look if label in labels]))
    return finish(figure, name, CAPTION, pdf=True)


def _sweeps(ax: Axes, rows: pd.DataFrame, ladder: Ladder, scene: Scene) -> None:
    """Sweeps against depth; what needs more than were tried at the upper edge."""
    for stage in STAGES:
        medians = at_stage(rows, stage).groupby(["label", "depth"], sort=False)["value"].median()
        for label in dict.fromkeys(medians.index.get_level_values("label")):
            own, look = medians[label].sort_index(), scene.look[label]
            known = own[own < math.inf]
            before = stage == STAGES[0]
            curve(ax, known.index.to_series(), known, look, is_lead(label), before)
            beyond = own[own == math.inf].index.to_series() * offset(label, scene)
            edge_marks(ax, beyond, "^", look, before)
    depth_axis(ax, ladder)
    ax.margins(y=0.12)
    ax.set_xlabel("depth")


def _by_layer(ax: Axes, rows: pd.DataFrame, ladder: Ladder, scene: Scene) -> None:
    """Medians against the layer's place in the deepest network of each label."""
    deepest = rows[rows["depth"] == rows.groupby("label")["depth"].transform("max")]
    medians = deepest.groupby(["label", "place"], sort=False)["value"].median()
    for label in dict.fromkeys(medians.index.get_level_values("label")):
        own, look = medians[label].sort_index(), scene.look[label]
        curve(ax, own.index.to_series(), own, look, is_lead(label))
        lost = own[~own.abs().lt(math.inf)].index
        edge_marks(ax, list(lost), "x", look)
    ax.set(xlabel="place of the layer: 0 the first, 1 the last", xlim=(-0.03, 1.03))


def _legend(scene: Scene, labels: Sequence[str]) -> list[Line2D]:
    models = entries(labels, scene.look, marker=True)
    for line, label in zip(models, labels, strict=True):
        line.set_linewidth(THICK if is_lead(label) else THIN)
    return models


ROWS: dict[str, Callable[[Ladder], pd.DataFrame]] = {
    "Picard depth": picard,
    "score lost": ablation,
    "movement": movement,
}
PANELS: dict[str, Callable[[Axes, pd.DataFrame, Ladder, Scene], None]] = {
    "Picard depth": _sweeps,
    "score lost": _by_layer,
    "movement": _by_layer,
}
