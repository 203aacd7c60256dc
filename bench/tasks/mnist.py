"""MNIST read pixel by pixel (Le, Jaitly & Hinton 2015), in order or permuted, and all at once.

Pixels in [0, 1]; the first 55,000 images train, the last 5,000 of the training file validate, the
10,000 test images test. Ten classes; always saying the commonest digit scores 11.35 %. The order of
the pixels makes the task: reports name it, and no two orders are compared. Published work with one
of these orders may split and scale otherwise (expRNN: 60,000 train, the test set selects; coRNN,
LEM: 57,000 and 3,000; nnRNN, LMU, NRU: 50,000 and 10,000); here all are alike. No line counts as
solved: good models differ in how soon they pass 90, 95 and 98 %. Protocols: expRNN 70 epochs of
batches of 128 with 170 to 512 units; coRNN and LEM 120 epochs with 256 and 128.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench import datasets
from bench.datasets import Source
from bench.tasks.base import Batch, DepthTask, LabelledTask
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
    def source(self) -> Source:
        """The published files."""
        return datasets.MNIST

    def prepare(self) -> None:
        datasets.prepare(self.source)

    def split(self, name: str) -> Batch:
        part, rows = SPLITS[name]
        images, labels = datasets.mnist(part, self.source)
        return Batch(self.arrange(images[rows].flatten(1)), labels[rows])

    def arrange(self, pixels: Tensor) -> Tensor:
        """The inputs of the task, from pixels (images, 784) in reading order."""
        return pixels


@dataclass(frozen=True, kw_only=True)
class SequentialMnist(Mnist):
    """784 pixels, in reading order or in that of `permutation`."""

    question: ClassVar[str] = "Is a digit recognised from its pixels, one by one?"
    features: ClassVar[int] = 1
    length: int = 784

    def arrange(self, pixels: Tensor) -> Tensor:
        ordered = pixels if self.permutation is None else pixels[:, permutation(self.permutation)]
        return ordered.unsqueeze(-1)


@dataclass(frozen=True, kw_only=True)
class PermutedMnist92916(SequentialMnist):
    """The order of the full-capacity uRNN, scoRNN, expRNN and asRNN."""

    question: ClassVar[str] = "Is a digit recognised from its pixels in a fixed shuffled order?"
    permutation: ClassVar[str | None] = "psmnist-92916"


@dataclass(frozen=True, kw_only=True)
class PermutedMnist1234(PermutedMnist92916):
    """The order of nnRNN."""

    permutation: ClassVar[str | None] = "psmnist-1234"


@dataclass(frozen=True, kw_only=True)
class PermutedMnist12008(PermutedMnist92916):
    """The order of coRNN and the Lipschitz RNN."""

    permutation: ClassVar[str | None] = "psmnist-12008"


@dataclass(frozen=True, kw_only=True)
class PermutedMnist5544(PermutedMnist92916):
    """The order of UnICORNN and LEM."""

    permutation: ClassVar[str | None] = "psmnist-5544"


@dataclass(frozen=True, kw_only=True)
class PermutedMnistLmu(PermutedMnist92916):
    """The order of the Legendre memory unit."""

    permutation: ClassVar[str | None] = "psmnist-lmu"


@dataclass(frozen=True, kw_only=True)
class PermutedMnistNru(PermutedMnist92916):
    """The order of the non-saturating recurrent unit.

    Its code appends a 785th, blank step and reads the class there; here it is read at the last
    pixel, as in all other orders.
    """

    permutation: ClassVar[str | None] = "psmnist-nru"


@dataclass(frozen=True, kw_only=True)
class PermutedMnistBitReversal(SequentialMnist):
    """Bit-reversed order: neighbours lie 392 steps apart on average."""

    question: ClassVar[str] = "Is a digit recognised from its pixels in bit-reversed order?"
    permutation: ClassVar[str | None] = "psmnist-bitrev"


@dataclass(frozen=True, kw_only=True)
class RowMnist(Mnist):
    """28 rows of 28 pixels: a short sequence."""

    question: ClassVar[str] = "Is a digit recognised from its 28 rows, one by one?"
    features: ClassVar[int] = 28
    length: int = 28

    def arrange(self, pixels: Tensor) -> Tensor:
        return pixels.unflatten(1, (28, 28))


@dataclass(frozen=True, kw_only=True)
class MnistDepth(DepthTask, Mnist):
    """784 pixels at once, for networks along depth. It never needs depth."""

    question: ClassVar[str] = "Does a network of this depth still learn digits?"
    features: ClassVar[int] = 784
    image: ClassVar[tuple[int, int, int] | None] = (1, 28, 28)
