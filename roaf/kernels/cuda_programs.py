"""The two Triton programs of `roaf.kernels.cuda`: a whole sequence forwards and backwards.

A program owns one row of the batch and takes it through all steps of the sequence; the weights and
O stay on the chip, the state in registers, all float32. With s_t the value of phi, d_t = dL/dh_t
and g_t = beta * phi'(s_t) * d_t,

    forwards    s_t = phi(W h_t-1 + drive_t),   h_t = alpha * O h_t-1 + beta * s_t
    backwards   d_t-1 = dL/dy_t-1 + O^T (alpha * d_t) + W^T g_t

One row, not a tile for the tensor cores: those take 16 rows at least, so that a batch of 32 would
busy two processors of 132; and they round sums towards zero (H. Ootomo & R. Yokota), the same way
at each of 10,000 products with O. A matrix takes N^2 / 128 clocks a step.

A matrix is read as [from, to] and summed over its first axis, which is in one thread mostly. What a
later step needs of the memory is read two steps ahead. Widths are filled with zeros to a power of
two: as phi(0) = 0, what was filled in stays zero. `loss` is 1 - alpha, for alpha itself rounded to
float32 would be off the same way at every step. Importing this file needs triton, which comes with
torch where torch has CUDA. `no_type_check` keeps the checks of shapes in tests out of the programs,
which are no Python.
"""

from collections.abc import Sequence
from typing import Any, no_type_check

import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]
from torch import Tensor

from roaf.kernels.depth_programs import tanh

NARROWEST = 16
RELU, MODRELU = tl.constexpr(1), tl.constexpr(2)  # phi 0 is tanh


@triton.jit
@no_type_check
def load_matrix(start, width, column):
    """The matrix at `start`, filled with zeros."""
    inside = column < width
    square = column[:, None] * width + column[None, :]
    return tl.load(start + square, mask=inside[:, None] & inside[None, :], other=0.0)


@triton.jit
@no_type_check
def load_row(start, width, column, there):
    """The row at `start` filled with zeros, or only zeros where there is none."""
    return tl.load(start + column, mask=column < tl.where(there, width, 0), other=0.0)


@triton.jit
@no_type_check
def value_of(z, offset, phi: tl.constexpr):
    """phi(z), NaN where z is."""
    if phi == RELU:
        value = tl.where(z < 0, 0.0, z)
    elif phi == MODRELU:
        size = tl.abs(z) + offset
        size = tl.where(size < 0, 0.0, size)
        value = tl.where(z < 0, -size, tl.where(z == 0, z, size))
    else:
        value = tanh(z)
    return value


@triton.jit
@no_type_check
def slope_of(value, phi: tl.constexpr):
    """phi' where phi has this value."""
    if phi == RELU:
        slope = tl.where(value > 0, 1.0, 0.0)
    elif phi == MODRELU:
        slope = tl.where(value != 0, 1.0, 0.0)
    else:
        slope = 1 - value * value
    return slope


@triton.jit(do_not_specialize=("steps", "batch"))
@no_type_check
def forwards(
    drive, states, values, weight, matrix, own, across, index, loss, beta, offset,
    steps, batch, width: tl.constexpr, filled: tl.constexpr, phi: tl.constexpr,
    dense: tl.constexpr, keep: tl.constexpr,
):  # fmt: skip
    """Writes h_t to `states`, which begins with the first state, and to be kept s_t to `values`."""
    row = tl.program_id(0)
    member, stride = row // batch, tl.num_programs(0) * width
    column = tl.arange(0, filled)
    inside = column < width
    here, each = row * width, member * width + column
    w = load_matrix(weight + member * width * width, width, column)
    if dense:
        o = load_matrix(matrix + member * width * width, width, column)
    else:
        straight = tl.load(own + each, mask=inside, other=0.0)
        crossed = tl.load(across + each, mask=inside, other=0.0)
        source = tl.load(index + each, mask=inside, other=0)
    less = tl.load(loss + each, mask=inside, other=0.0)
    more = tl.load(beta + each, mask=inside, other=0.0)
    at_phi = tl.load(offset + each, mask=inside, other=0.0)
    x = load_row(states + here, width, column, True)
    now = load_row(drive + here, width, column, steps > 0)
    soon = load_row(drive + stride + here, width, column, steps > 1)
    for step in range(steps):
        later = load_row(drive + 2 * stride + here, width, column, steps > step + 2)
        drive += stride
        states += stride
        if dense:
            turned = tl.sum(o * x[:, None], 0)
        else:
            turned = straight * x + crossed * tl.gather(x, source, 0)
        value = value_of(now + tl.sum(w * x[:, None], 0), at_phi, phi)
        x = turned - less * turned + more * value
        tl.store(states + here + column, x, mask=inside)
        if keep:
            tl.store(values + here + column, value, mask=inside)
            values += stride
        now, soon = soon, later


