"""What the forward pass keeps for the backward pass, and how the rest is had again.

Each way keeps some tensors of every segment, and gets its states and values back from them and
from the state above it, the segments coming from the last to the first.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from roaf.kernels.layers import Layers, Rows, State, States
from roaf.kernels.workspace import Holder, Room, Workspace, rooms
from roaf.mixing import each

LARGEST_ERROR = 0.01
ROUNDING = 1e-3


class Full(Holder):
    """All states and values, in the rooms of a workspace."""

    kept = 0

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace

    def open(self, layers: Layers, start: State) -> Sequence[Room]:
        """Where each segment's are written."""
        self._workspace.lend(self, layers.sizes(), start)
        assert self.rooms is not None
        return self.rooms

    def keep(self, inputs: States) -> list[Tensor]:
        """Nothing more."""
        return []

    def reopen(self, layers: Layers, start: State) -> None:
        """Computes them again if another pass has their rooms, by the same operations."""
        if self.rooms is None:
            self.rooms = rooms(layers.sizes(), start)
            for where, room in zip(layers.segments(), self.rooms, strict=True):
                layers.part(where).walk(start, *room)
                start = room[0][-1]

    def recover(
        self, part: Layers, where: slice, kept: Sequence[Tensor], above: State
    ) -> tuple[States, Rows]:
        """What was written."""
        assert self.rooms is not None
        return self.rooms[where.start // len(self.rooms[0][1])]

    def close(self, start: State, found: State, last: State) -> None:
        """Their rooms may be another's."""
        self.done = True


class Sqrt:
    """The state below each segment; the segment is computed again, by the same operations."""

    kept = 1

    def open(self, layers: Layers, start: State) -> Sequence[Room]:
        """One room, for each segment in its turn."""
        return shared(layers, start)

    def keep(self, inputs: States) -> list[Tensor]:
        """The first state, without the others it lies among."""
        return [inputs[0].clone()]

    def reopen(self, layers: Layers, start: State) -> None:
        """Nothing."""

    def recover(
        self, part: Layers, where: slice, kept: Sequence[Tensor], above: State
    ) -> tuple[States, Rows]:
        """The same numbers again, to the last bit."""
        (room,) = rooms([len(part.weight)], above)
        part.walk(kept[0], *room)
        return room

    def close(self, start: State, found: State, last: State) -> None:
        """Nothing: they are the same."""


@dataclass(frozen=True)
class Recompute:
    """Nothing: each state is found from the one above it, see `roaf.contraction`.

    x <- O^T (y - beta * phi(W x + b)) / alpha, as many sweeps as its layer needs, starting from
    the same without phi.
    """

    sweeps: tuple[int, ...]
    kept = 0

    def open(self, layers: Layers, start: State) -> Sequence[Room]:
        """One room, for each segment in its turn."""
        return shared(layers, start)

    def keep(self, inputs: States) -> list[Tensor]:
        """Nothing."""
        return []

    def reopen(self, layers: Layers, start: State) -> None:
        """Nothing."""

    def recover(
        self, part: Layers, where: slice, kept: Sequence[Tensor], above: State
    ) -> tuple[States, Rows]:
        """The states to the tolerance of the sweeps, and the values at them."""
        inputs = descend(part, self.sweeps[where], above)
        values = torch.baddbmm(part.offset.unsqueeze(1), inputs[:-1], part.weight.mT)
        part.in_place(values)
        return inputs, values

    def close(self, start: State, found: State, last: State) -> None:
        """A UserWarning where the input that was found is not the one there was, in any row.

        Each layer has its inverse, yet a stack that forgets its input has none in finite precision.
        """
        norms = (torch.linalg.vector_norm(x, dim=1) for x in (found - start, start, last))
        error, size, later = norms
        allowed = LARGEST_ERROR * size + ROUNDING * later  # of an input of 0 rounding is left
        if start.isfinite().all() and not (error <= allowed).all():
            warnings.warn(
                f"activation_memory 'recompute' missed the input by over {LARGEST_ERROR:.0%}: the "
                "gradients of the lower layers are as wrong; 'sqrt' has them right",
                stacklevel=2,
            )


Memory = Full | Sqrt | Recompute


def shared(layers: Layers, start: State) -> Sequence[Room]:
    """The room of the largest segment, as much of it as each one needs."""
    sizes = layers.sizes()
    ((inputs, values),) = rooms([max(sizes)], start)
    return [(inputs[: size + 1], values[:size]) for size in sizes]


def descend(part: Layers, sweeps: Sequence[int], above: State) -> States:
    """Every state of a segment, from the one above it."""
    depth, in_place = len(part.weight), part.in_place
    inputs = above.new_empty(depth + 1, *above.shape)
    inputs[-1] = above
    *earlier, following = inputs.unbind(0)
    mixing = each(part.alpha, depth), each(part.beta, depth)
    tensors = part.weight.mT.unbind(0), part.offset.unbind(0), earlier
    layers = zip(part.forms, *mixing, *tensors, sweeps, strict=True)
    for form, alpha, beta, w, b, x, count in reversed(list(layers)):
        turned, ratio = form.turned(), beta / alpha
        start = form.back(following / alpha)
        x.copy_(start)
        for _ in range(count):
            value = in_place(torch.addmm(b, x, w)).mul_(ratio)
            turned.mix(start, value, -1.0, 1.0, x)
        following = x
    return inputs
