"""The two Triton programs of `roaf.kernels.depth_triton`: a stack of layers upwards and downwards.

A program owns some rows of the batch and goes through all layers of a launch with them on the
chip; O is read once, W_l and b_l as they are needed. With d_l = dL/dx_l, g_l = beta * phi' * d_l+1:

    up      v_l = phi(x_l W_l^T + b_l),   x_l+1 = alpha * x_l O^T + beta * v_l
    down    g_l = beta * phi'(v_l) * d_l+1,   d_l = alpha * d_l+1 O + g_l W_l

Widths are filled with zeros to a power of two: as phi(0) = 0, what was filled in stays zero. The
products are "ieee", of float32 proper: TF32 would round O, see `roaf.precision`. Importing this
file needs triton, which comes with torch where torch has CUDA. `no_type_check` keeps the checks of
shapes in tests out of the programs, which are no Python.
"""

from typing import Any, no_type_check

import torch
import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]
from jaxtyping import Float
from torch import Tensor

State = Float[Tensor, "batch width"]
States = Float[Tensor, "layers batch width"]
Matrix = Float[Tensor, "width width"]
Weights = Float[Tensor, "layers width width"]

ROWS = 16  # of a program: few, so that a small batch is still several programs
NARROWEST = 16  # some versions of Triton take no product of a smaller inner size
SMALL = tl.constexpr(0.25)  # where tanh is its series: the first term left out is 1e-8 of it


@triton.jit
@no_type_check
def tanh(z):
    """tanh(z), to a few units in the last place also near 0."""
    square = z * z
    series = 1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835))))
    decay = tl.exp(-2 * tl.abs(z))
    far = (1 - decay) / (1 + decay)
    return tl.where(tl.abs(z) < SMALL, z * series, tl.where(z < 0, -far, far))


@triton.jit(do_not_specialize=("layers", "batch"))
@no_type_check
def up(
    start, end, inputs, values, matrix, weight, offset, alpha, beta, layers, batch,
    width: tl.constexpr, rows: tl.constexpr, filled: tl.constexpr,
    relu: tl.constexpr, keep: tl.constexpr,
):  # fmt: skip
    """Writes the last state to `end` and, to be kept, each layer's input and value of phi."""
    row = tl.program_id(0) * rows + tl.arange(0, rows)
    column = tl.arange(0, filled)
    inside = column < width
    tile = row[:, None] * width + column[None, :]
    here = (row < batch)[:, None] & inside[None, :]
    square = column[:, None] * width + column[None, :]
    whole = inside[:, None] & inside[None, :]
    turned = tl.trans(tl.load(matrix + square, mask=whole, other=0.0))
    x = tl.load(start + tile, mask=here, other=0.0)
    for _ in range(layers):
        w = tl.load(weight + square, mask=whole, other=0.0)
        b = tl.load(offset + column, mask=inside, other=0.0)
        inner = tl.dot(x, tl.trans(w), input_precision="ieee") + b[None, :]
        if relu:
            value = tl.where(inner < 0, 0.0, inner)  # which leaves NaN what it is
        else:
            value = tanh(inner)
        if keep:
            tl.store(inputs + tile, x, mask=here)
            tl.store(values + tile, value, mask=here)
            inputs += batch * width
            values += batch * width
        x = alpha * tl.dot(x, turned, input_precision="ieee") + beta * value
        weight += width * width
        offset += width
    tl.store(end + tile, x, mask=here)


@triton.jit(do_not_specialize=("layers", "batch"))
@no_type_check
def down(
    above, below, values, pulls, matrix, weight, alpha, beta, layers, batch,
    width: tl.constexpr, rows: tl.constexpr, filled: tl.constexpr, relu: tl.constexpr,
):  # fmt: skip
    """Writes dL/dx below the first layer to `below`, and g_l of each layer to `pulls`.

    `values`, `pulls` and `weight` point to the last layer.
    """
    row = tl.program_id(0) * rows + tl.arange(0, rows)
    column = tl.arange(0, filled)
    inside = column < width
    tile = row[:, None] * width + column[None, :]
    here = (row < batch)[:, None] & inside[None, :]
    square = column[:, None] * width + column[None, :]
    whole = inside[:, None] & inside[None, :]
    turn = tl.load(matrix + square, mask=whole, other=0.0)
    delta = tl.load(above + tile, mask=here, other=0.0)
    for _ in range(layers):
        w = tl.load(weight + square, mask=whole, other=0.0)
        value = tl.load(values + tile, mask=here, other=0.0)
        if relu:
            slope = tl.where(value > 0, 1.0, 0.0)
        else:
            slope = 1 - value * value
        pull = beta * slope * delta
        tl.store(pulls + tile, pull, mask=here)
        delta = alpha * tl.dot(delta, turn, input_precision="ieee")
        delta += tl.dot(pull, w, input_precision="ieee")
        values -= batch * width
        pulls -= batch * width
        weight -= width * width
    tl.store(below + tile, delta, mask=here)


def ascend(
    start: State,
    kept: tuple[States, States] | None,
    matrix: Matrix,
    weight: Weights,
    offset: Float[Tensor, "layers width"],
    mixing: tuple[float, float],
    phi_name: str,
) -> State:
    """The state above the layers, all in one launch; each one's input and phi go to `kept`."""
    end = torch.empty_like(start)
    inputs, values = kept or (start, start)
    tensors = (start, end, inputs, values, matrix, weight, offset)
    launch(up, tensors, mixing, len(weight), phi_name, keep=kept is not None)
    return end


def descend(
    above: State,
    values: States,
    matrix: Matrix,
    weight: Weights,
    mixing: tuple[float, float],
    phi_name: str,
) -> tuple[State, States]:
    """dL/dx below the layers, from dL/dx above them, and g_l of each."""
    below, pulls = torch.empty_like(above), torch.empty_like(values)
    tensors = (above, below, values[-1], pulls[-1], matrix, weight[-1])
    launch(down, tensors, mixing, len(weight), phi_name)
    return below, pulls


def launch(
    program: Any,
    tensors: tuple[Tensor, ...],
    mixing: tuple[float, float],
    layers: int,
    phi_name: str,
    **more: bool,
) -> None:
    """Runs the program on all rows of the first tensor.

    A wider tile gets more warps, or its products do not fit in the registers; over 64 columns they
    do not quite with any. Of tiles of 128 columns a chip has room for two beside O.
    """
    batch, width = tensors[0].shape
    filled = max(NARROWEST, triton.next_power_of_2(width))
    tile = {"width": width, "rows": ROWS, "filled": filled, "relu": phi_name == "relu"}
    stages = 3 if filled <= 64 else 2
    chip = {"num_warps": max(4, filled // 8), "num_stages": stages, "enable_fp_fusion": True}
    grid = (triton.cdiv(batch, ROWS),)
    program[grid](*tensors, *mixing, layers, batch, **tile, **chip, **more)
