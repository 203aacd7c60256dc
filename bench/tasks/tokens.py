"""What tasks about symbols share: the loss and the score are those of the answers asked for.

A target of -100 asks for nothing. Every sequence asks for equally many answers, so that means over
parts of a set add up; averaged over the silent steps, too, a model without memory would look good.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, one_hot

from bench.tasks.base import GeneratedTask

NOT_ASKED = -100


@dataclass(frozen=True, kw_only=True)
class TokenTask(GeneratedTask):
    """Cross-entropy and accuracy of the answers; all are equally likely unless a task differs."""

    metric: ClassVar[str] = "recall accuracy"
    readout: ClassVar[str] = "every"
    solved: ClassVar[float | None] = 0.99

    @property
    def chance_loss(self) -> float:
        return -math.log(self.chance)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(outputs.flatten(0, -2), targets.flatten(), ignore_index=NOT_ASKED)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        right = outputs.argmax(-1) == targets
        return right.sum() / (targets != NOT_ASKED).sum()


def distinct(size: int, among: int, count: int, generator: Generator) -> Int[Tensor, "size count"]:
    """For each of `size` samples `count` different numbers below `among`, in random order."""
    return torch.rand(size, among, generator=generator).topk(count).indices


def silent(size: int, steps: int) -> Int[Tensor, "size steps"]:
    """Targets that ask for nothing."""
    return torch.full((size, steps), NOT_ASKED)


def one_hot_float(tokens: Int[Tensor, "*batch"], count: int) -> Float[Tensor, "*batch count"]:
    """One-hot vectors of `count` symbols; a vector of zeros for the token -1."""
    return one_hot(tokens + 1, count + 1)[..., 1:].float()
