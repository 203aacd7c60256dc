"""Fashion-MNIST (Xiao, Rasul & Vollgraf 2017) in the shapes of MNIST: harder pictures, same size.

Ten kinds of clothing, 1,000 of each in the test set, so that chance is 10 %. Scaling and splits are
those of MNIST: 55,000, 5,000 and 10,000 images, pixels in [0, 1].
"""

from dataclasses import dataclass
from typing import ClassVar

from bench import datasets
from bench.datasets import Source
from bench.tasks.mnist import Mnist, MnistDepth, PermutedMnist92916, RowMnist, SequentialMnist


@dataclass(frozen=True, kw_only=True)
class Fashion(Mnist):
    """The files of Fashion-MNIST in place of those of MNIST."""

    chance: ClassVar[float] = 0.1

    @property
    def source(self) -> Source:
        return datasets.FASHION_MNIST


@dataclass(frozen=True, kw_only=True)
class SequentialFashion(SequentialMnist, Fashion):
    """784 pixels in reading order."""

    question: ClassVar[str] = "Is a piece of clothing recognised from its pixels, one by one?"


@dataclass(frozen=True, kw_only=True)
class PermutedFashion92916(PermutedMnist92916, Fashion):
    """784 pixels in the shuffled order psmnist-92916."""

    question: ClassVar[str] = "Is a piece of clothing recognised from its pixels, shuffled?"


@dataclass(frozen=True, kw_only=True)
class RowFashion(RowMnist, Fashion):
    """28 rows of 28 pixels."""

    question: ClassVar[str] = "Is a piece of clothing recognised from its 28 rows, one by one?"


@dataclass(frozen=True, kw_only=True)
class FashionDepth(MnistDepth, Fashion):
    """784 pixels at once, for networks along depth. It never needs depth."""

    question: ClassVar[str] = "Does a network of this depth still learn pieces of clothing?"
