"""Whether the depth is used, as a figure: sweeps, what a layer's absence costs, what has moved.

A task is a column. Above, the Picard depth against depth, before and after training; below, layer
by layer, in the deepest network of each model.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.curves import aside, curve, depth_axis, edge_marks, offset
from bench.report.depth_figure import MOST_TASKS
from bench.report.ladder import Ladder
from bench.report.legend_columns import legend_entries
from bench.report.panels import (
    Drawing,
    finish,
    grid,
    legend_below,
    numbered,
    pages,
    plain,
    title,
)
from bench.report.proposed import is_lead
from bench.report.scene import Scene, shown_labels
from bench.report.signals import STAGES
from bench.report.stages import by_stage
from bench.report.used_depth import ERROR, SWEEPS, ablation, movement, picard

CAPTION = (
    "Used depth, the median over the seeds that have a number. Picard depth: sweeps over all "
    f"layers at once until the output is within {ERROR} of the exact one, dotted and hollow before "
    f"training, ▲ more than {SWEEPS} sweeps, × undefined (the state is zero or not finite). Score "
    "lost: at the end, by the deepest network of each model that was looked at, without the "
    "matrices of one layer. Movement: of that layer's matrices, over their initial norm. × in any "
    "panel: fewer runs have a finite number there than were looked at; at both ends of the layers, "
    "none has in a deeper network."
)


WIDTH = 0.02
"""Marks of different networks stand side by side, up to so far from the layer's place."""


class Looked(NamedTuple):
    """A ladder, and by kind of diagnostic what was read on it."""

    ladder: Ladder
    rows: Mapping[str, pd.DataFrame]


def used_depth(scene: Scene, name: str) -> Iterator[Drawing]:
    """The panels of the three diagnostics for which there are values, a column a task."""
    looked = [_looked(ladder) for ladder in scene.ladders]
    parts = pages([each for each in looked if any(map(len, each.rows.values()))], MOST_TASKS)
    for page, shown in enumerate(parts):
        yield finish(_page(scene, shown), *numbered(name, CAPTION, page, len(parts)))


def _looked(ladder: Ladder) -> Looked:
    return Looked(ladder, {kind: read(ladder) for kind, read in ROWS.items()})


def _page(scene: Scene, shown: Sequence[Looked]) -> Figure:
    """The figure of these tasks."""
    kinds = [kind for kind in ROWS if any(len(each.rows[kind]) for each in shown)]
    figure, axes = grid(len(kinds) * len(shown), len(shown), 1.7)
    for place, ax in enumerate(axes):
        kind, (ladder, rows) = kinds[place // len(shown)], shown[place % len(shown)]
        PANELS[kind](ax, rows[kind], asked(ladder, DIAGNOSTICS[kind]), scene)
        ax.set_ylabel(plain(kind) if place % len(shown) == 0 else "")
        if place < len(shown):
            ax.set_title(title(ladder.task, 2.2))
    labels = {label for each in shown for rows in each.rows.values() for label in rows["label"]}
    ordered = [label for label in scene.look if label in labels]
    legend_below(figure, legend_entries(ordered, scene.look, marker=True))
    return figure


def asked(ladder: Ladder, diagnostic: str) -> Ladder:
    """The ladder with only those runs counted of which the diagnostic was asked."""
    return replace(ladder, rungs=[{**r, "runs": r["asked"][diagnostic]} for r in ladder.rungs])


def _sweeps(ax: Axes, rows: pd.DataFrame, ladder: Ladder, scene: Scene) -> None:
    """Sweeps against depth; what needs more than were tried at the upper edge."""
    read = by_stage(rows, ladder.rungs)
    for (stage, label), own in read.groupby(["stage", "label"], sort=False):
        look, before = scene.look[str(label)], stage == STAGES[0]
        known = own[own["value"] < math.inf]
        curve(ax, known["depth"], known["value"], look, is_lead(str(label)), before)
        places = own["depth"] * offset(str(label), scene)
        edge_marks(ax, places[own["value"] == math.inf], "^", look, before)
        edge_marks(ax, places[own["missing"]], "x", look, before)
    depth_axis(ax, ladder)
    ax.margins(y=0.12)
    ax.set_xlabel("depth")


def _by_layer(ax: Axes, rows: pd.DataFrame, ladder: Ladder, scene: Scene) -> None:
    """Medians against the layer's place in the deepest network of each label."""
    for label in shown_labels(scene, rows):
        same, look = rows[rows["label"] == label], scene.look[label]
        own = [rung for rung in ladder.rungs if rung["label"] == label and rung["runs"]]
        runs = {rung["depth"]: rung["runs"] for rung in own}
        deepest = same["depth"].max()
        read = same[same["depth"] == deepest].groupby("place")["value"]
        medians = read.median()
        finite = medians[medians.abs() < math.inf]
        curve(ax, finite.index.to_series(), finite, look, is_lead(label))
        lost = {place for place in medians.index if place not in finite.index}
        lost |= {place for place, n in read.count().items() if n < runs.get(deepest, 0)}
        lost |= {0.0, 1.0} if max(runs, default=0) > deepest else set()
        edge_marks(ax, [x + WIDTH * aside(label, scene) for x in sorted(lost)], "x", look)
    ax.set(xlabel="layer: 0 the first, 1 the last", xlim=(-0.03, 1.03))


ROWS: dict[str, Callable[[Ladder], pd.DataFrame]] = {
    "Picard depth": picard,
    "score lost": ablation,
    "movement": movement,
}
DIAGNOSTICS = {
    "Picard depth": "picard-depth",
    "score lost": "layer-ablation",
    "movement": "weight-movement",
}
PANELS: dict[str, Callable[[Axes, pd.DataFrame, Ladder, Scene], None]] = {
    "Picard depth": _sweeps,
    "score lost": _by_layer,
    "movement": _by_layer,
}
