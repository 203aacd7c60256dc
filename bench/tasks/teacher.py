"""Teacher and student: the labels come from a random network whose number of layers is known.

    u ~ N(0, I), 2 numbers: the features
    x_0 = sqrt(8) E u                          E has 2 orthonormal columns of 16 numbers
    x_k = tanh(g Q_k x_{k-1}),  k = 1 .. K     Q_k Haar orthogonal, K = `layers`, g = `gain`
    class = argmax_c ((r_c . x_K - m_c) / s_c - b_c)       10 classes, r_c Gaussian

The construction is ours. With g > 1 the layers stretch and fold the plane of the features (B. Poole
et al., "Exponential expressivity in deep neural networks through transient chaos", 2016, arXiv
1606.05340), so that the regions of the classes grow finer with every layer. K layers of 16 tanh
units are enough to be exact. The teacher is none of the students: no skip, no filter, no bias. m
and s standardise its readout and b makes the classes equally common, all on the same 10,000 inputs:
chance is 10 %, its loss ln 10. Nothing is noisy, the teacher itself scores 100 %; no line counts as
solved. It has a seed of its own, so that every run learns the same one; only the inputs are the
run's.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from bench.tasks.base import Batch, ClassTask, DepthTask, GeneratedTask

INPUTS, WIDTH, CLASSES = 2, 16, 10
SEED, CALIBRATION, ROUNDS = 0, 10_000, 100

Labeller = Callable[[Float[Tensor, "batch inputs"]], Int[Tensor, " batch"]]


@dataclass(frozen=True, kw_only=True)
class Teacher(DepthTask, ClassTask, GeneratedTask):
    """The class that a fixed random network gives a point of the plane."""

    question: ClassVar[str] = "Is a random network of known depth imitated?"
    features: ClassVar[int] = INPUTS
    outputs: ClassVar[int] = CLASSES
    chance: ClassVar[float] = 1 / CLASSES

    layers: int = 20
    gain: float | int = 1.5

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise ValueError(f"layers is {self.layers}; it must be at least 1")
        if self.gain <= 1:
            raise ValueError(f"gain is {self.gain}; it must be above 1, or the signal dies out")

    @property
    def depth_needed(self) -> int | None:
        return self.layers

    def sample(self, size: int, generator: Generator) -> Batch:
        inputs = torch.randn(size, INPUTS, generator=generator)
        return Batch(inputs, teacher(self.layers, self.gain)(inputs.double()))


@cache
def teacher(layers: int, gain: float | int) -> Labeller:
    """The function from inputs to classes, in float64."""
    generator = torch.Generator().manual_seed(SEED)
    entrance = haar(generator)[:INPUTS] * math.sqrt(WIDTH / INPUTS)
    rotations = [haar(generator) for _ in range(layers)]
    readout = torch.randn(WIDTH, CLASSES, generator=generator, dtype=torch.float64)

    def scores(inputs: Tensor) -> Tensor:
        return forward(inputs @ entrance, rotations, gain) @ readout

    draw = torch.randn(CALIBRATION, INPUTS, generator=generator, dtype=torch.float64)
    seen = scores(draw)
    mean, deviation = seen.mean(0), seen.std(0)
    offset = balance((seen - mean) / deviation)
    return lambda inputs: ((scores(inputs) - mean) / deviation - offset).argmax(-1)


def haar(generator: Generator) -> Float[Tensor, "width width"]:
    """A Haar orthogonal matrix: Q of a Gaussian matrix whose R has a positive diagonal."""
    gaussian = torch.randn(WIDTH, WIDTH, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    return q * r.diagonal().sign()


def forward(
    x: Float[Tensor, "batch width"], rotations: list[Tensor], gain: float | int
) -> Float[Tensor, "batch width"]:
    """The last layer of the teacher."""
    for rotation in rotations:
        x = torch.tanh(gain * (x @ rotation.T))
    return x


def balance(scores: Float[Tensor, "batch classes"]) -> Float[Tensor, " classes"]:
    """What to subtract from the classes' scores for each to be the greatest equally often."""
    offset = torch.zeros_like(scores[0])
    for rate in torch.linspace(0.15, 0, ROUNDS, dtype=scores.dtype):
        wins = (scores - offset).argmax(-1).bincount(minlength=scores.shape[1])
        share = wins * scores.shape[1] / len(scores)
        offset += rate * share.clamp_min(0.1).log()
    return offset
