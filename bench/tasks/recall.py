"""Delayed recall: at each step say the symbol of `lag` steps ago.

    input    x1 x2 x3 x4 x5 x6 ..          four symbols, each equally likely
    target   -  -  -  x1 x2 x3 ..          (lag = 3)

The supervised form of POPGym's RepeatPrevious (Morad et al. 2023: lags 4, 32, 64 in 52, 104, 156
steps of a pack of cards; here the symbols are independent, so that counting cards is of no use).
Chance is 1/4, its loss ln 4. Solved: 99 %. Unlike copying it never rests: `lag` symbols are held at
any time, one is forgotten at each step and another one learnt.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from bench.tasks.base import Batch
from bench.tasks.tokens import TokenTask, one_hot_float, silent

SYMBOLS = 4


@dataclass(frozen=True, kw_only=True)
class DelayedRecall(TokenTask):
    """The symbol of `lag` steps ago, asked at every step that has one."""

    question: ClassVar[str] = "Is a stream of symbols repeated some steps later?"
    features: ClassVar[int] = SYMBOLS
    outputs: ClassVar[int] = SYMBOLS
    chance: ClassVar[float] = 1 / SYMBOLS

    length: int = 104
    lag: int = 32

    def __post_init__(self) -> None:
        if not 0 < self.lag < self.length:
            raise ValueError(f"lag is {self.lag}; it must be from 1 to length - 1")

    def sample(self, size: int, generator: Generator) -> Batch:
        tokens = torch.randint(SYMBOLS, (size, self.length), generator=generator)
        targets = silent(size, self.length)
        targets[:, self.lag :] = tokens[:, : -self.lag]
        return Batch(one_hot_float(tokens, SYMBOLS), targets)
