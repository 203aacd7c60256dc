"""The history drawn: a panel a benchmark, a line a parameter, commits from old to new."""

import io
import math
import re
from collections.abc import Mapping
from typing import Any

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.perf.results import benchmark_of

COLUMNS = 3
WIDE = 5
"""Values so many times apart are drawn on a logarithmic axis, others on one from zero."""
STYLE: dict[Any, Any] = {
    **sns.axes_style("whitegrid"),
    "font.sans-serif": ["DejaVu Sans"],  # shipped with matplotlib, so that every machine has it
    "font.size": 8,
    "axes.titlesize": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "perf",
}


def draw(table: pd.DataFrame, units: Mapping[str, str], name: str) -> str:
    """The figure as SVG: the same bytes each time, identifiers that begin with the name."""
    panels = [(b, rows) for b, rows in table.groupby(benchmark_of) if rows.notna().any(axis=None)]
    rows = math.ceil(len(panels) / COLUMNS)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4 * COLUMNS, 2.6 * rows), layout="constrained")
        axes = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
        for ax, (benchmark, points) in zip(axes, panels, strict=False):
            _panel(ax, points)
            ax.set(title=benchmark, ylabel=units[points.index[0]])
        for spare in axes[len(panels) :]:
            spare.set_axis_off()
        text = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(text, format="svg", metadata=nothing)
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text.getvalue())
    return svg[svg.index("<svg") :]


def _panel(ax: Axes, points: pd.DataFrame) -> None:
    """A line for each point that has a value."""
    points = points.dropna(how="all")
    places = range(len(points.columns))
    colours = sns.color_palette("colorblind", len(points))
    for (point, row), colour in zip(points.iterrows(), colours, strict=True):
        label = _parameter(str(point))
        ax.plot(places, row, label=label, color=colour, marker="o", markersize=3)
    if points.max().max() > WIDE * points.min().min() > 0:
        ax.set_yscale("log")
    else:
        ax.set_ylim(0, 1.1 * points.max().max() or None)
    ax.set_xticks(places, points.columns, rotation=30, ha="right")
    if len(points) > 1:
        ax.legend(frameon=False, fontsize=7, ncols=2)


def _parameter(point: str) -> str:
    return point.partition("(")[2].removesuffix(")").replace("'", "")
