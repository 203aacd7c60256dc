"""How a model looks: the same colour, dashes and marker in every figure of every report.

A look comes from the model's name and the suites' list of all models, not from the records. The
proposed models have four strong colours to themselves. All others share eight, with dashes and
markers that tell apart what has the same colour, and what colour-blind eyes take for the same.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, cast
from zlib import crc32

import matplotlib
import pandas as pd
import seaborn as sns

from bench.report.proposed import is_proposed
from bench.suites.names import (
    DEPTH_RIVALS,
    FURTHER_DEPTH_RIVALS,
    FURTHER_TIME_RIVALS,
    IMAGE_MODELS,
    LINEAR_CONTROLS,
    SHALLOW,
    SQRT_CONTROLS,
    TIME_RIVALS,
)

Colour = tuple[float, float, float]
PROPOSED = (
    (
        *("roaf", "roaf-cycle", "roaf-identity"),
        *("roaf-mlp", "roaf-mlp-identity", "roaf-mlp-signed-permutation", "cnn-roaf"),
    ),
    (
        *("roaf-rotations", "roaf-hadamard"),
        *("roaf-mlp-sqrt", "roaf-mlp-sqrt-identity", "roaf-mlp-sqrt-signed-permutation"),
    ),
    ("roaf-permutation", "roaf-reflections", "roaf-haar-rotations", "roaf-mlp-isometric"),
    (
        *("roaf-signed-permutation", "roaf-uniform-qr", "roaf-mixed-rotations"),
        "roaf-mlp-fixed",
    ),
)
"""The proposed models, those of one colour together."""
STRONG = ("#0173b2", "#d55e00", "#029e73", "#c77cff")
OTHERS = ("#56b4e9", "#74c476", "#6b3a10", "#999999", "#882255", "#e377c2", "#332288", "#de8f05")
"""Chosen so that what has the same dashes stays apart in the three kinds of colour blindness."""
THICK, THIN = 1.6, 0.9
"""Line widths of a proposed model and of the others."""
DASHES: list[Any] = ["", (4, 1.5), (1, 1), (6, 1.5, 1, 1.5), (3, 1, 1, 1, 1, 1), (8, 2), (2, 3)]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<"]
LENT = {"nn.RNN": "elman", "nn.LSTM": "lstm", "nn.GRU": "gru"}
"""Torch's own networks look like the models that are made of them."""
STYLE: dict[str, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # shipped with matplotlib, so that every machine has it
    **dict.fromkeys(("font.size", "axes.titlesize", "axes.labelsize"), 8),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 7),
    **dict.fromkeys(("axes.labelpad", "xtick.major.pad", "ytick.major.pad"), 2),
    "axes.titlepad": 3,
    "axes.linewidth": 0.7,
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.1,
    "legend.labelspacing": 0.3,
    "legend.columnspacing": 1.4,
    "legend.borderaxespad": 0.2,
    "figure.constrained_layout.w_pad": 0.05,
    "figure.constrained_layout.h_pad": 0.04,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "svg.hashsalt": "report",
}
"""For a page of paper: text of 7 and 8 points."""


class Look(NamedTuple):
    """A colour for the model; dashes and a marker that tell apart what shares the colour."""

    colour: Colour
    dashes: Any
    marker: str

    @property
    def linestyle(self) -> Any:
        """The dashes as matplotlib takes them."""
        return (0, self.dashes) if self.dashes else "-"


class Place(NamedTuple):
    """Where a model's look begins: its colour, its place in the dashes and in the markers."""

    colour: str
    dashes: int
    marker: int


def looks(runs: pd.DataFrame) -> dict[str, Look]:
    """The look of every label in the report; the proposed models come first in every legend."""
    labels = {
        model: sorted(runs.loc[runs["model"] == model, "label"].unique())
        for model in sorted(runs["model"].unique(), key=order)
    }
    pairs = [
        (variant, model, label)
        for model, own in labels.items()
        for variant, label in enumerate(own)
    ]
    found: dict[str, Look] = {}
    for variant, model, label in sorted(pairs, key=lambda pair: (pair[0], pair[1] not in PLACES)):
        candidates = list(_candidates(place(model), variant))
        known = variant == 0 and model in PLACES
        found[label] = candidates[0] if known else _free(candidates, found.values(), variant > 0)
    return {label: found[label] for own in labels.values() for label in own}


def look_of(name: str) -> Look:
    """The look of a model, or of torch's own network, wherever it stands alone."""
    return next(_candidates(place(LENT.get(name, name)), 0))


def place(model: str) -> Place:
    """The model's place in the table, or for one that is not in it a place from its name."""
    if model in PLACES:
        return PLACES[model]
    number, colours = crc32(model.encode()), STRONG if is_proposed(model) else OTHERS
    return Place(colours[number % len(colours)], number // 8, number // 64)


def styled() -> AbstractContextManager:
    """The context in which figures are drawn and saved; it leaves no setting behind."""
    return matplotlib.rc_context(cast(Any, sns.axes_style("whitegrid") | STYLE))


def _candidates(start: Place, variant: int) -> Iterator[Look]:
    """The variant's look, then those that it takes where another model has that one."""
    colour = cast(Colour, tuple(int(start.colour[k : k + 2], 16) / 255 for k in (1, 3, 5)))
    for step in range(len(DASHES) * len(MARKERS)):
        dashes = DASHES[(start.dashes + 3 * variant + step) % len(DASHES)]
        yield Look(colour, dashes, MARKERS[(start.marker + variant + step) % len(MARKERS)])


def _free(candidates: Sequence[Look], taken: Collection[Look], apart: bool) -> Look:
    """The first that nobody has; `apart`: of which nobody of its colour has the dashes or the
    marker either, if there is one."""
    same = [look for look in taken if look.colour == candidates[0].colour]
    dashes, markers = {look.dashes for look in same}, {look.marker for look in same}
    free = [look for look in candidates if look not in same]
    clear = [x for x in free if x.dashes not in dashes and x.marker not in markers]
    return next(iter((clear if apart else []) + free), candidates[0])


def _places() -> Mapping[str, Place]:
    """Every model of the suites. Neighbours in a list differ in all three."""
    found = {}
    for number, (colour, models) in enumerate(zip(STRONG, PROPOSED, strict=True)):
        deep = [model for model in models if "mlp" in model or "cnn" in model]
        for names, first in (([m for m in models if m not in deep], 0), (deep, 4)):
            for turn, model in enumerate(names):
                found[model] = Place(colour, turn, number + first + turn)
    twins = [m for m in (*SQRT_CONTROLS, *LINEAR_CONTROLS) if not is_proposed(m)]
    image = [model for model in IMAGE_MODELS if not is_proposed(model)]
    deep = (*DEPTH_RIVALS, *twins, SHALLOW, *FURTHER_DEPTH_RIVALS, *image)
    for names in ((*TIME_RIVALS, *FURTHER_TIME_RIVALS), deep):
        for number, model in enumerate(names):
            turn, hue = divmod(number, len(OTHERS))
            found[model] = Place(OTHERS[hue], 2 * turn + hue % 2, hue + turn)
    return found


PLACES = _places()


def order(model: str) -> tuple:
    """The proposed models in the order of the table, then all others by name."""
    proposed = is_proposed(model)
    known = list(PLACES).index(model) if proposed and model in PLACES else len(PLACES)
    return not proposed, known, model
