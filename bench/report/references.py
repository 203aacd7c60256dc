"""The lines that every panel of scores has: what chance scores, and what counts as solved."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D

from bench.report.scene import Scene

REFERENCES: dict[str, dict[str, Any]] = {
    "chance": {"label": "chance", "color": "0.35", "linestyle": "--", "linewidth": 0.9},
    "solved": {"label": "solved", "color": "0.35", "linestyle": ":", "linewidth": 1.2},
}


def reference_lines(draw_line: Callable[..., Any], facts: Mapping[str, Any]) -> None:
    """Draws the lines of the group's task by `axhline` or `axvline`."""
    for name, value in _known(facts).items():
        draw_line(value, zorder=1, **REFERENCES[name])


def known_references(facts: Mapping[str, Any]) -> list[float]:
    """The values at which the lines stand."""
    return list(_known(facts).values())


def reference_entries(scene: Scene, groups: Sequence[str]) -> list[Line2D]:
    """Legend entries for the lines that any of the groups has."""
    found = {name for group in groups for name in _known(scene.facts[group])}
    return [Line2D([], [], **style) for name, style in REFERENCES.items() if name in found]


def _known(facts: Mapping[str, Any]) -> dict[str, float]:
    """The facts that are numbers and have a place on an axis."""
    values = {name: facts[name] for name in REFERENCES}
    return {name: x for name, x in values.items() if x is not None and math.isfinite(x)}
