"""Gradient norm against distance, with theory's band where the records have one."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.looks import Look
from bench.report.panels import Drawing, entries, finish, grid, legend_below, title
from bench.report.scene import BAND_WORDS, Scene, lines, shown_groups, shown_labels, updates_text
from bench.report.sentences import left_out_sentence, theory_sentence
from bench.report.signals import bands, log_limits, widest
from bench.report.statistics import CEILING, FLOOR, relative_gradients

INK = 0.3
"""The opacity of one model's band; several share it."""
GRADIENT_WORDS = (
    "Norm of the gradient of the loss with respect to the state so many steps back or layers "
    f"down, over the norm at distance 0: the median over seeds; {BAND_WORDS}."
)
CLIPPED_WORDS = f"Below {FLOOR:g} (zeros too) and above {CEILING:g} it is drawn at that bound."


def gradients(scene: Scene, name: str) -> Drawing | None:
    """Gradient norm against distance, before and after training, a row a group."""
    rows, left_out = relative_gradients(scene.rows)
    groups, omitted = shown_groups(scene, rows)
    if not groups:
        return None
    band = bands(scene.rows)
    trained = (rows["first"] < rows["last"]).any()
    columns = ["first", "last"] if trained else ["first"]
    panels = [(group, column) for group in groups for column in columns]
    figure, axes = grid(len(panels), 2 if trained else 3, 5.0, 2.8)
    for ax, (group, column) in zip(axes, panels, strict=True):
        shown = _read(rows, group, column)
        lines(ax, shown, "distance", scene.look, estimator="median")
        gradient_axes(ax)
        theory = _read(band, group, column)
        shade(ax, theory, scene.look)
        if len(theory):
            ax.set_ylim(*log_limits(shown["value"], theory))
        ax.set(title=title(f"{group}: {updates_text(shown)}"), xlabel="distance")
    legend_below(figure, entries(shown_labels(scene, rows), scene.look) + band_entry(scene, band))
    caption = f"{GRADIENT_WORDS} {CLIPPED_WORDS}{theory_sentence(shown_labels(scene, band))}"
    return finish(figure, name, caption + left_out_sentence(left_out) + omitted)


def gradient_axes(ax: Axes) -> None:
    """Both axes logarithmic, with room for distance 0."""
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(left=-0.2)
    ax.set_yscale("log")
    ax.set(ylabel="gradient / that at distance 0")


def shade(ax: Axes, band: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """Theory's band behind the lines, in the colour of each model that has one."""
    labels = list(band["label"].unique())
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
    style: dict[str, Any] = {"linewidth": 7, "alpha": INK, "label": "theory's bounds (T1)"}
    return [Line2D([], [], color=colour, **style) for colour in colours]


def _read(rows: pd.DataFrame, group: str, column: str) -> pd.DataFrame:
    """The group's rows at each run's first or last step."""
    return rows[(rows["group"] == group) & (rows["step"] == rows[column])]
