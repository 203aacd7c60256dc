"""Room for the states of a whole pass, which the next pass takes over.

A fresh block of that size is had from the system page by page. It is handed on when the pass that
holds it has gone through its backward pass, or is forgotten. Who then goes through it once more
(`retain_graph`) finds the room taken and computes its states again. On a GPU the passes of a model
are meant to follow each other on one stream.
"""

import weakref
from collections.abc import Sequence
from threading import Lock
from typing import Any

from jaxtyping import Float
from torch import Tensor

Room = tuple[Float[Tensor, "_ _ _"], Float[Tensor, "_ _ _"]]


class Holder:
    """A pass: the rooms of its segments, None when they were taken, and whether it is done."""

    def __init__(self) -> None:
        self.rooms: Sequence[Room] | None = None
        self.done = False


class Workspace:
    """The rooms of one model, and who holds them."""

    def __init__(self) -> None:
        self._lock, self._rooms = Lock(), list[Room]()
        self._holder: Any = lambda: None  # a weak reference

    @property
    def nbytes(self) -> int:
        """What the rooms take."""
        return sum(part.nbytes for room in self._rooms for part in room)

    @property
    def free_bytes(self) -> int:
        """What of it the next pass can have."""
        return self.nbytes if self._is_free() else 0

    def lend(self, holder: Holder, sizes: Sequence[int], start: Tensor) -> None:
        """Gives the holder a room for each segment of so many layers: those of the last pass if
        they fit and are free, else new ones, which are kept if the others are free."""
        with self._lock:
            if not self._is_free():
                holder.rooms = rooms(sizes, start)
                return
            if last := self._holder():
                last.rooms = None
            if not fit(self._rooms, sizes, start):
                self._rooms.clear()  # before there are others, so that both are never there
                self._rooms = rooms(sizes, start)
            holder.rooms, self._holder = self._rooms, weakref.ref(holder)

    def _is_free(self) -> bool:
        last = self._holder()
        return last is None or last.done


def rooms(sizes: Sequence[int], start: Float[Tensor, "batch width"]) -> list[Room]:
    """New rooms for states like `start`."""
    return [
        (start.new_empty(size + 1, *start.shape), start.new_empty(size, *start.shape))
        for size in sizes
    ]


def fit(found: Sequence[Room], sizes: Sequence[int], start: Float[Tensor, "batch width"]) -> bool:
    """Whether the rooms are what new ones would be."""
    kind = (start.shape, start.dtype, start.device)
    return [len(values) for _, values in found] == list(sizes) and all(
        (values.shape[1:], values.dtype, values.device) == kind for _, values in found
    )
