"""The copying task in the three versions whose loss runs over all steps.

    copy/urnn    s1 .. s10   0 .. 0 (T - 1)   9   0 .. 0 (10)    the unitary RNN, scoRNN, nnRNN
    copy/exprnn  s1 .. s10   0 .. 0 (T)       9   0 .. 0 (9)     expRNN, asRNN
    copy/tcn     s1 .. s10   0 .. 0 (T - 1)   9 9 .. 9 (11)      the TCN, as one number a step
    target       0 ................... 0 (T + 10)   s1 .. s10    symbols 1 to 8

The first is that of Arjovsky, Shah & Bengio 2016; expRNN's asks one step later, when the first
answer is due. Inputs are one-hot vectors of 10, but for the TCN's numbers.
Without memory the best loss is 10 ln 8 / (T + 20). The score is the accuracy on the last ten steps
alone, where chance is 1/8: over all steps a model without memory already scores 96 % at T = 200.
Solved: 99 % of the symbols recalled.

Protocols: the uRNN 20,000 updates of 20 sequences from 100,000 fixed ones; expRNN (190 units) and
asRNN 4,000 updates of 128 fresh ones, T = 1,000 and 2,000; the TCN 10,000 sequences in batches of
32, T = 500 to 2,000. All report the loss; the accuracy over all steps tells nothing.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from bench.tasks.base import Batch, GeneratedTask

SYMBOLS = 8
COPIED = 10
DELIMITER = 9


@dataclass(frozen=True, kw_only=True)
class CopyUrnn(GeneratedTask):
    """Ten symbols recalled after a delay of `length` steps; sequences have length + 20 steps."""

    question: ClassVar[str] = "Are ten symbols recalled after a long silence?"
    metric: ClassVar[str] = "recall accuracy"
    features: ClassVar[int] = 10
    outputs: ClassVar[int] = 9
    readout: ClassVar[str] = "every"
    chance: ClassVar[float] = 1 / SYMBOLS
    solved: ClassVar[float | None] = 0.99

    length: int = 200

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"length is {self.length}; it must be at least 1")

    @property
    def steps(self) -> int:
        return self.length + 2 * COPIED

    @property
    def chance_loss(self) -> float:
        return COPIED * math.log(1 / self.chance) / self.steps

    def sample(self, size: int, generator: Generator) -> Batch:
        symbols = torch.randint(1, SYMBOLS + 1, (size, COPIED), generator=generator)
        tokens = torch.zeros(size, self.steps, dtype=torch.long)
        targets = torch.zeros_like(tokens)
        tokens[:, :COPIED] = symbols
        tokens[:, self.delimited] = DELIMITER
        targets[:, -COPIED:] = symbols
        return Batch(self.encode(tokens), targets)

    @property
    def delimited(self) -> slice:
        """The steps that show the delimiter."""
        return slice(self.length + COPIED - 1, self.length + COPIED)

    def encode(self, tokens: Int[Tensor, "batch steps"]) -> Float[Tensor, "batch steps features"]:
        """What a model is given of the tokens."""
        hot = torch.zeros(*tokens.shape, self.features)
        return hot.scatter_(-1, tokens[..., None], 1.0)  # one_hot's integers take twice the memory

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(outputs.flatten(0, 1), targets.flatten())

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        recalled = outputs[:, -COPIED:].argmax(-1) == targets[:, -COPIED:]
        return recalled.float().mean()


@dataclass(frozen=True, kw_only=True)
class CopyExprnn(CopyUrnn):
    """The delimiter comes with the first answer, not a step before it (Lezcano-Casado 2019)."""

    question: ClassVar[str] = "Are ten symbols recalled after a silence, at once when asked?"

    length: int = 1000

    @property
    def delimited(self) -> slice:
        return slice(self.length + COPIED, self.length + COPIED + 1)


@dataclass(frozen=True, kw_only=True)
class CopyTcn(CopyUrnn):
    """Tokens as numbers, the delimiter until the end, ten classes (Bai, Kolter & Koltun 2018)."""

    question: ClassVar[str] = "Are ten symbols, shown as numbers, recalled after a silence?"
    features: ClassVar[int] = 1
    outputs: ClassVar[int] = 10

    length: int = 500

    @property
    def delimited(self) -> slice:
        return slice(self.length + COPIED - 1, self.steps)

    def encode(self, tokens: Int[Tensor, "batch steps"]) -> Float[Tensor, "batch steps features"]:
        return tokens.unsqueeze(-1).float()
