"""Multi-query associative recall, MQAR (Arora et al. 2023, "Zoology").

    input    k3 v7 k1 v2   0  k1  0  0  0  k3          keys and their values, then the keys again
    target   -  -  -  -    -  v2  -  -  -  v7

One-hot vectors of 256 symbols: 0 for silence, keys 1 to 127, values 128 to 255; no key and no value
occurs twice among the pairs. After them each key is asked once; the odds that one is asked in the
g-th pair of steps are as g^-0.99. Chance says any value: 1/128, its loss ln 128. A model that says
one of the values shown scores 1 / pairs. Solved: 99 %.

Published: (length, pairs) = (64, 4), (128, 8), (256, 16), (512, 64), each possible here; 100,000
fixed sequences, up to 64 epochs, four learning rates; a vocabulary of 8,192, embedded, and random
symbols for silence. There the last step asks for nothing; here one key is always asked at it.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from bench.tasks.base import Batch
from bench.tasks.tokens import TokenTask, distinct, one_hot_float, silent

SYMBOLS = 256
VALUES = SYMBOLS // 2
GAP_POWER = -0.99


@dataclass(frozen=True, kw_only=True)
class Mqar(TokenTask):
    """The values of `pairs` keys, each asked once in a sequence of `length` steps."""

    question: ClassVar[str] = "Are the values of several keys recalled when the keys return?"
    features: ClassVar[int] = SYMBOLS
    outputs: ClassVar[int] = SYMBOLS
    chance: ClassVar[float] = 1 / VALUES

    length: int = 64
    pairs: int = 4

    def __post_init__(self) -> None:
        if self.length % 2 or not 8 <= 4 * self.pairs <= self.length:
            raise ValueError(
                f"length and pairs are {self.length} and {self.pairs}; the length must be even and "
                "at least 4 pairs, and pairs at least 2"
            )
        if self.pairs >= VALUES:
            raise ValueError(f"pairs is {self.pairs}; there are {VALUES - 1} keys")

    def sample(self, size: int, generator: Generator) -> Batch:
        keys = 1 + distinct(size, VALUES - 1, self.pairs, generator)
        values = VALUES + distinct(size, VALUES, self.pairs, generator)
        asked = self.asked_at(size, generator)
        shown = torch.stack([keys, values], dim=-1).flatten(1)
        tokens = torch.zeros(size, self.length, dtype=torch.long)
        targets = silent(size, self.length)
        tokens[:, : 2 * self.pairs] = shown
        tokens.scatter_(1, asked, keys)
        targets.scatter_(1, asked, values)
        return Batch(one_hot_float(tokens, SYMBOLS), targets)

    def asked_at(self, size: int, generator: Generator) -> Int[Tensor, "size pairs"]:
        """The steps at which the keys are asked, the last key at the last step."""
        gaps = self.length // 2 - self.pairs
        odds = torch.arange(1.0, gaps).pow(GAP_POWER).expand(size, -1)
        others = torch.multinomial(odds, self.pairs - 1, generator=generator)
        last = torch.full((size, 1), gaps - 1)
        return 2 * self.pairs + 1 + 2 * torch.cat([others, last], dim=1)
