"""Gradient norm against distance, with theory's band where the records have one."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.legend_columns import is_headline
from bench.report.log_axis import set_ticks, tick_texts
from bench.report.panel_pages import sheets
from bench.report.panels import Drawing
from bench.report.scene import (
    Scene,
    lines,
    ranked_labels,
    shown_groups,
    shown_labels,
    updates_text,
)
from bench.report.sentences import left_out_sentence, theory_sentence
from bench.report.signals import STAGES, at_stage, bands, log_limits, powers, widest
from bench.report.statistics import CEILING, FLOOR, relative_gradients
from bench.report.styles import Look

INK = 0.3
"""The opacity of one model's band; several share it."""
GRADIENT_WORDS = (
    "Norm of the gradient of the loss with respect to the state so many steps back or layers "
    "down, over the norm at distance 0: the median over seeds; the band reaches from the lowest "
    "seed to the highest."
)
CLIPPED_WORDS = f"Below {FLOOR:g} (zeros too) and above {CEILING:g} it is drawn at that bound."


class Panel(NamedTuple):
    """A group at one of the STAGES."""

    group: str
    stage: str


def gradients(scene: Scene, name: str) -> Iterator[Drawing]:
    """Gradient norm against distance, before and after training."""
    rows, left_out = relative_gradients(scene.rows)
    groups = shown_groups(scene, rows)
    if not groups:
        return
    band = headline_bands(scene.rows)
    every = [Panel(group, stage) for group in groups for stage in STAGES]
    read = {panel: own for panel in every if len(own := _read(rows, panel))}
    caption = f"{GRADIENT_WORDS} {CLIPPED_WORDS}{theory_sentence(shown_labels(scene, band))}"
    caption += left_out_sentence(left_out)
    columns = 2 if read.keys() == set(every) else 3
    labels = {panel: list(own["label"].unique()) for panel, own in read.items()}
    for sheet in sheets(labels, ranked_labels(scene, rows), scene.look, columns=columns):
        for cell in sheet.cells:
            lines(cell.ax, medians(read[cell.key]), "distance", cell.labels, scene.look)
            gradient_axes(cell.ax)
            theory = _read(band, cell.key)
            shade(cell.ax, theory, scene.look)
            limits = log_limits(read[cell.key]["value"], theory)
            cell.ax.set_ylim(limits)
            set_ticks(cell.ax.yaxis, powers(*limits))
            words = f"{cell.key.group}: {updates_text(read[cell.key])}"
            cell.name(words, "distance", "gradient / at distance 0")
        yield sheet.finish(name, caption, *band_entry(scene, band))


def medians(rows: pd.DataFrame) -> pd.DataFrame:
    """The median over seeds by label and distance, with the seeds' range as its band."""
    seeds = rows.groupby(["label", "distance"], sort=False)["value"]
    table = seeds.agg(["count", "median", "min", "max"])
    names = {"count": "n", "median": "value", "min": "low", "max": "high"}
    return table.rename(columns=names).reset_index()


def headline_bands(measurements: pd.DataFrame) -> pd.DataFrame:
    """Theory's bounds of the proposed models; their controls' would hide them."""
    band = bands(measurements)
    return band[band["label"].map(is_headline).astype(bool)]


def gradient_axes(ax: Axes) -> None:
    """Both axes logarithmic, with room for distance 0."""
    furthest = ax.dataLim.x1
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(left=-0.2)
    ticks = [0.0, *(10.0**k for k in range(math.floor(math.log10(max(furthest, 1))) + 1))]
    ax.set_xticks(ticks, tick_texts(ticks))
    ax.set_yscale("log")


def shade(ax: Axes, band: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """Theory's band behind the lines, in the colour of each model that has one."""
    labels = sorted(band["label"].unique())
    for label in labels:
        edges, colour = widest(band[band["label"] == label]), look[label].colour
        style: dict[str, Any] = {
            "facecolor": (*colour, INK / len(labels)),
            "edgecolor": (*colour, 0.6),
        }
        ax.fill_between(
            edges.index, edges["lower"], edges["upper"], linewidth=0.5, zorder=0.9, **style
        )


def band_entry(scene: Scene, band: pd.DataFrame) -> list[Line2D]:
    """The legend's entry for theory's band, where there is one."""
    colours = [scene.look[label].colour for label in shown_labels(scene, band)[:1]]
    style: dict[str, Any] = {"linewidth": 6, "alpha": INK, "label": "theory's bounds (T1)"}
    return [Line2D([], [], color=colour, **style) for colour in colours]


def _read(rows: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """The group's rows at the stage."""
    return at_stage(rows[rows["group"] == panel.group], panel.stage)
