"""The roofline as a figure: speed against operations a byte, under what the machine allows."""

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.log_axis import log_ticks
from bench.report.panels import Drawing, finish, grid, legend_below, plain
from bench.report.roofline import Machine, Mark, attainable
from bench.report.scene import Scene
from bench.report.styles import look_of

ROOF: dict[str, Any] = {"label": "the machine's roof", "color": "0.35", "linewidth": 1.0}
MARGIN = 2.0


def roofline(scene: Scene, name: str) -> Iterator[Drawing]:
    """A mark a point and contender, those of a model alike."""
    if not scene.marks:
        return
    figure, (ax,) = grid(1, 1, 2.6)
    names = list(dict.fromkeys(mark.name for mark in scene.marks))
    for each in names:
        own = [mark for mark in scene.marks if mark.name == each]
        ax.plot(*_places(own), **_look(each))
    _roof(ax, scene.marks)
    ax.set(xscale="log", yscale="log", xlabel="FLOP a byte", ylabel="GFLOP/s")
    log_ticks(ax.xaxis)
    log_ticks(ax.yaxis)
    legend_below(figure, [*(Line2D([], [], **_look(n)) for n in names), Line2D([], [], **ROOF)])
    caption = (
        "Roofline. A mark is a point of the tables: the operations of a step's products a second, "
        "against those operations over the bytes that the step must move. Roof: what the machine's "
        "measured peaks allow. Forward and backward, medians over the rounds."
    )
    yield finish(figure, name, caption)


def _places(marks: Sequence[Mark]) -> tuple[list[float], list[float]]:
    return [mark.intensity for mark in marks], [mark.reached / 1e9 for mark in marks]


def _look(name: str) -> dict[str, Any]:
    look = look_of(name)
    return {
        "label": plain(name),
        "color": look.colour,
        "marker": look.marker,
        "markersize": 4,
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
