"""A panel of spectra: a row a model, its singular values as strokes, theory's band behind them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.looks import Look, is_proposed
from bench.report.panels import entries, plain
from bench.report.scene import NOTHING
from bench.report.signals import widest
from bench.report.statistics import CEILING, FLOOR

FEWEST_ROWS = 4
"""A panel of fewer rows leaves room below them."""
HALF = 0.34
"""Half the height of a stroke, in rows."""
THICK, THIN = 2.0, 0.9
"""Line widths of a proposed model and of the others."""
BOUNDS = {-1: (FLOOR, "<"), 1: (CEILING, ">")}
STROKE: dict[str, Any] = {"linewidth": 0.8}
MEDIAN: dict[str, Any] = {
    "marker": "o",
    "markersize": 3.2,
    "markerfacecolor": "white",
    "markeredgecolor": "0.1",
    "markeredgewidth": 0.7,
    "linestyle": "",
}


def spectrum_rows(
    ax: Axes,
    spectrum: pd.DataFrame,
    band: pd.DataFrame,
    labels: Sequence[str],
    look: Mapping[str, Look],
) -> None:
    """The labels from top to bottom, also one that has no value."""
    for place, label in enumerate(labels):
        colour = look[label].colour
        _band(ax, place, band[band["label"] == label], colour)
        _strokes(ax, place, spectrum[spectrum["label"] == label], colour)
    ax.set_xscale("log")
    ax.set_yticks(range(len(labels)), [])
    ax.set_ylim(max(len(labels), FEWEST_ROWS) - 0.5, -0.5)


def name_rows(ax: Axes, labels: Sequence[str], look: Mapping[str, Look]) -> None:
    """Beside each row the model's name, and its line in the panel of gradients."""
    ax.set_yticks(range(len(labels)), [plain(label) for label in labels])
    ax.tick_params(axis="y", pad=24)
    for place, (label, line) in enumerate(zip(labels, entries(labels, look), strict=True)):
        thick = is_proposed(label)
        ax.get_yticklabels()[place].set_fontweight("bold" if thick else "normal")
        line.set(xdata=[-0.13, -0.01], ydata=[place, place], linewidth=THICK if thick else THIN)
        line.set(transform=ax.get_yaxis_transform(), clip_on=False)
        ax.add_line(line)


def mark_entries() -> list[Line2D]:
    """The legend's entries for a row's marks."""
    stroke: dict[str, Any] = {"color": "0.35", "marker": "|", "markersize": 7, **STROKE}
    return [
        Line2D([], [], label="singular values", **stroke),
        Line2D([], [], label="their median", **MEDIAN),
    ]


def _band(ax: Axes, place: int, band: pd.DataFrame, colour: tuple) -> None:
    """Theory's bounds at the largest distance, which are those of the whole Jacobian."""
    edges = widest(band).tail(1)
    style: dict[str, Any] = {"facecolor": (*colour, 0.3), "edgecolor": (*colour, 0.6)}
    for lower, upper in zip(edges["lower"], edges["upper"], strict=True):
        rows = [place - 0.45, place + 0.45]
        ax.fill_betweenx(rows, lower, upper, linewidth=0.5, zorder=0.9, **style)


def _strokes(ax: Axes, place: int, spectrum: pd.DataFrame, colour: tuple) -> None:
    """One path for all strokes, so that a page with many models stays small."""
    values = np.sort(spectrum["value"].to_numpy())
    if not len(values):
        text = ax.text(0.13, place, "no value", transform=ax.get_yaxis_transform(), **NOTHING)
        text.set_bbox({"facecolor": "white", "linewidth": 0, "pad": 1})
        return
    ends = np.tile([place - HALF, place + HALF, np.nan], len(values))
    ax.plot(np.repeat(values, 3), ends, color=colour, **STROKE)
    ax.plot(values[[0, -1]], [place, place], color=colour, **STROKE)
    for bound, (value, marker) in BOUNDS.items():
        if (spectrum["bound"] == bound).any():
            ax.plot(value, place, color=colour, marker=marker, markersize=5)
    ax.plot(np.median(values), place, **MEDIAN)
