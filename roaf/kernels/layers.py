"""A stack of layers as tensors: its segments, and the walk through one of them.

    x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l)

A segment holds enough layers that the products over all of it at once cost little, and about
sqrt(depth) where that is more, so that the states between segments are few too.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from roaf.forms import Form
from roaf.kernels.fused import mixer
from roaf.mixing import Value, each
from roaf.nonlinearity import Nonlinearity

SHORTEST = 64

States = Float[Tensor, "later batch width"]  # later: a segment's layers and one
Rows = Float[Tensor, "layers batch width"]
State = Float[Tensor, "batch width"]


@dataclass(frozen=True)
class Passes:
    """How a segment is gone through: `walk` upwards, `pull` downwards.

    `walk(layers, start, inputs, values)` writes every state from `start` to the last layer's output
    and every value of phi. `pull(layers, values, delta, collect)` gives dL/dx above each layer
    where that is collected, beta * phi' times it, and dL/dx below the segment.
    """

    walk: Callable[["Layers", State, States, Rows], None]
    pull: Callable[["Layers", Rows, State, bool], tuple[list[Tensor], Rows, State]]


@dataclass(frozen=True)
class Layers:
    """Consecutive layers: what stands in their equations, `bias` that of a phi that has one."""

    passes: Passes
    forms: Sequence[Form]
    weight: Float[Tensor, "layers width width"]
    offset: Float[Tensor, "layers width"]
    alpha: Value
    beta: Value
    phi: Nonlinearity
    bias: tuple[Float[Tensor, "layers width"], ...] = ()

    @property
    def in_place(self) -> Callable[..., Tensor]:
        """phi, written to its argument."""
        assert self.phi.in_place is not None  # a phi without it has the reference kernel
        return self.phi.in_place

    @property
    def slope(self) -> Callable[[Tensor], Tensor]:
        """phi' from the value of phi."""
        assert self.phi.slope_at_value is not None
        return self.phi.slope_at_value

    def segments(self) -> list[slice]:
        """Where each segment begins and ends, the lowest first."""
        depth = len(self.weight)
        size = segment_size(depth)
        return [slice(first, min(first + size, depth)) for first in range(0, depth, size)]

    def walk(self, start: State, inputs: States, values: Rows) -> None:
        """Writes every state and every value of phi."""
        self.passes.walk(self, start, inputs, values)

    def sizes(self) -> list[int]:
        """The layers of each segment."""
        return [where.stop - where.start for where in self.segments()]

    def part(self, where: slice) -> "Layers":
        """The layers of a segment."""
        alpha, beta = (v[where] if torch.is_tensor(v) else v for v in (self.alpha, self.beta))
        bias = tuple(b[where] for b in self.bias)
        tensors = self.weight[where], self.offset[where]
        return Layers(self.passes, self.forms[where], *tensors, alpha, beta, self.phi, bias)

    def mixers(self) -> Iterator[Callable[[Tensor, Tensor, Tensor], None]]:
        """What writes each layer's output, from (value, input, output)."""
        depth = len(self.weight)
        return map(mixer, self.forms, each(self.alpha, depth), each(self.beta, depth))

    def biases(self) -> Sequence[tuple[Tensor, ...]]:
        """The further arguments of each layer's phi."""
        if not self.bias:
            return [()] * len(self.weight)
        return list(zip(*(b.unbind(0) for b in self.bias), strict=True))


def segment_size(depth: int) -> int:
    """The layers of a segment."""
    return max(SHORTEST, math.isqrt(depth - 1) + 1)
