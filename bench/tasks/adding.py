"""The adding problem: remember two numbers among many (Hochreiter & Schmidhuber 1997).

    value   .3  .9  .1  .5  .7  .2        target: .9 + .7
    marker   0   1   0   0   1   0        one marker in each half of the sequence

Saying 1 always gives a mean squared error of 2 Var(U) = 1/6. Solved: below 0.01, the line at which
published logs are read. Data as in the uRNN, coRNN and LEM papers, fresh in every batch.

Protocols: the uRNN batches of 20 from 100,000 fixed sequences, T = 100 to 750; coRNN 60,000 updates
of 50, T to 5,000; LEM 30,000 updates, T = 2,000 to 10,000; both 128 units.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor
from torch.nn.functional import mse_loss

from bench.tasks.base import Batch, GeneratedTask


@dataclass(frozen=True, kw_only=True)
class Adding(GeneratedTask):
    """The sum of the two marked values, read at the last step."""

    question: ClassVar[str] = "Are two numbers remembered among many distractors?"
    metric: ClassVar[str] = "mean squared error"
    features: ClassVar[int] = 2
    outputs: ClassVar[int] = 1
    chance: ClassVar[float] = 1 / 6
    solved: ClassVar[float | None] = 0.01
    direction: ClassVar[str] = "min"

    length: int = 100

    def __post_init__(self) -> None:
        if self.length < 2:
            raise ValueError(f"length is {self.length}; it must be at least 2, a step a number")

    @property
    def chance_loss(self) -> float:
        return self.chance

    def sample(self, size: int, generator: Generator) -> Batch:
        values = torch.rand(size, self.length, generator=generator)
        markers, half = torch.zeros_like(values), self.length // 2
        first = torch.randint(0, half, (size, 1), generator=generator)
        second = torch.randint(half, self.length, (size, 1), generator=generator)
        markers.scatter_(1, torch.cat([first, second], dim=1), 1.0)
        targets = (values * markers).sum(dim=1, keepdim=True)
        return Batch(torch.stack([values, markers], dim=-1), targets)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)
