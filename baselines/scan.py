"""Linear recurrences with an elementwise factor, solved for all time steps together.

    h_t = a_t h_{t-1} + b_t,    a and b real or complex

Time is cut into about sqrt(T) chunks of about sqrt(T) steps. All chunks are walked at once from
zero, and the products of their factors with them; then each chunk in turn gets what comes in from
the one before it. That is 2 sqrt(T) steps in place of T, without logarithm or division, so that
nothing is less accurate than in the sequential form while |a| <= 1.

The gradient g_t of the loss by b_t is the same recurrence from the end:

    g_t = dL/dh_t + conj(a_{t+1}) g_{t+1},    dL/da_t = g_t conj(h_{t-1})
"""

import itertools
import math
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor
from torch.autograd import Function


def linear_scan(
    factor: Shaped[Tensor, "_ time *width"],
    drive: Shaped[Tensor, "batch time *width"],
    first: Shaped[Tensor, "batch *width"],
) -> Shaped[Tensor, "batch time *width"]:
    """h at every time step, from h_0 = `first`; a factor of batch size 1 serves every sequence."""
    return _Scan.apply(factor, drive, first)  # type: ignore


class _Scan(Function):
    @staticmethod
    def forward(ctx: Any, factor, drive, first):
        states, products = _in_chunks(drive), _in_chunks(factor)
        _walk(states, products, first, range(states.shape[2]), range(states.shape[1]))
        states = states.flatten(1, 2)[:, : drive.shape[1]]
        ctx.save_for_backward(factor, states, first)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        if torch.is_grad_enabled():  # create_graph
            raise RuntimeError("this scan has no second derivative")
        factor, states, first = ctx.saved_tensors
        time = states.shape[1]
        deltas, products = _in_chunks(grad_outputs[0]), _in_chunks(factor[:, 1:].conj(), time)
        last = torch.zeros_like(first)
        _walk(deltas, products, last, range(deltas.shape[2])[::-1], range(deltas.shape[1])[::-1])
        d_drive = deltas.flatten(1, 2)[:, :time]
        d_factor = torch.empty_like(d_drive)
        torch.mul(d_drive[:, 1:], states[:, :-1].conj(), out=d_factor[:, 1:])
        torch.mul(d_drive[:, 0], first.conj(), out=d_factor[:, 0])
        return d_factor.sum_to_size(factor.shape), d_drive, factor[:, 0].conj() * d_drive[:, 0]


def _walk(states: Tensor, products: Tensor, first: Tensor, steps: range, chunks: range):
    """Solves the recurrence in place, from drives and factors (batch, chunks, steps, ...)."""
    for before, after in itertools.pairwise(steps):
        states[:, :, after].addcmul_(products[:, :, after], states[:, :, before])
        products[:, :, after].mul_(products[:, :, before])
    for chunk in chunks:
        states[:, chunk].addcmul_(products[:, chunk], first.unsqueeze(1))
        first = states[:, chunk, steps[-1]]


def _in_chunks(values: Tensor, time: int | None = None) -> Tensor:
    """A copy (batch, chunks, steps, ...) of at least `time` steps, its end filled with zeros."""
    time = values.shape[1] if time is None else time
    size = math.isqrt(time - 1) + 1
    copy = values.new_empty(len(values), -(-time // size) * size, *values.shape[2:])
    copy[:, : values.shape[1]] = values
    copy[:, values.shape[1] :] = 0
    return copy.unflatten(1, (-1, size))
