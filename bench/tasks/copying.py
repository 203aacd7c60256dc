"""The copying task as the unitary RNN paper defines it (Arjovsky, Shah & Bengio 2016).

    input    s1 .. s10   0 0 .. 0 (T - 1)   9   0 .. 0 (10)       symbols 1 to 8, one-hot of 10
    target   0 ................... 0 (T + 10)   s1 .. s10         cross-entropy over all steps

Without memory the best loss is 10 ln 8 / (T + 20). The score is the accuracy on the last ten steps
alone, where chance is 1/8: over all steps a model without memory already scores 96 % at T = 200.
Solved: 99 % of the symbols recalled.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, one_hot

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

    @property
    def chance_loss(self) -> float:
        return COPIED * math.log(SYMBOLS) / (self.length + 2 * COPIED)

    def sample(self, size: int, generator: Generator) -> Batch:
        symbols = torch.randint(1, SYMBOLS + 1, (size, COPIED), generator=generator)
        tokens = torch.zeros(size, self.length + 2 * COPIED, dtype=torch.long)
        targets = torch.zeros_like(tokens)
        tokens[:, :COPIED] = symbols
        tokens[:, self.length + COPIED - 1] = DELIMITER
        targets[:, -COPIED:] = symbols
        return Batch(one_hot(tokens, self.features).float(), targets)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(outputs.flatten(0, 1), targets.flatten())

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        recalled = outputs[:, -COPIED:].argmax(-1) == targets[:, -COPIED:]
        return recalled.float().mean()
