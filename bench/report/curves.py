"""A network's curve against depth, and the marks for what has no place on an axis."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from bench.report.ladder import Ladder
from bench.report.scene import Scene
from bench.report.styles import THICK, THIN, Look, look_of

MARKS = (
    "At the edge of a panel: ▼ zero or below the axis, ▲ infinite or above it, × fewer runs have a "
    "number there than ran."
)
PLACES = {"v": 0.03, "^": 0.97, "x": 0.03}
DOTTED = (0, (1, 1.2))
SPREAD = 1.35
"""Marks of different networks stand side by side, up to so large a factor from their depth."""


def curve(
    ax: Axes, x: pd.Series, y: pd.Series, look: Look, lead: bool, frozen: bool = False
) -> None:
    """A line with markers; thick for a proposed network, dotted and hollow for a frozen one."""
    style: dict[str, Any] = {"linestyle": DOTTED, "markerfacecolor": "white"} if frozen else {}
    ax.plot(
        x,
        y.astype(float),
        color=look.colour,
        marker=look.marker,
        markersize=3.2 if lead else 2.4,
        linewidth=(1.1 if frozen else THICK) if lead else THIN,
        zorder=3 if lead else 2,
        alpha=1.0 if lead or not frozen else 0.6,
        **{"linestyle": look.linestyle} | style,
    )


def edge_marks(
    ax: Axes, x: Sequence[float] | pd.Series, marker: str, look: Look, hollow: bool = False
) -> None:
    """The marker at the lower or upper edge of the panel, at each x."""
    if not len(x):  # matplotlib finds no room for an empty line
        return
    ax.plot(
        x,
        [PLACES[marker]] * len(x),
        transform=ax.get_xaxis_transform(),
        color=look.colour,
        marker=marker,
        markerfacecolor="white" if hollow else look.colour,
        markersize=3.2,
        markeredgewidth=0.7,
        linestyle="",
        clip_on=False,
        zorder=4,
    )


def point_marks(ax: Axes, x: pd.Series, y: pd.Series, look: Look) -> None:
    """A cross on each point."""
    if len(x):
        ax.plot(
            x,
            y.astype(float),
            color=look.colour,
            marker="x",
            markersize=5.5,
            markeredgewidth=1.1,
            linestyle="",
            zorder=4,
        )


def offset(label: str, scene: Scene) -> float:
    """The factor by which the network's marks stand aside."""
    return SPREAD ** aside(label, scene)


def aside(label: str, scene: Scene) -> float:
    """The network's place among all, from -1 to 1."""
    labels = list(scene.look)
    share = labels.index(label) / max(1, len(labels) - 1) if label in labels else 0.5
    return 2 * share - 1


def own_look(scene: Scene, label: str) -> Look:
    """The look of the label, or of the model of that name."""
    return scene.look.get(label) or look_of(label)


def own_looks(scene: Scene, labels: Iterable[str]) -> dict[str, Look]:
    """The same of each of the labels."""
    return {label: own_look(scene, label) for label in labels}


def depth_axis(ax: Axes, ladder: Ladder) -> None:
    """The depths of the ladder on a logarithmic axis."""
    depths = ladder.depths
    size_axis(ax, depths)
    ax.set_xlim(depths[0] / 1.8, depths[-1] * 1.8)


def size_axis(ax: Axes, sizes: Sequence[int]) -> None:
    """A logarithmic axis along x with the sizes as its only ticks."""
    ax.set_xscale("log")
    ax.set_xticks(sizes, [short(size) for size in sizes])
    ax.set_xticks([], minor=True)


def short(size: int) -> str:
    """The number of layers, steps or units as a tick says it: 30, 1k, 10k."""
    return f"{size // 1000}k" if size % 1000 == 0 else f"{size:,}"
