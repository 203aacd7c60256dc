"""How a model looks: the same colour, dashes and marker in every figure of a report."""

import math
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, cast

import matplotlib
import pandas as pd
import seaborn as sns

STRONGEST_FIRST = (0, 1, 2, 3, 4, 5, 9, 7, 6, 8)
COLOURS = [tuple(sns.color_palette("colorblind", 10)[index]) for index in STRONGEST_FIRST]
DASHES: list[Any] = ["", (4, 1.5), (1, 1), (6, 1.5, 1, 1.5), (3, 1, 1, 1, 1, 1), (8, 2), (2, 3)]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
STYLE: dict[str, Any] = {
    **sns.axes_style("whitegrid"),
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # shipped with matplotlib, so that every machine has it
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "grid.linewidth": 0.6,
    "figure.constrained_layout.w_pad": 0.1,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "svg.hashsalt": "report",
}


class Look(NamedTuple):
    """A colour for the model; dashes and a marker that tell apart what shares the colour."""

    colour: tuple
    dashes: Any
    marker: str


def looks(runs: pd.DataFrame) -> dict[str, Look]:
    """The look of every label in the report; the proposed models come first in every legend."""
    models = sorted(runs["model"].unique(), key=lambda name: (not is_proposed(name), name))
    turns = math.ceil(len(models) / len(COLOURS))
    found = {}
    for number, model in enumerate(models):
        labels = sorted(runs.loc[runs["model"] == model, "label"].unique())
        for variant, label in enumerate(labels):
            turn = (number // len(COLOURS) + variant * turns) % len(DASHES)
            found[label] = Look(COLOURS[number % len(COLOURS)], DASHES[turn], MARKERS[turn])
    return found


def is_proposed(name: str) -> bool:
    """Whether the model, or the label that begins with its name, is a proposed one."""
    return name.startswith("roaf")


def styled() -> AbstractContextManager:
    """The context in which figures are drawn and saved; it leaves no setting behind."""
    return matplotlib.rc_context(cast(Any, STYLE))
