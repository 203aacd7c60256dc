"""The roofline: how fast a step could be on this machine, and what part of that it reaches.

With F operations and M bytes that a step cannot do without, and a machine that does at best f
operations and moves at best m bytes a second,

    attainable speed = min(f, m F / M)        reached = F / seconds        fraction = reached / it

S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for
multicore architectures", Communications of the ACM 52(4), 2009.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import pandas as pd

from bench.report.formats import number_text
from bench.report.processors import on_the_usual_one
from bench.report.speed import Machine, Point, machines, points
from bench.report.statistics import RUN

METHOD = (
    "Roofline: GFLOP are the operations of the products of a forward and a backward pass, MB the "
    "bytes that these must move if every number goes through memory as rarely as it can; "
    "elementwise work is in neither. The machine's peaks are the best tries of a large float32 "
    "product and of a large copy, in the same runs: those on the processor that most runs were "
    "made on. Attainable: the product's peak, or what the copy's peak lets through where that is "
    "less. What fits in a cache can pass the bound of the memory, and a product that is computed "
    "better than the library's that of the products; what goes step by step cannot come near that "
    "of the product, which has thousands of rows at once.",
)


@dataclass(frozen=True)
class Mark:
    """A contender at a point, under its machine's roof."""

    point: Point
    contender: str
    flops: float
    bytes: float
    seconds: float
    machine: Machine

    @property
    def intensity(self) -> float:
        """Operations a byte."""
        return self.flops / self.bytes

    @property
    def reached(self) -> float:
        """Operations a second."""
        return self.flops / self.seconds

    @property
    def attainable(self) -> float:
        """Operations a second that the machine allows."""
        return attainable(self.machine, self.intensity)

    @property
    def fraction(self) -> float:
        """What of it is reached."""
        return self.reached / self.attainable

    @property
    def name(self) -> str:
        """The contender as a model that has several ways is called: by itself."""
        return self.point.model if self.contender in self.point.ways.values() else self.contender


def attainable(machine: Machine, intensity: float) -> float:
    """The operations a second at so many operations a byte."""
    return min(machine.flops, machine.bandwidth * intensity)


def marks(found: Sequence[Point], peaks: Mapping[str, Machine]) -> list[Mark]:
    """The chosen way of each point and its peers, where the work and the peaks are known."""
    return [
        Mark(point, name, flops, size, median(point.seconds(name)), peaks[point.stack])
        for point in found
        if point.stack in peaks
        for name in (point.chosen, *point.peers)
        if (flops := point.value("least_flops", name))
        and (size := point.value("least_bytes", name))
    ]


def under_one_roof(runs: pd.DataFrame, measurements: pd.DataFrame) -> list[Mark]:
    """The marks of the runs on each stack's usual processor: a roof is of one machine."""
    usual = runs[on_the_usual_one(runs, by="stack")]
    return marks(points(usual, measurements), machines(measurements.merge(usual[RUN], on=RUN)))


def roofline_rows(found: Sequence[Mark]) -> list[dict[str, Any]]:
    """A row a mark, at full precision."""
    return [
        {
            "stack": mark.point.stack,
            "steps": mark.point.steps,
            "width": mark.point.width,
            "batch": mark.point.batch,
            "filter": mark.point.filter,
            "contender": mark.contender,
            "flops": mark.flops,
            "bytes": mark.bytes,
            "seconds": mark.seconds,
            "peak_flops": mark.machine.flops,
            "peak_bandwidth": mark.machine.bandwidth,
            "reached": mark.reached,
            "attainable": mark.attainable,
            "fraction": mark.fraction,
        }
        for mark in found
    ]


def roofline_table(found: Sequence[Mark]) -> pd.DataFrame:
    """The marks of one stack as text."""
    return pd.DataFrame([_texts(mark) for mark in found], dtype=object)


def roofline_sentence(machine: Machine) -> str:
    """What the machine was seen to do."""
    flops, bandwidth = machine.flops / 1e9, machine.bandwidth / 1e9
    return (
        f"Measured peaks: {flops:.0f} GFLOP/s of a float32 matrix product, {bandwidth:.1f} GB/s of "
        "a copy."
    )


def _texts(mark: Mark) -> dict[str, str]:
    limited = mark.attainable < mark.machine.flops
    return {
        "point": mark.point.shape,
        "filter": mark.point.filter,
        "computed by": mark.contender,
        "GFLOP": number_text(mark.flops / 1e9),
        "MB": number_text(mark.bytes / 1e6),
        "FLOP/byte": f"{mark.intensity:.1f}",
        "bound by": "memory" if limited else "products",
        "attainable GFLOP/s": f"{mark.attainable / 1e9:.0f}",
        "reached GFLOP/s": f"{mark.reached / 1e9:.1f}",
        "fraction": f"{mark.fraction:.1%}",
    }
