"""What a diagnostic looks at, and what it says."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from bench.frame import Frame
from bench.records import RunSpec
from bench.tasks import Batch, Task

TOLERANCE = 1e-6
"""A measurement may pass a bound by this fraction: far above the rounding of float64 over 10,000
steps, far below anything that would be a violation."""


class Reading(NamedTuple):
    """One number of a diagnostic: what it is, where it was read, its value (None: unknown)."""

    quantity: str
    where: str
    value: float | None


Readings = Iterator[Reading]


class BoundViolation(ArithmeticError):
    """A measurement outside what the theory promises: the theory or the code is wrong."""


@dataclass(frozen=True)
class View:
    """A float64 copy of a framed model, its task, a batch kept for looking, and a random stream.

    The copy starts from the very weights of the model, in evaluation mode, so that nothing is drawn
    and no sample sees another; one of the kind "batch", whose samples meet while it trains, is seen
    in training mode. Whatever is done to it, the run goes on unchanged. The model is a
    `bench.frame.Frame`, of a kind that the diagnostic can read. `start` holds the parameters before
    the first update by name, where a diagnostic compares with them; else it is empty. `spec` is the
    run's.
    """

    model: Any
    task: Task
    batch: Batch
    generator: Generator
    start: Mapping[str, Tensor] = field(default_factory=dict)
    spec: RunSpec | None = None

    @classmethod
    def of(cls, model: Frame, task: Task, batch: Batch, generator: Generator) -> "View":
        """The view of a model as it stands."""
        copied = copy.deepcopy(model).double().train(model.kind == "batch")
        return cls(copied, task, in_double(batch), generator)

    def band(self) -> list[tuple[float, float]]:
        """Theory's (lower, upper) of what the gradient is multiplied by, for each distance from 0.

        The products of the one-step bounds from the last step backwards; empty for a model without
        a theory. The last one bounds every singular value of the whole Jacobian.
        """
        steps = self.model.step_bounds(self.batch.inputs)
        if not steps:
            return []
        band = [(1.0, 1.0)]
        for lower, upper in reversed(steps):
            band.append((band[-1][0] * lower, band[-1][1] * upper))
        return band


def in_double(batch: Batch) -> Batch:
    """The batch in float64; class indices stay integers."""
    return Batch(*(part.double() if part.is_floating_point() else part for part in batch))


def check(name: str, value: float, lower: float, upper: float) -> None:
    """Raises BoundViolation for a value outside the bounds by more than the tolerance.

    What is not a number, of a run that diverges, is not held against the theory.
    """
    if value < lower * (1 - TOLERANCE) or value > upper * (1 + TOLERANCE):
        raise BoundViolation(f"{name} is {value:.9g}, outside the bounds {lower:.9g}, {upper:.9g}")


def random_frame(size: int, generator: Generator) -> torch.Tensor:
    """Orthonormal rows in general position, (size, size), in float64."""
    gaussian = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(gaussian).Q.mT.contiguous()
