"""CIFAR-10 pixel by pixel, as 32 rows and then long noise, or all at once.

Ten classes, 1,000 of each in the test set, so that chance is 10 %. The first 45,000 images train,
the last 5,000 of the training batches validate (as many as S4 holds out), the 10,000 test images
test. Nothing is cropped or flipped. No line counts as solved.
"""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Generator, Tensor

from bench import datasets
from bench.tasks.base import Batch, DepthTask, LabelledTask

SPLITS = {
    "train": ("train", slice(0, 45_000)),
    "validation": ("train", slice(45_000, 50_000)),
    "test": ("test", slice(0, 10_000)),
}
ROWS, ROW_FEATURES = 32, 96
# The channels' mean and deviation over the training set, and those of the grey image, as in S4.
MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.247, 0.243, 0.261)
GREY_MEAN, GREY_DEVIATION = 122.6 / 255, 61.0 / 255

Pictures = UInt8[Tensor, "images 3 32 32"]


@dataclass(frozen=True, kw_only=True)
class Cifar10(LabelledTask):
    """The pictures as stored; subclasses say how a model is given them."""

    outputs: ClassVar[int] = 10
    chance: ClassVar[float] = 0.1

    def prepare(self) -> None:
        datasets.prepare(datasets.CIFAR10)

    def split(self, name: str) -> Batch:
        part, rows = SPLITS[name]
        images, labels = datasets.cifar10(part)
        return Batch(images[rows], labels[rows])


@dataclass(frozen=True, kw_only=True)
class SequentialCifar10(Cifar10):
    """1,024 pixels in reading order, each its three normalised colours; S4: 200 epochs."""

    question: ClassVar[str] = "Is an object recognised from its coloured pixels, one by one?"
    features: ClassVar[int] = 3
    length: int = 1024

    def present(self, inputs: Pictures, generator: Generator) -> Float[Tensor, "images 1024 3"]:
        return normalised(inputs.flatten(2).mT)


@dataclass(frozen=True, kw_only=True)
class Cifar10Depth(DepthTask, Cifar10):
    """3,072 normalised values at once, red, then green, then blue, for networks along depth."""

    question: ClassVar[str] = "Does a network of this depth still learn objects?"
    features: ClassVar[int] = 3072
    image: ClassVar[tuple[int, int, int] | None] = (3, 32, 32)

    def present(self, inputs: Pictures, generator: Generator) -> Float[Tensor, "images 3072"]:
        return normalised(inputs.flatten(2).mT).mT.flatten(1)


def normalised(pixels: UInt8[Tensor, "images 1024 3"]) -> Float[Tensor, "images 1024 3"]:
    """The colours with mean 0 and deviation 1 over the training set."""
    return (pixels / 255.0 - torch.tensor(MEAN)) / torch.tensor(DEVIATION)


@dataclass(frozen=True, kw_only=True)
class SequentialCifar10Grey(Cifar10):
    """1,024 grey pixels in reading order: the images of the Long Range Arena."""

    question: ClassVar[str] = "Is an object recognised from its grey pixels, one by one?"
    features: ClassVar[int] = 1
    length: int = 1024

    def present(self, inputs: Pictures, generator: Generator) -> Float[Tensor, "images 1024 1"]:
        pixels = luma(inputs).flatten(1).unsqueeze(-1) / 255.0
        return (pixels - GREY_MEAN) / GREY_DEVIATION


def luma(pictures: Pictures) -> UInt8[Tensor, "images 32 32"]:
    """ITU-R 601 luma, rounded to a byte in 16-bit fixed point, exactly as Pillow has it."""
    red, green, blue = pictures.int().unbind(1)
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).byte()


@dataclass(frozen=True, kw_only=True)
class NoisePadded(Cifar10):
    """32 rows of 96 values in [0, 1] (red, green, blue), then standard normal noise to the end.

    Chang, Chen, Haber & Chi 2019 ("AntisymmetricRNN"), T = 1,000; coRNN and LEM train 128 units
    for 120 epochs of batches of 100. A held-out set is laid out whole: the 10,000 test images take
    3.8 GB.
    """

    features: ClassVar[int] = ROW_FEATURES
    length: int = 1000

    def __post_init__(self) -> None:
        if self.length <= ROWS:
            raise ValueError(f"length is {self.length}; it must be above {ROWS}, the image's rows")

    def present(self, inputs: Pictures, generator: Generator) -> Float[Tensor, "images steps 96"]:
        rows = inputs.transpose(1, 2).flatten(2) / 255.0
        return torch.cat([rows, self.noise(len(inputs), generator)], dim=1)

    @abstractmethod
    def noise(self, images: int, generator: Generator) -> Float[Tensor, "images noisy_steps 96"]:
        """The noise that follows these images."""


@dataclass(frozen=True, kw_only=True)
class NoisePaddedFixed(NoisePadded):
    """The same noise after every image, in training and test.

    So have coRNN, UnICORNN, LEM and the Lipschitz RNN it, each with a draw of its own: a long
    fixed input and no noise. Ours is the first of np.random.RandomState(0).
    """

    question: ClassVar[str] = "Is an object remembered through 968 steps of an always equal input?"

    def noise(self, images: int, generator: Generator) -> Float[Tensor, "images noisy_steps 96"]:
        return fixed_noise(self.length - ROWS).expand(images, -1, -1)


@dataclass(frozen=True, kw_only=True)
class NoisePaddedFresh(NoisePadded):
    """New noise after every image, each time it is shown."""

    question: ClassVar[str] = "Is an object remembered through 968 steps of noise?"

    def noise(self, images: int, generator: Generator) -> Float[Tensor, "images noisy_steps 96"]:
        return torch.randn(images, self.length - ROWS, ROW_FEATURES, generator=generator)


@cache
def fixed_noise(steps: int) -> Float[Tensor, "steps 96"]:
    """Standard normal numbers, from the generator whose stream numpy promises not to change."""
    draw = np.random.RandomState(0).standard_normal((steps, ROW_FEATURES))
    return torch.from_numpy(draw.astype(np.float32))
