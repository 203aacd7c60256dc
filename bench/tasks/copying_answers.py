"""The copying task in the two versions whose loss is that of the answers alone.

    copy/s4         s1 .. sM   0 .. 0 (T)            A A .. A (M)    (Gu, Goel & Re 2022)
    copy/selective  s1 .. sM scattered among T 0s    A A .. A (M)    (Gu & Dao 2023)
    target          nothing ....................     s1 .. sM

One-hot vectors: 0 is silence, the last symbol A asks for an answer, those between are data. Every
answer is equally likely, so that without memory the best loss is the logarithm of their number.
Solved: 99 % of the symbols recalled. In copy/selective a clock does not help: what is remembered
must be chosen by content. Published settings: T = 100, M = 10 (copy/s4); T = 4096, M = 16, 16
symbols in all, 400,000 updates of 64 sequences (copy/selective), of which the default here is a
small version.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from bench.tasks.base import Batch
from bench.tasks.tokens import TokenTask, distinct, one_hot_float, silent


@dataclass(frozen=True, kw_only=True)
class CopyS4(TokenTask):
    """`copied` symbols recalled after `length` silent steps; length + 2 copied steps in all."""

    question: ClassVar[str] = "Are symbols recalled after a silence, with a loss on them alone?"
    features: ClassVar[int] = 10
    outputs: ClassVar[int] = 10
    chance: ClassVar[float] = 1 / 8

    length: int = 100
    copied: int = 10

    @property
    def steps(self) -> int:
        return self.length + 2 * self.copied

    def sample(self, size: int, generator: Generator) -> Batch:
        asks = self.features - 1
        symbols = torch.randint(1, asks, (size, self.copied), generator=generator)
        tokens = torch.zeros(size, self.steps, dtype=torch.long)
        targets = silent(size, self.steps)
        tokens.scatter_(1, self.places(size, generator), symbols)
        tokens[:, -self.copied :] = asks
        targets[:, -self.copied :] = symbols
        return Batch(one_hot_float(tokens, self.features), targets)

    def places(self, size: int, generator: Generator) -> Int[Tensor, "size copied"]:
        """The steps at which the symbols are shown, in their order."""
        return torch.arange(self.copied).expand(size, -1)


@dataclass(frozen=True, kw_only=True)
class CopySelective(CopyS4):
    """The symbols are scattered among the silent steps and recalled in their order."""

    question: ClassVar[str] = "Are symbols recalled that were scattered among silent steps?"
    features: ClassVar[int] = 16
    outputs: ClassVar[int] = 16
    chance: ClassVar[float] = 1 / 14

    length: int = 256
    copied: int = 8

    def places(self, size: int, generator: Generator) -> Int[Tensor, "size copied"]:
        among = self.length + self.copied
        return distinct(size, among, self.copied, generator).sort(dim=1).values
