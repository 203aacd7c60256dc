"""Copy through depth: give back at the last layer what the first was given.

    x_0 ~ N(0, I), 16 numbers        target: x_0

A linear task that needs no depth: it asks only whether the layers between let the signal through,
and a core that does solves it untrained. The inputs have variance 1, so that the mean squared error
is relative to it: saying 0 always gives 1. Solved: below 0.01, out of reach of a body of fewer than
16 units.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import mse_loss

from bench.tasks.base import Batch, DepthTask, GeneratedTask


@dataclass(frozen=True, kw_only=True)
class DepthCopy(DepthTask, GeneratedTask):
    """The input itself."""

    question: ClassVar[str] = "Does the input come through to the last layer?"
    metric: ClassVar[str] = "relative mean squared error"
    features: ClassVar[int] = 16
    outputs: ClassVar[int] = 16
    chance: ClassVar[float] = 1.0
    solved: ClassVar[float | None] = 0.01
    direction: ClassVar[str] = "min"

    @property
    def chance_loss(self) -> float:
        return self.chance

    def sample(self, size: int, generator: Generator) -> Batch:
        numbers = torch.randn(size, self.features, generator=generator)
        return Batch(numbers, numbers)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)
