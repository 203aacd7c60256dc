"""MNIST read pixel by pixel (Le, Jaitly & Hinton 2015), in order or permuted, and all at once.

Pixels in [0, 1]; the first 55,000 images train, the last 5,000 of the training file validate, the
10,000 test images test. Ten classes; always saying the commonest digit scores 11.35 %. The order of
the pixels makes the task: reports name it, and no two orders are compared.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.datasets import mnist, prepare_mnist
from bench.tasks.base import Batch, LabelledTask
from bench.tasks.permutations import permutation

SPLITS = {
    "train": ("train", slice(0, 55_000)),
    "validation": ("train", slice(55_000, 60_000)),
    "test": ("t10k", slice(0, 10_000)),
}


@dataclass(frozen=True, kw_only=True)
class Mnist(LabelledTask):
    """MNIST, flat; subclasses say in which order and shape a model reads the pixels."""

    outputs: ClassVar[int] = 10
    chance: ClassVar[float] = 0.1135

    @property
    def chance_loss(self) -> float:
        return math.log(self.outputs)

    def prepare(self) -> None:
        prepare_mnist()

    def split(self, name: str) -> Batch:
        part, rows = SPLITS[name]
        images, labels = mnist(part)
        return Batch(self.arrange(images[rows].flatten(1)), labels[rows])

    def arrange(self, pixels: Tensor) -> Tensor:
        """The inputs of the task, from pixels (images, 784) in reading order."""
        return pixels


@dataclass(frozen=True, kw_only=True)
class SequentialMnist(Mnist):
    """784 pixels in reading order."""

    question: ClassVar[str] = "Is a digit recognised from its pixels, one by one?"
    features: ClassVar[int] = 1
    length: int = 784

    def arrange(self, pixels: Tensor) -> Tensor:
        return pixels.unsqueeze(-1)


@dataclass(frozen=True, kw_only=True)
class PermutedMnist92916(Mnist):
    """784 pixels in the order of np.random.RandomState(92916)."""

    question: ClassVar[str] = "Is a digit recognised from its pixels in a fixed shuffled order?"
    features: ClassVar[int] = 1
    permutation: ClassVar[str | None] = "psmnist-92916"
    length: int = 784

    def arrange(self, pixels: Tensor) -> Tensor:
        return pixels[:, permutation("psmnist-92916")].unsqueeze(-1)


@dataclass(frozen=True, kw_only=True)
class PermutedMnistBitReversal(Mnist):
    """784 pixels in bit-reversed order: neighbours lie 392 steps apart on average."""

    question: ClassVar[str] = "Is a digit recognised from its pixels in bit-reversed order?"
    features: ClassVar[int] = 1
    permutation: ClassVar[str | None] = "psmnist-bitrev"
    length: int = 784

    def arrange(self, pixels: Tensor) -> Tensor:
        return pixels[:, permutation("psmnist-bitrev")].unsqueeze(-1)


@dataclass(frozen=True, kw_only=True)
class MnistDepth(Mnist):
    """784 pixels at once, for networks along depth. It never needs depth."""

    question: ClassVar[str] = "Does a network of this depth still learn digits?"
    axis: ClassVar[str] = "depth"
    features: ClassVar[int] = 784
