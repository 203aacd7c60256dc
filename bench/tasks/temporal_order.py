"""Temporal order, experiments 6a and 6b of the LSTM paper (Hochreiter & Schmidhuber 1997).

    E  a c d X b .. a c Y d .. b a B          class: which of X and Y came first, second (third)

A start symbol E, distractors a, b, c, d, and a trigger B at which the class is read. 100 to 110
symbols; two or three of them, at random places in windows of 11, are X or Y: 4 or 8 classes, each
equally likely, so that chance is 1/4 or 1/8 and its loss ln 4 or ln 8. Solved: 99 % right; in the
paper, no output off by 0.3 in any test sequence. Places count from 0, the place of E. `length` is
that of the longest sequences; windows are stretched with it. Shorter sequences begin later, after
steps of zeros, so that all end together.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from bench.tasks.base import Batch
from bench.tasks.tokens import TokenTask, one_hot_float

START, TRIGGER, DISTRACTORS, FIRST_SIGN = 0, 1, (2, 6), 6
PUBLISHED_LENGTH = 110


@dataclass(frozen=True, kw_only=True)
class TemporalOrder6a(TokenTask):
    """Two signs, the first in [10, 20], the second in [50, 60]."""

    question: ClassVar[str] = "Is the order of two signs far apart remembered?"
    metric: ClassVar[str] = "accuracy"
    features: ClassVar[int] = 8
    outputs: ClassVar[int] = 4
    readout: ClassVar[str] = "last"
    chance: ClassVar[float] = 1 / 4
    windows: ClassVar[tuple[int, ...]] = (10, 50)

    length: int = PUBLISHED_LENGTH

    def __post_init__(self) -> None:
        if self.length < 11:
            raise ValueError(f"length is {self.length}; it must be at least 11")

    def sample(self, size: int, generator: Generator) -> Batch:
        signs = torch.randint(2, (size, len(self.windows)), generator=generator)
        begin = self.length - self._between(100, size, generator)
        tokens = torch.randint(*DISTRACTORS, (size, self.length), generator=generator)
        places = [begin + self._between(window, size, generator) for window in self.windows]
        tokens.scatter_(1, torch.cat(places, dim=1), FIRST_SIGN + signs)
        tokens.scatter_(1, begin, START)
        tokens[:, -1] = TRIGGER
        tokens[torch.arange(self.length) < begin] = -1
        digits = 2 ** torch.arange(len(self.windows)).flip(0)
        return Batch(one_hot_float(tokens, self.features), (signs * digits).sum(dim=1))

    def _between(self, low: int, size: int, generator: Generator) -> Int[Tensor, "size 1"]:
        """A number from low to low + 10 for each sample, stretched with the length."""
        first, last = (self.length * end // PUBLISHED_LENGTH for end in (low, low + 10))
        return torch.randint(first, last + 1, (size, 1), generator=generator)


@dataclass(frozen=True, kw_only=True)
class TemporalOrder6b(TemporalOrder6a):
    """Three signs, in [10, 20], [33, 43] and [66, 76]."""

    question: ClassVar[str] = "Is the order of three signs far apart remembered?"
    outputs: ClassVar[int] = 8
    chance: ClassVar[float] = 1 / 8
    windows: ClassVar[tuple[int, ...]] = (10, 33, 66)
