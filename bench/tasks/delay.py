"""Memory for real numbers: white noise given back later, and the memory capacity.

    delay            at each step t    y_t = x_{t - lag}                0 before there is one
    reconstruction   at the last step  y = (x_{T - 49}, .., x_T)        the last fifty inputs

x is uniform in [-0.8, 0.8] and independent from step to step. The loss is the mean squared error.
The score is what part of the variance is explained,

    R2 = 1 - MSE / variance,

and for reconstruction the sum over the fifty lags: the memory capacity of Jaeger 2001 ("Short term
memory in echo state networks"), with 1 - MSE / variance for the squared correlation; at the best
linear readout both are equal. The capacity of a linear readout is at most the number of units. A
constant answer scores 0. Solved: 99 % explained. S4's tasks of these names have noise of a limited
band, which may be foretold (length 4,000, lag 1,000, 16,384 sequences); white noise can only be
remembered.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import mse_loss

from bench.tasks.base import Batch, GeneratedTask

LARGEST = 0.8
VARIANCE = LARGEST**2 / 3
LAGS = 50


def white(size: int, length: int, generator: Generator) -> Tensor:
    """White noise, (size, length, 1)."""
    return LARGEST * (2 * torch.rand(size, length, 1, generator=generator) - 1)


@dataclass(frozen=True, kw_only=True)
class Delay(GeneratedTask):
    """The input of `lag` steps ago, at every step."""

    question: ClassVar[str] = "Is white noise given back some steps later?"
    metric: ClassVar[str] = "explained variance"
    features: ClassVar[int] = 1
    outputs: ClassVar[int] = 1
    readout: ClassVar[str] = "every"
    chance: ClassVar[float] = 0.0
    solved: ClassVar[float | None] = 0.99

    length: int = 200
    lag: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.lag < self.length:
            raise ValueError(f"lag is {self.lag}; it must be from 1 to length - 1")

    @property
    def chance_loss(self) -> float:
        return VARIANCE * (self.length - self.lag) / self.length

    def sample(self, size: int, generator: Generator) -> Batch:
        inputs = white(size, self.length, generator)
        targets = torch.zeros_like(inputs)
        targets[:, self.lag :] = inputs[:, : -self.lag]
        return Batch(inputs, targets)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return 1 - mse_loss(outputs, targets) / self.chance_loss


@dataclass(frozen=True, kw_only=True)
class Reconstruction(GeneratedTask):
    """The last fifty inputs at once, oldest first, read at the last step."""

    question: ClassVar[str] = "How many of the last fifty inputs does the state still hold?"
    metric: ClassVar[str] = "memory capacity in inputs"
    features: ClassVar[int] = 1
    outputs: ClassVar[int] = LAGS
    chance: ClassVar[float] = 0.0
    solved: ClassVar[float | None] = 0.99 * LAGS

    length: int = 100

    def __post_init__(self) -> None:
        if self.length < LAGS:
            raise ValueError(f"length is {self.length}; it must be at least {LAGS}")

    @property
    def chance_loss(self) -> float:
        return VARIANCE

    def sample(self, size: int, generator: Generator) -> Batch:
        inputs = white(size, self.length, generator)
        return Batch(inputs, inputs[:, -LAGS:, 0])

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return LAGS * (1 - mse_loss(outputs, targets) / VARIANCE)
