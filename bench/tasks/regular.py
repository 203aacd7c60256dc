"""Two regular languages: state that is tracked, not stored (Deletang et al. 2023).

    parity               1 0 1 1                  class 1: an odd number of ones
    modular-arithmetic   2 + 3 * 4 - 1            class 3: 13 modulo 5, products first

The class is read after the last symbol, and every symbol counts for it. One-hot vectors of 2 and of
8 symbols (5 digits, +, -, *). Chance is 1/2, its loss ln 2; and 1/5, ln 5, but for the rare
expressions in which every number is multiplied, less than 1 in 1,000 from a length of 39. Solved:
99 %. The paper trains on lengths 1 to 40 and asks for longer ones, to 500; here all sequences of
a task have one length, which its arguments may say.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from bench.tasks.base import Batch
from bench.tasks.tokens import TokenTask, one_hot_float

MODULUS = 5
PLUS, MINUS, TIMES = 5, 6, 7


@dataclass(frozen=True, kw_only=True)
class Parity(TokenTask):
    """Whether the number of ones is odd."""

    question: ClassVar[str] = "Is the parity of a string of bits tracked to its end?"
    metric: ClassVar[str] = "accuracy"
    features: ClassVar[int] = 2
    outputs: ClassVar[int] = 2
    readout: ClassVar[str] = "last"
    chance: ClassVar[float] = 1 / 2

    length: int = 40

    def sample(self, size: int, generator: Generator) -> Batch:
        bits = torch.randint(2, (size, self.length), generator=generator)
        return Batch(one_hot_float(bits, 2), bits.sum(dim=1) % 2)


@dataclass(frozen=True, kw_only=True)
class ModularArithmetic(TokenTask):
    """The value modulo 5 of a sum of products without brackets."""

    question: ClassVar[str] = "Is an arithmetic expression evaluated modulo 5?"
    metric: ClassVar[str] = "accuracy"
    features: ClassVar[int] = MODULUS + 3
    outputs: ClassVar[int] = MODULUS
    readout: ClassVar[str] = "last"
    chance: ClassVar[float] = 1 / MODULUS

    length: int = 39

    def __post_init__(self) -> None:
        if self.length % 2 == 0:
            raise ValueError(f"length is {self.length}; it must be odd: numbers and signs in turn")

    def sample(self, size: int, generator: Generator) -> Batch:
        count = self.length // 2
        numbers = torch.randint(MODULUS, (size, count + 1), generator=generator)
        signs = torch.randint(PLUS, TIMES + 1, (size, count), generator=generator)
        tokens = torch.empty(size, self.length, dtype=torch.long)
        tokens[:, ::2], tokens[:, 1::2] = numbers, signs
        return Batch(one_hot_float(tokens, self.features), result(numbers, signs))


def result(
    numbers: Int[Tensor, "batch numbers"], signs: Int[Tensor, "batch signs"]
) -> Int[Tensor, " batch"]:
    """The value modulo 5, from left to right: the sum so far and the product not yet added."""
    total, product = torch.zeros_like(numbers[:, 0]), numbers[:, 0]
    for number, sign in zip(numbers[:, 1:].unbind(1), signs.unbind(1), strict=True):
        times = sign == TIMES
        total = torch.where(times, total, total + product)
        signed = torch.where(sign == MINUS, -number, number)
        product = torch.where(times, product * number, signed) % MODULUS
    return (total + product) % MODULUS