@triton.jit(do_not_specialize=("steps", "batch"))
@no_type_check
def backwards(
    above, values, pulls, deltas, below, weight, matrix, own, across, index, loss, beta,
    steps, batch, width: tl.constexpr, filled: tl.constexpr, phi: tl.constexpr,
    dense: tl.constexpr, keep: tl.constexpr,
):  # fmt: skip
    """Writes dL/dh_0 to `below`, g_t to `pulls` and, to be kept, d_t to `deltas`.

    `above` holds dL/dy_t; it, `values`, `pulls` and `deltas` point to the last step, the matrix or
    the numbers of the filter are those of O^T.
    """
    row = tl.program_id(0)
    member, stride = row // batch, tl.num_programs(0) * width
    column = tl.arange(0, filled)
    inside = column < width
    here, each = row * width, member * width + column
    w = load_matrix(weight + member * width * width, width, column)
    if dense:
        o = load_matrix(matrix + member * width * width, width, column)
    else:
        straight = tl.load(own + each, mask=inside, other=0.0)
        crossed = tl.load(across + each, mask=inside, other=0.0)
        source = tl.load(index + each, mask=inside, other=0)
    less = tl.load(loss + each, mask=inside, other=0.0)
    more = tl.load(beta + each, mask=inside, other=0.0)
    carried = tl.zeros([filled], tl.float32)
    given = load_row(above + here, width, column, steps > 0)
    value = load_row(values + here, width, column, steps > 0)
    given_soon = load_row(above - stride + here, width, column, steps > 1)
    value_soon = load_row(values - stride + here, width, column, steps > 1)
    for step in range(steps):
        there = steps > step + 2
        given_later = load_row(above - 2 * stride + here, width, column, there)
        value_later = load_row(values - 2 * stride + here, width, column, there)
        above -= stride
        values -= stride
        delta = carried + given
        pull = more * slope_of(value, phi) * delta
        tl.store(pulls + here + column, pull, mask=inside)
        pulls -= stride
        if keep:
            tl.store(deltas + here + column, delta, mask=inside)
            deltas -= stride
        kept = delta - less * delta
        if dense:
            turned = tl.sum(o * kept[:, None], 0)
        else:
            turned = straight * kept + crossed * tl.gather(kept, source, 0)
        carried = turned + tl.sum(w * pull[:, None], 0)
        given, value = given_soon, value_soon
        given_soon, value_soon = given_later, value_later
    tl.store(below + here + column, carried, mask=inside)


def launch(
    program: Any, tensors: Sequence[Tensor], like: Tensor, phi: int, dense: bool, keep: bool
) -> None:
    """Runs the program on every row of `like`, (steps, members, batch, width)."""
    steps, members, batch, width = like.shape
    filled = max(NARROWEST, 1 << (width - 1).bit_length())
    kind = {"width": width, "filled": filled, "phi": phi, "dense": dense, "keep": keep}
    program[(members * batch,)](*tensors, steps, batch, **kind, **chip(filled))


def chip(filled: int) -> dict[str, int | bool]:
    """How a program of that width is compiled.

    A thread holds up to 256 numbers of W and O, of which 220 have room in its registers.
    """
    return {"num_warps": max(1, filled // 32), "maxnreg": 255, "enable_fp_fusion": True}
