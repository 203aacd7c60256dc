"""What a task is: data, a loss and a score. It has no state beyond its fields.

Time tasks have inputs (batch, time, features), depth tasks (batch, features). `loss` and `score`
are means over what they are given, so that parts weighted by their size add up to the whole.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy


class Batch(NamedTuple):
    """Inputs (batch, ...) and their targets (batch, ...)."""

    inputs: Tensor
    targets: Tensor


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A task. `score` is the number reported; `direction` says whether "max" or "min" is good.

    `chance` and `chance_loss` are the score and the loss of a guess that uses no input; a score at
    `solved` or beyond counts as solved, None means that there is no such line. `readout` says
    whether the loss reads the "last" output or "every" one; even then the last step asks for
    something, because the gradient's diagnostics look at the loss of the last output alone.
    Where the inputs of a depth task are images, `image` is their (channels, height, columns).
    """

    question: ClassVar[str]
    metric: ClassVar[str]
    axis: ClassVar[str] = "time"
    features: ClassVar[int]
    outputs: ClassVar[int]
    readout: ClassVar[str] = "last"
    chance: ClassVar[float]
    solved: ClassVar[float | None] = None
    direction: ClassVar[str] = "max"
    permutation: ClassVar[str | None] = None
    image: ClassVar[tuple[int, int, int] | None] = None
    version: ClassVar[int] = 1

    length: int = 1

    @property
    def steps(self) -> int:
        """The time steps of a sequence: `length`, unless that is the delay alone."""
        return self.length

    @property
    @abstractmethod
    def chance_loss(self) -> float:
        """The loss of a guess that uses no input."""

    @abstractmethod
    def train_batches(self, size: int, generator: Generator) -> Iterator[Batch]:
        """Batches without end, drawn with the generator alone."""

    @abstractmethod
    def held_out(self, split: str, generator: Generator) -> Batch:
        """The "validation" or the "test" set."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The scalar that training descends."""

    @abstractmethod
    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The scalar that is reported."""

    def prepare(self) -> None:  # noqa: B027 (most tasks need nothing)
        """Downloads what the task needs."""

    def facts(self) -> dict[str, Any]:
        """What a report must know of the task."""
        names = ("question", "metric", "chance", "chance_loss", "solved", "direction")
        more = ("length", "readout", "permutation")
        return {name: getattr(self, name) for name in (*names, *more)}


@dataclass(frozen=True, kw_only=True)
class DepthTask(Task):
    """A task for networks along depth."""

    axis: ClassVar[str] = "depth"

    @property
    def depth_needed(self) -> int | None:
        """The steps of the rule behind the targets; None where it is not made of equal steps."""
        return None

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"depth_needed": self.depth_needed}


@dataclass(frozen=True, kw_only=True)
class GeneratedTask(Task):
    """A task whose data are drawn afresh; 1,000 sequences are held out for each split."""

    held_out_size: ClassVar[int] = 1000

    @abstractmethod
    def sample(self, size: int, generator: Generator) -> Batch:
        """`size` fresh examples."""

    def train_batches(self, size: int, generator: Generator) -> Iterator[Batch]:
        while True:
            yield self.sample(size, generator)

    def held_out(self, split: str, generator: Generator) -> Batch:
        return self.sample(self.held_out_size, generator)


@dataclass(frozen=True, kw_only=True)
class ClassTask(Task):
    """One class a sample, all about equally common: cross-entropy and accuracy."""

    metric: ClassVar[str] = "accuracy"

    @property
    def chance_loss(self) -> float:
        return math.log(self.outputs)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs.argmax(-1) == targets).float().mean()


@dataclass(frozen=True, kw_only=True)
class LabelledTask(ClassTask):
    """Classification of a fixed data set, in a new order each epoch."""

    @abstractmethod
    def split(self, name: str) -> Batch:
        """The "train", "validation" or "test" set; the same in every run."""

    def present(self, inputs: Tensor, generator: Generator) -> Tensor:
        """What a model is given of these inputs; another tensor where they are stored small, or
        where something is drawn anew each time."""
        return inputs

    def train_batches(self, size: int, generator: Generator) -> Iterator[Batch]:
        inputs, targets = self.split("train")
        while True:
            for rows in torch.randperm(len(inputs), generator=generator).split(size):
                yield Batch(self.present(inputs[rows], generator), targets[rows])

    def held_out(self, split: str, generator: Generator) -> Batch:
        inputs, targets = self.split(split)
        return Batch(self.present(inputs, generator), targets)
