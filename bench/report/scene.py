"""What the figures of one stack are drawn from, and what they share: lines, labels, groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from bench.report.ladder import Ladder
from bench.report.looks import Look
from bench.report.panels import MOST_GROUPS
from bench.report.roofline import Mark

BAND = ("pi", 100)
"""seaborn's name for the band from the lowest seed to the highest."""
BAND_WORDS = "the band reaches from the lowest seed to the highest"
NOTHING: dict[str, Any] = {"color": "0.45", "fontsize": 7, "ha": "center", "va": "center"}
"""How a row without any value says so."""


@dataclass(frozen=True)
class Scene:
    """What the figures of one stack are drawn from; the order of labels is the leaderboard's."""

    rows: pd.DataFrame
    board: pd.DataFrame
    facts: Mapping[str, Mapping[str, Any]]
    look: Mapping[str, Look]
    ladders: Sequence[Ladder] = ()
    marks: Sequence[Mark] = ()


def lines(
    ax: Axes,
    rows: pd.DataFrame,
    x: str,
    look: Mapping[str, Look],
    estimator: str = "mean",
    markers: bool = False,
    **style: Any,
) -> None:
    """A line and a band a label. Scales are set afterwards: seaborn averages in the axis' scale."""
    labels = list(rows["label"].unique())
    sns.lineplot(
        rows,
        x=x,
        y="value",
        hue="label",
        style="label",
        hue_order=labels,
        style_order=labels,
        palette={label: look[label].colour for label in labels},
        dashes={label: look[label].dashes for label in labels},
        markers={label: look[label].marker for label in labels} if markers else None,
        estimator=estimator,
        errorbar=BAND,
        err_kws={"alpha": 0.15, "linewidth": 0},
        legend=False,
        ax=ax,
        **style,
    )


def shown_groups(scene: Scene, rows: pd.DataFrame) -> tuple[list[str], str]:
    """The groups that have rows, in the report's order, and a sentence on those not drawn."""
    present = set(rows["group"])
    groups = [group for group in scene.facts if group in present]
    further = len(groups) - MOST_GROUPS
    return groups[:MOST_GROUPS], f" {further} further settings are not drawn." * (further > 0)


def shown_labels(scene: Scene, rows: pd.DataFrame) -> list[str]:
    """The labels that have rows, in the order in which the report introduces them."""
    present = set(rows["label"])
    return [label for label in scene.look if label in present]


def updates_text(rows: pd.DataFrame) -> str:
    """After how many updates the rows were measured."""
    if rows.empty:
        return "no value"
    first, last = rows["step"].min(), rows["step"].max()
    return f"after {first} updates" if first == last else f"after {first} to {last} updates"
