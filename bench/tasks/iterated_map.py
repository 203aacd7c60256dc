"""The k-fold composition of one map: a rule of k equal steps, given only its two ends.

    T(z) = 1 - |2 z - 1|,   z uniform in [0, 1]           the tent map
    x = sqrt(3) (2 z - 1)                                 one feature of variance 1
    class 1 where T(T(.. T(z))) > 1/2, k = `folds` times

Every application of T doubles the pieces: the class changes 2^k times along [0, 1], which k layers
of two rectifiers do exactly and one hidden layer does with about 2^k units (M. Telgarsky,
"Representation benefits of deep feedforward networks", 2015, arXiv 1509.08101). Both classes are
equally likely and nothing is noisy: chance is 1/2, its loss ln 2; solved: 99 %.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from bench.tasks.base import Batch, ClassTask, DepthTask, GeneratedTask

MOST_FOLDS = 16  # the inputs are float32, which tells 2^24 numbers of [0, 1] apart


@dataclass(frozen=True, kw_only=True)
class IteratedMap(DepthTask, ClassTask, GeneratedTask):
    """The half of [0, 1] in which the last iterate lies."""

    question: ClassVar[str] = "Is a map composed with itself?"
    features: ClassVar[int] = 1
    outputs: ClassVar[int] = 2
    chance: ClassVar[float] = 1 / 2
    solved: ClassVar[float | None] = 0.99

    folds: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.folds <= MOST_FOLDS:
            raise ValueError(f"folds is {self.folds}; it must be from 1 to {MOST_FOLDS}")

    @property
    def depth_needed(self) -> int | None:
        return self.folds

    def sample(self, size: int, generator: Generator) -> Batch:
        start = torch.rand(size, 1, generator=generator)
        inputs = math.sqrt(3) * (2 * start - 1)
        return Batch(inputs, (iterate(start, self.folds) > 1 / 2).long().squeeze(1))


def iterate(start: Float[Tensor, "*batch"], folds: int) -> Float[Tensor, "*batch"]:
    """The tent map applied so many times; exact, since doubling a binary fraction is."""
    for _ in range(folds):
        start = 1 - (2 * start - 1).abs()
    return start
