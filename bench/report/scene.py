"""What the figures of one stack are drawn from, and what they share: lines, labels, groups."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from bench.report.ladder import Ladder
from bench.report.legend_columns import is_headline
from bench.report.log_axis import log_ticks
from bench.report.roofline import Mark
from bench.report.speed import Point
from bench.report.styles import THICK, THIN, Look

NOTHING: dict[str, Any] = {"color": "0.45", "fontsize": 7, "ha": "center", "va": "center"}
"""How a row without any value says so."""
FAINT: dict[str, Any] = {"color": "0.82", "linewidth": 0.6, "zorder": 1.5}
"""The lines of the models that have no colour in a panel."""
FEW_POINTS = 40
"""So many points are enough for them."""
FEW_MARKS = 6
"""The points of a curve are marked where they are no more than these."""


@dataclass(frozen=True)
class Scene:
    """What the figures of one stack are drawn from; the order of labels is the leaderboard's.

    targets: the rows of `target_curves`; profile: those of `Across.profile`.
    """

    rows: pd.DataFrame
    board: pd.DataFrame
    facts: Mapping[str, Mapping[str, Any]]
    look: Mapping[str, Look]
    ladders: Sequence[Ladder] = ()
    marks: Sequence[Mark] = ()
    points: Sequence[Point] = ()
    targets: pd.DataFrame = field(default_factory=pd.DataFrame)
    profile: pd.DataFrame = field(default_factory=pd.DataFrame)


def lines(
    ax: Axes, table: pd.DataFrame, x: str, labels: Sequence[str], look: Mapping[str, Look]
) -> None:
    """A line and a band a label of the averages; those of all other labels in grey."""
    table = table.sort_values(x, kind="stable")
    own = dict(iter(table.groupby("label")))
    rest = [thinned(same[[x, "value"]]) for label, same in own.items() if label not in labels]
    if rest:
        ax.add_collection(LineCollection(rest, **FAINT))
    ink = min(0.15, max(0.06, 0.8 / max(1, len(labels))))
    for label in labels:
        same = own.get(label)
        if same is not None and (same["n"] > 1).any():
            style: dict[str, Any] = {"color": look[label].colour, "alpha": ink, "linewidth": 0}
            ax.fill_between(same[x], same["low"], same["high"], zorder=1.8, **style)
    for label in labels:
        if label in own:
            _line(ax, own[label], x, look[label], is_headline(label))
    ax.autoscale_view()


def thinned(points: pd.DataFrame) -> np.ndarray:
    """Every so manieth of the points, the last among them."""
    stride = max(1, math.ceil(len(points) / FEW_POINTS))
    return points.to_numpy(float)[::-1][::stride][::-1]


def hug(ax: Axes, values: pd.Series, *further: float, margin: float = 0.06) -> None:
    """Limits the height of a linear panel to the values, whatever the bands reach."""
    low, high = min(values.min(), *further, math.inf), max(values.max(), *further, -math.inf)
    room = margin * (high - low) or 0.05 * abs(high) or 0.05
    ax.set_ylim(low - room, high + room)


def hug_log(ax: Axes, values: pd.Series, margin: float = 0.05) -> None:
    """The same of a logarithmic panel, with its ticks; what is not positive has no place there."""
    positive = values[values > 0]
    low, high = float(positive.min()), float(positive.max())
    room = max((high / low) ** margin, 1.05)
    ax.set_ylim(low / room, high * room)
    log_ticks(ax.yaxis)


def shown_groups(scene: Scene, rows: pd.DataFrame) -> list[str]:
    """The groups that have rows, in the report's order."""
    present = set(rows["group"])
    return [group for group in scene.facts if group in present]


def shown_labels(scene: Scene, rows: pd.DataFrame) -> list[str]:
    """The labels that have rows, in the order in which the report introduces them."""
    present = set(rows["label"])
    return [label for label in scene.look if label in present]


def labels_of(rows: pd.DataFrame, groups: Sequence[str]) -> dict[str, list[str]]:
    """The labels that have rows in each of the groups."""
    own = rows.groupby("group")["label"].unique()
    return {group: list(own[group]) for group in groups}


def ranked_labels(scene: Scene, rows: pd.DataFrame) -> list[str]:
    """The labels that have rows, the one with the best mean place in the leaderboards first."""
    places: dict[str, list[float]] = {}
    for _, group in scene.board.groupby("group", sort=False):
        for place, label in enumerate(group["label"]):
            places.setdefault(label, []).append(place / len(group))
    labels = shown_labels(scene, rows)
    return sorted(labels, key=lambda label: fmean(places.get(label, [1.0])))


def updates_text(rows: pd.DataFrame) -> str:
    """After how many updates the rows were measured."""
    if rows.empty:
        return "no value"
    first, last = rows["step"].min(), rows["step"].max()
    return f"after {first} updates" if first == last else f"after {first} to {last} updates"


def _line(ax: Axes, points: pd.DataFrame, x: str, look: Look, thick: bool) -> None:
    ax.plot(
        points[x],
        points["value"],
        marker="." if len(points) <= FEW_MARKS else "",
        markersize=5 if thick else 3.5,
        color=look.colour,
        linestyle=look.linestyle,
        linewidth=THICK if thick else THIN,
        zorder=3 if thick else 2.5,
    )
