"""scikit-learn's 1,797 real handwritten digits, 8x8: embedded, so they need no download.

Ten classes; always saying the commonest digit is right for 38 of the 300 test images. 1,197
images train, 300 validate, 300 test, by a shipped permutation. Small and quick: an indication, no
substitute for psMNIST.
"""

from dataclasses import dataclass
from typing import ClassVar

from bench.datasets import digits
from bench.tasks.base import Batch, DepthTask, LabelledTask
from bench.tasks.permutations import permutation

SPLITS = {"train": slice(0, 1197), "validation": slice(1197, 1497), "test": slice(1497, 1797)}


def flat_digits(split: str) -> Batch:
    """The images of the split as rows of 64 pixels, and their labels."""
    images, labels = digits()
    rows = permutation("digits-split")[SPLITS[split]]
    return Batch(images.flatten(1)[rows], labels[rows])


@dataclass(frozen=True, kw_only=True)
class PermutedSequentialDigits(LabelledTask):
    """The 64 pixels one by one in a fixed random order; the class is read at the end."""

    question: ClassVar[str] = "Is a small picture recognised, pixel by pixel in a shuffled order?"
    features: ClassVar[int] = 1
    outputs: ClassVar[int] = 10
    chance: ClassVar[float] = 38 / 300
    permutation: ClassVar[str | None] = "psdigits"

    length: int = 64

    def split(self, name: str) -> Batch:
        pixels, labels = flat_digits(name)
        return Batch(pixels[:, permutation("psdigits")].unsqueeze(-1), labels)


@dataclass(frozen=True, kw_only=True)
class DigitsDepth(DepthTask, LabelledTask):
    """All 64 pixels at once, for networks along depth. It never needs depth."""

    question: ClassVar[str] = "Does a network of this depth still learn a small, easy task?"
    features: ClassVar[int] = 64
    image: ClassVar[tuple[int, int, int] | None] = (1, 8, 8)
    outputs: ClassVar[int] = 10
    chance: ClassVar[float] = 38 / 300

    def split(self, name: str) -> Batch:
        return flat_digits(name)
