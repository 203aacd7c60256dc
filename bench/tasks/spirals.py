"""Two spirals, one a class, wound around each other: A. Wieland's task of 1988, drawn afresh.

    r = sqrt(u),  u uniform in [0, 1]        radius, 0 to 1
    angle = 2 pi (turns r + class / 2)
    x = 2 r (cos(angle), sin(angle))         2 features of variance 1

The classes are equally likely and nothing is noisy: chance is 1/2, its loss ln 2; solved: 99 %. The
original has 3 turns and 97 points of each spiral, evenly spaced in angle and radius; usual turns
here are 1.5, 3 and 5. It never needs depth (1.5 turns: 3 tanh layers of 16 units score 99 % after
400 batches of 32): it tells whether a deep network can be trained at all.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from bench.tasks.base import Batch, ClassTask, DepthTask, GeneratedTask


@dataclass(frozen=True, kw_only=True)
class Spirals(DepthTask, ClassTask, GeneratedTask):
    """On which of two spirals a point of the plane lies."""

    question: ClassVar[str] = "Are two spirals told apart?"
    features: ClassVar[int] = 2
    outputs: ClassVar[int] = 2
    chance: ClassVar[float] = 1 / 2
    solved: ClassVar[float | None] = 0.99

    turns: float | int = 1.5

    def __post_init__(self) -> None:
        if self.turns <= 0:
            raise ValueError(f"turns is {self.turns}; it must be above 0")

    def sample(self, size: int, generator: Generator) -> Batch:
        spirals = torch.randint(2, (size,), generator=generator)
        radii = torch.rand(size, generator=generator).sqrt()
        angles = 2 * math.pi * (self.turns * radii + spirals / 2)
        points = torch.stack([angles.cos(), angles.sin()], dim=1) * radii.unsqueeze(1)
        return Batch(2 * points, spirals)
