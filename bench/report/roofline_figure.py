"""The roofline as a figure: speed against operations a byte, under what the machine allows."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.looks import COLOURS, MARKERS
from bench.report.panels import Drawing, finish, grid, legend_below, plain
from bench.report.roofline import Machine, Mark, attainable
from bench.report.scene import Scene

ROOF: dict[str, Any] = {"label": "what the machine allows", "color": "0.35", "linewidth": 1.2}
MARGIN = 2.0


def roofline(scene: Scene, name: str) -> Drawing | None:
    """A mark a point and contender, those of a model alike."""
    if not scene.marks:
        return None
    figure, (ax,) = grid(1, 1, 4.4, 3.6)
    names = list(dict.fromkeys(mark.name for mark in scene.marks))
    for place, each in enumerate(names):
        own = [mark for mark in scene.marks if mark.name == each]
        ax.plot(*_places(own), **_look(place, each))
    _roof(ax, scene.marks)
    ax.set(xscale="log", yscale="log", xlabel="FLOP a byte", ylabel="GFLOP/s")
    legend_below(
        figure,
        [*(Line2D([], [], **_look(k, n)) for k, n in enumerate(names)), Line2D([], [], **ROOF)],
    )
    caption = (
        "Roofline. A mark is a point of the tables: the operations of a step's products a second, "
        "against those operations over the bytes that the step must move. Line: what the machine's "
        "measured peaks allow. Forward and backward, medians over the rounds."
    )
    return finish(figure, name, caption)


def _places(marks: Sequence[Mark]) -> tuple[list[float], list[float]]:
    return [mark.intensity for mark in marks], [mark.reached / 1e9 for mark in marks]


def _look(place: int, name: str) -> dict[str, Any]:
    return {
        "label": plain(name),
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place % len(MARKERS)],
        "markersize": 5,
        "linestyle": "",
        "alpha": 0.85,
    }


def _roof(ax: Axes, marks: Sequence[Mark]) -> None:
    """The lower of the two bounds over the intensities that are there, and past its ridge."""
    machine: Machine = marks[0].machine
    ridge = machine.flops / machine.bandwidth
    ends = [*(mark.intensity for mark in marks), ridge]
    along = [min(ends) / MARGIN, ridge, max(ends) * MARGIN]
    ax.plot(along, [attainable(machine, x) / 1e9 for x in along], **ROOF)
