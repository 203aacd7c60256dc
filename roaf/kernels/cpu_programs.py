"""The two compiled programs of `roaf.kernels.cpu`: some rows of the batch, through all of time.

With d_t = dL/dh_t, g_t = beta * phi'(s_t) * d_t and y_t what was given out at t:

    ascend    s_t = phi(W h_{t-1} + drive_t),   h_t = beta * s_t + alpha O h_{t-1}
    descend   d_{t-1} = dL/dy_{t-1} + (alpha O)^T d_t + W^T g_t

A row needs no other row, so threads that have some rows each never wait for one another. Importing
this file compiles the programs, or takes them from numba's cache on disk; it needs numba.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, no_type_check

import numpy as np
from numba import njit, typeof, types
from numba.core.caching import FunctionCache

from roaf.kernels import cpu_products, cpu_rows, cpu_vectors
from roaf.kernels.cpu_products import product
from roaf.kernels.cpu_rows import activate, pull, turn


class Steps(NamedTuple):
    """Where the rows of each step lie: an address, and the bytes to the next step and row.

    Nothing to the next step means the same for all."""

    address: int
    step: int
    row: int


class Filter(NamedTuple):
    """A filter times alpha: a matrix, its address or 0, or in pieces, see `cpu_rows.turn`."""

    matrix: int
    terms: int
    pieces: Any
    weight: int
    indices: int


class Units(NamedTuple):
    """The addresses of what each unit has: beta, and the bias of phi."""

    beta: int
    bias: int


@no_type_check
def ascend(sizes, phi, units, weight, filter, drive, states, values):
    """Writes every state after the first, and every value of phi.

    `weight` is where each step's W^T lies in panels, the filter that of O.
    """
    time, batch, hidden = sizes
    for t in range(time):
        state, start = states.address + t * states.step, drive.address + t * drive.step
        value, later = values.address + t * values.step, state + states.step
        x = (state, states.row)
        w = weight.address + t * weight.step
        product(batch, hidden, *x, w, start, drive.row, value, values.row)
        for row in range(batch):
            own, out = value + row * values.row, later + row * states.row
            activate(phi, hidden, own, units.bias, units.beta, out)
            turn(filter, hidden, state + row * states.row, out)
        if filter.matrix:
            product(batch, hidden, *x, filter.matrix, later, states.row, later, states.row)


@no_type_check
def descend(sizes, phi, units, weight, filter, above, values, pulls, deltas, carry):
    """Writes every g_t and d_t; `carry`, the part of d_t from later steps, ends as dL/dh_0.

    `weight` is where each step's W lies in panels, the filter that of O^T.
    """
    time, batch, hidden = sizes
    there = (carry.address, carry.row, carry.address, carry.row)
    for t in range(time - 1, -1, -1):
        own, delta = pulls.address + t * pulls.step, deltas.address + t * deltas.step
        given, value = above.address + t * above.step, values.address + t * values.step
        for row in range(batch):
            later, found = carry.address + row * carry.row, delta + row * deltas.row
            read = (value + row * values.row, later, given + row * above.row, units.beta)
            pull(phi, hidden, *read, own + row * pulls.row, found)
            turn(filter, hidden, found, later)
        if filter.matrix:
            product(batch, hidden, delta, deltas.row, filter.matrix, *there)
        w = weight.address + t * weight.step
        product(batch, hidden, own, pulls.row, w, *there)


class Cache(FunctionCache):
    """numba's cache on disk, for programs that more than their own file determines."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return super()._index_key(sig, codegen), SOURCES


def compiled(program: Callable[..., None], *kinds: Any) -> Callable[..., None]:
    """The machine's program, from the cache where there is one that can be written."""
    dispatcher: Any = njit(nogil=True)(program)
    try:
        dispatcher._cache = Cache(program)
        dispatcher.compile(kinds)
    except (RuntimeError, OSError):  # no folder for it, no space
        dispatcher = njit(nogil=True)(program)
        dispatcher.compile(kinds)
    return dispatcher


SOURCES = tuple(
    hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()
    for module in (cpu_vectors, cpu_products, cpu_rows)
)
STEPS = typeof(Steps(0, 0, 0))
FILTER = typeof(Filter(0, 0, np.zeros((0, 4), np.int64), 0, 0))
SETTINGS = (typeof((0, 0, 0)), types.intp, typeof(Units(0, 0)), STEPS, FILTER)
ascend = compiled(ascend, *SETTINGS, *[STEPS] * 3)
descend = compiled(descend, *SETTINGS, *[STEPS] * 5)
pack = compiled(cpu_products.pack, types.float32[:, :, :], types.intp, types.float32[:, ::1])
