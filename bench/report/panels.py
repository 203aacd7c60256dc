"""A figure of small panels with one legend below them, and how a model looks everywhere."""

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from bench.report.formats import is_accuracy

COLOURS = [tuple(colour) for colour in sns.color_palette("colorblind", 10)]
DASHES: list[Any] = ["", (4, 1.5), (1, 1), (6, 1.5, 1, 1.5), (3, 1, 1, 1, 1, 1), (8, 2), (2, 3)]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
STYLE: dict[str, Any] = {
    **sns.axes_style("whitegrid"),
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "grid.linewidth": 0.6,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
}
MOST_PANELS = 16


class Look(NamedTuple):
    """A colour for the model; dashes and a marker that tell apart what shares the colour."""

    colour: tuple
    dashes: Any
    marker: str


@dataclass(frozen=True)
class Drawing:
    """A finished figure: the name of its files, its caption, and the bytes."""

    name: str
    caption: str
    svg: str
    png: bytes


def looks(runs: pd.DataFrame) -> dict[str, Look]:
    """The look of every label in the report: the same wherever the label stands."""
    models = sorted(runs["model"].unique())
    turns = math.ceil(len(models) / len(COLOURS))
    found = {}
    for number, model in enumerate(models):
        labels = sorted(runs.loc[runs["model"] == model, "label"].unique())
        for variant, label in enumerate(labels):
            turn = (number // len(COLOURS) + variant * turns) % len(DASHES)
            found[label] = Look(COLOURS[number % len(COLOURS)], DASHES[turn], MARKERS[turn])
    return found


def grid(panels: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes, row by row; it belongs to no pyplot state."""
    columns = min(columns, panels)
    rows = math.ceil(panels / columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[panels:]:
        spare.set_axis_off()
    return figure, axes[:panels]


def legend_below(figure: Figure, handles: Sequence[Line2D]) -> None:
    """The legend under all panels, as many columns as fit, the figure grown by its height."""
    if not handles:
        return
    longest = max(len(str(handle.get_label())) for handle in handles)
    width, height = figure.get_size_inches()
    columns = max(1, min(len(handles), int(width / (0.65 + 0.075 * longest))))
    figure.set_size_inches(width, height + 0.2 + 0.19 * math.ceil(len(handles) / columns))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, frameon=False)


def handles(labels: Sequence[str], look: Mapping[str, Look], marker: bool) -> list[Line2D]:
    """A legend entry for each label."""
    return [
        Line2D([], [], color=look[label].colour, label=label, markersize=4,
               marker=look[label].marker if marker else "",
               linestyle=(0, look[label].dashes) if look[label].dashes else "-")
        for label in labels
    ]


def score_axis(axis: Any, metric: str) -> None:
    """Percent for an accuracy."""
    if is_accuracy(metric):
        axis.set_major_formatter(PercentFormatter(xmax=1))


def finish(figure: Figure, name: str, caption: str) -> Drawing:
    """The drawing: the same bytes each time, and no identifier that another drawing has."""
    vector, raster = io.StringIO(), io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(vector, format="svg", metadata=nothing)
    figure.savefig(raster, format="png", dpi=150, metadata={"Software": None})
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", vector.getvalue())
    return Drawing(name, caption, svg, raster.getvalue())


def styled() -> Any:
    """The context in which figures are drawn and saved; it leaves no setting behind."""
    return matplotlib.rc_context(STYLE)
