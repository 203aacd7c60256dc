"""Noise in, noise out: nothing can be learnt, which leaves the clock to be looked at.

Inputs and targets are independent N(0, 1). The loss and the score are the mean squared error; to
answer 0, the mean, scores 1 and nothing scores less on new data. No line counts as solved.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import mse_loss

from bench.tasks.base import Batch, DepthTask, GeneratedTask

FEATURES = 16


@dataclass(frozen=True, kw_only=True)
class Noise(GeneratedTask):
    """A sequence of one random number a step, and a random answer to each."""

    question: ClassVar[str] = "How long does a training step take?"
    metric: ClassVar[str] = "mean squared error"
    features: ClassVar[int] = 1
    outputs: ClassVar[int] = 1
    readout: ClassVar[str] = "every"
    chance: ClassVar[float] = 1.0
    direction: ClassVar[str] = "min"

    length: int = 100

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"length is {self.length}; it must be at least 1")

    @property
    def chance_loss(self) -> float:
        return 1.0

    def sample(self, size: int, generator: Generator) -> Batch:
        inputs, targets = torch.randn(2, size, self.length, 1, generator=generator)
        return Batch(inputs, targets)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)


@dataclass(frozen=True, kw_only=True)
class NoiseDepth(DepthTask, Noise):
    """The same for a network along depth: vectors of 16 numbers, 16 answers."""

    features: ClassVar[int] = FEATURES
    outputs: ClassVar[int] = FEATURES
    readout: ClassVar[str] = "last"

    length: int = 1

    def sample(self, size: int, generator: Generator) -> Batch:
        inputs, targets = torch.randn(2, size, FEATURES, generator=generator)
        return Batch(inputs, targets)
