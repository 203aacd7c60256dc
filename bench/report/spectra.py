"""A panel of spectra: a row a model, its singular values as strokes, theory's band behind them."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.legend_columns import is_headline
from bench.report.panels import entries, plain
from bench.report.scene import NOTHING
from bench.report.signals import widest
from bench.report.statistics import CEILING, FLOOR
from bench.report.styles import THICK, THIN, Look

LETTERS = 26
"""A name that has more is broken into lines."""
FEWEST_ROWS = 4
"""A panel of fewer rows leaves room below them."""
HALF = 0.34
"""Half the height of a stroke, in rows."""
BOUNDS = {-1: (FLOOR, "<"), 1: (CEILING, ">")}
STROKE: dict[str, Any] = {"linewidth": 0.6}
MEDIAN: dict[str, Any] = {
    "marker": "o",
    "markersize": 2.6,
    "markerfacecolor": "white",
    "markeredgecolor": "0.1",
    "markeredgewidth": 0.6,
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
    places = row_places(labels)
    for place, label in zip(places, labels, strict=True):
        colour = look[label].colour
        _band(ax, place, band[band["label"] == label], colour)
        _strokes(ax, place, spectrum[spectrum["label"] == label], colour)
    ax.set_xscale("log")
    ax.set_yticks(places, [])
    ax.set_ylim(max(rows_height(labels), FEWEST_ROWS) - 0.5, -0.5)


def name_rows(ax: Axes, labels: Sequence[str], look: Mapping[str, Look]) -> None:
    """Beside each row the model's name, and its line in the panel of gradients."""
    places = row_places(labels)
    ax.set_yticks(places, [_wrapped(label) for label in labels])
    ax.tick_params(axis="y", pad=17)
    lines = entries(labels, look)
    for tick, place, label, line in zip(ax.get_yticklabels(), places, labels, lines, strict=True):
        thick = is_headline(label)
        tick.set_fontweight("bold" if thick else "normal")
        line.set(xdata=[-0.2, -0.02], ydata=[place, place], linewidth=THICK if thick else THIN)
        line.set(transform=ax.get_yaxis_transform(), clip_on=False)
        ax.add_line(line)


def rows_height(labels: Sequence[str]) -> float:
    """The height of all rows, a row of one line being 1."""
    return math.fsum(map(_height, labels))


def row_places(labels: Sequence[str]) -> list[float]:
    """The middle of each row."""
    return [
        rows_height(labels[:place]) + (_height(each) - 1) / 2 for place, each in enumerate(labels)
    ]


def mark_entries() -> list[Line2D]:
    """The legend's entries for a row's marks."""
    stroke: dict[str, Any] = {"color": "0.35", "marker": "|", "markersize": 7, **STROKE}
    return [
        Line2D([], [], label="singular values", **stroke),
        Line2D([], [], label="their median", **MEDIAN),
    ]


def _wrapped(label: str) -> str:
    """The name in lines that leave room for the panels."""
    return textwrap.fill(plain(label), LETTERS)


def _height(label: str) -> float:
    return 1 + 0.75 * _wrapped(label).count("\n")


def _band(ax: Axes, place: float, band: pd.DataFrame, colour: tuple) -> None:
    """Theory's bounds at the largest distance, which are those of the whole Jacobian."""
    edges = widest(band).tail(1)
    style: dict[str, Any] = {"facecolor": (*colour, 0.3), "edgecolor": (*colour, 0.6)}
    for lower, upper in zip(edges["lower"], edges["upper"], strict=True):
        rows = [place - 0.45, place + 0.45]
        ax.fill_betweenx(rows, lower, upper, linewidth=0.5, zorder=0.9, **style)


def _strokes(ax: Axes, place: float, spectrum: pd.DataFrame, colour: tuple) -> None:
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
            ax.plot(value, place, color=colour, marker=marker, markersize=3.5)
    ax.plot(np.median(values), place, **MEDIAN)
