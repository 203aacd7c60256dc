"""The stack of layers on a GPU in a few launches instead of three a layer: Triton.

    x_{l+1} = alpha * O x_l + beta * phi(W_l x_l + b_l)

The programs are in `roaf.kernels.depth_programs`. A launch goes through so many layers that it
takes milliseconds, never seconds, and the state between two launches lies in the GPU's memory. The
gradients of the weights are batched products after the launch that found g_l:

    dL/dW_l = g_l^T x_l,   dL/db_l = sum g_l
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from roaf.precision import exact_products

LAYERS = 4096  # of a launch
WIDEST = 128
PHI = ("tanh", "relu")

State = Float[Tensor, "batch width"]


def supports(x: Tensor, phi_name: str) -> bool:
    """Whether `compose` can compute it: float32, at most 128 wide, tanh or relu.

    On a CUDA device with Triton; or on a CPU, for tests, where TRITON_INTERPRET is 1.
    """
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    there = find_spec("triton") is not None and (x.is_cuda or interpreted)
    return there and x.dtype == torch.float32 and x.shape[-1] <= WIDEST and phi_name in PHI


@torch.compiler.disable
def compose(
    x: State,
    matrix: Float[Tensor, "width width"],
    weight: Float[Tensor, "depth width width"],
    offset: Float[Tensor, "depth width"],
    alpha: float,
    beta: float,
    phi_name: str,
    keep_every: int = 1,
) -> State:
    """Equal to `reference.compose` with one dense O, which gets no gradient.

    With `keep_every` above 1 the forward pass keeps only the state below each so many layers, at
    most 4,096, and the backward pass computes the others again. What `supports` does not allow, or
    shapes that do not go together, raise ValueError.
    """
    check(x, matrix, weight, offset, phi_name)
    if keep_every < 1:
        raise ValueError(f"keep_every must be at least 1, not {keep_every}")
    tensors = [tensor.contiguous() for tensor in (x, weight, offset, matrix.detach())]
    needed = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    settings = ((float(alpha), float(beta)), phi_name)
    return _Composition.apply(*tensors, settings, keep_every, needed)  # type: ignore


def check(x: Tensor, matrix: Tensor, weight: Tensor, offset: Tensor, phi_name: str) -> None:
    """Raises ValueError where a program would read what is not there, or cannot be."""
    if not supports(x, phi_name):
        raise ValueError(
            f"Triton's kernel cannot compute phi {phi_name!r} of {x.dtype} of shape "
            f"{tuple(x.shape)} on {x.device.type}; allowed: {' and '.join(PHI)} of float32, at "
            f"most {WIDEST} wide, on cuda with triton installed"
        )
    width, depth = x.shape[1], len(weight)
    allowed = ((width, width), (depth, width, width), (depth, width))
    given = (matrix, weight, offset)
    if tuple(tuple(tensor.shape) for tensor in given) != allowed:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in given)
        raise ValueError(
            f"matrix, weight and offset have shapes {shapes}; an x {width} wide allows "
            f"{(width, width)}, (depth, {width}, {width}), (depth, {width})"
        )
    if any((tensor.dtype, tensor.device) != (x.dtype, x.device) for tensor in given):
        raise ValueError("matrix, weight and offset must be of the dtype and on the device of x")


class _Composition(Function):
    @staticmethod
    def forward(ctx: Any, x, weight, offset, matrix, settings, keep_every, needed):
        from roaf.kernels.depth_programs import ascend  # needs triton

        kept, full = [], needed and keep_every == 1
        with torch.cuda.device_of(x):
            for where in launches(len(weight), keep_every):
                part = (matrix, weight[where], offset[where], *settings)
                states = room(part[1], x) if full else None
                kept += [*(states or (x,))] if needed else []
                x = ascend(x, states, *part)
        ctx.save_for_backward(weight, offset, matrix, *kept)
        ctx.settings = (settings, keep_every)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        from roaf.kernels.depth_programs import ascend, descend

        weight, offset, matrix, *kept = ctx.saved_tensors
        settings, keep_every = ctx.settings
        delta = grad_outputs[0].contiguous()
        d_weight, d_offset = torch.empty_like(weight), torch.empty_like(offset)
        with torch.cuda.device_of(delta), exact_products(delta.device):
            for where in reversed(list(launches(len(weight), keep_every))):
                part = (matrix, weight[where], offset[where], *settings)
                if keep_every == 1:
                    values, inputs = kept.pop(), kept.pop()
                else:
                    inputs, values = states = room(part[1], delta)
                    ascend(kept.pop(), states, *part)
                delta, pulls = descend(delta, values, matrix, part[1], *settings)
                torch.bmm(pulls.mT, inputs, out=d_weight[where])
                torch.sum(pulls, 1, out=d_offset[where])
        return delta, d_weight, d_offset, None, None, None, None


def launches(depth: int, keep_every: int) -> Iterator[slice]:
    """The layers of each launch."""
    size = LAYERS if keep_every == 1 else min(keep_every, LAYERS)
    return (slice(first, min(first + size, depth)) for first in range(0, depth, size))


def room(weight: Tensor, x: State) -> tuple[Tensor, Tensor]:
    """Where the inputs and the values of phi of these layers will be."""
    shape = (len(weight), *x.shape)
    return x.new_empty(shape), x.new_empty(shape)
