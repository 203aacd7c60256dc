"""ListOps: the value of a nested list of operations (Nangia & Bowman 2018; Tay et al. 2021).

    [MAX 4 3 [MIN 2 3 ] 1 0 [MED 1 5 8 9 2 ] ]          value: 5

The grammar of the Long Range Arena: an argument is an operation with probability 1/4, at most ten
levels deep, else a digit; an operation is MIN, MAX, MED (the median, rounded down) or SM (the sum
modulo 10) of 2 to 10 arguments. Only expressions of more than a quarter of `length` to `length`
tokens are kept (there: of 501 to 1,999). Tokens are one-hot vectors of 15; shorter expressions
begin later, after steps of zeros, so that all end together, and the value is read at the last
bracket. Ten classes that are not equally likely: chance is that of the commonest, its loss the
entropy of `FREQUENCIES` (of the values 0 to 9, counted in 200,000 expressions of the default
length). No line counts as solved. There 96,000 expressions train and 2,000 each validate and test
(S4: 40 epochs of batches of 32, about 60 %); here all are fresh.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import ClassVar

import torch
from torch import Generator

from bench.tasks.base import Batch
from bench.tasks.tokens import TokenTask, one_hot_float

FREQUENCIES = (0.157, 0.095, 0.081, 0.085, 0.091, 0.089, 0.079, 0.076, 0.091, 0.156)
LEVELS = 10
OPERATION = 0.25
CLOSE = 14
OPERATORS: dict[int, Callable[[list[int]], int]] = {
    10: min,
    11: max,
    12: lambda values: int(median(values)),
    13: lambda values: sum(values) % 10,
}


@dataclass(frozen=True, kw_only=True)
class ListOps(TokenTask):
    """The value of an expression of at most `length` tokens, read at its end."""

    question: ClassVar[str] = "Is a nested list of operations evaluated?"
    metric: ClassVar[str] = "accuracy"
    features: ClassVar[int] = 15
    outputs: ClassVar[int] = 10
    readout: ClassVar[str] = "last"
    chance: ClassVar[float] = max(FREQUENCIES)
    solved: ClassVar[float | None] = None

    length: int = 100

    def __post_init__(self) -> None:
        if self.length < 4:
            raise ValueError(f"length is {self.length}; the shortest expression has 4 tokens")

    @property
    def chance_loss(self) -> float:
        return -sum(p * math.log(p) for p in FREQUENCIES)

    def sample(self, size: int, generator: Generator) -> Batch:
        fitting = expressions(uniform_numbers(generator), self.length)
        chosen = list(islice((e for e in fitting if len(e) > self.length // 4), size))
        tokens = torch.tensor([[-1] * (self.length - len(e)) + e for e in chosen])
        return Batch(one_hot_float(tokens, self.features), torch.tensor([*map(value, chosen)]))


def uniform_numbers(generator: Generator) -> Iterator[float]:
    """Numbers from 0 to below 1 without end."""
    while True:
        yield from torch.rand(4096, generator=generator).tolist()


def expressions(draw: Iterator[float], longest: int) -> Iterator[list[int]]:
    """Operations of the grammar without end, those of more than `longest` tokens left out."""
    while True:
        tokens, missing = [10 + int(4 * next(draw))], [2 + int(9 * next(draw))]
        shortest = 2 + missing[0]  # what the expression will have at least
        while missing and shortest <= longest:
            if missing[-1] == 0:
                tokens.append(CLOSE)
                missing.pop()
                continue
            missing[-1] -= 1
            if len(missing) < LEVELS - 1 and next(draw) < OPERATION:
                tokens.append(10 + int(4 * next(draw)))
                missing.append(2 + int(9 * next(draw)))
                shortest += 1 + missing[-1]
            else:
                tokens.append(int(10 * next(draw)))
        if not missing:
            yield tokens


def value(tokens: Sequence[int]) -> int:
    """The value of a finished expression."""
    open_operations: list[list[int]] = [[]]
    for token in tokens:
        if token in OPERATORS:
            open_operations.append([token])
            continue
        if token == CLOSE:
            operator, *values = open_operations.pop()
            token = OPERATORS[operator](values)
        open_operations[-1].append(token)
    return open_operations[0][0]
