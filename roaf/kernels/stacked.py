"""The same models with one matrix product a step, no graph, and a backward pass written out.

Time runs over columns: a state is (hidden, batch), so that the stacked product

    [ alpha O ]         [ alpha O h            ]
    [    W    ] h_{t-1} [ W h + drive_t -> tanh ]

leaves both halves contiguous and h_t is their weighted sum. Backward, with s_t = phi(...),
d_t = dL/dh_t and g_t = beta * phi'(s_t) * d_t, again one product a step,

    d_{t-1} = (dL/dy_{t-1}) + [alpha O^T, W^T] [d_t; g_t],

after which every weight gradient is one product over all steps.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from roaf.nonlinearity import Nonlinearity


def recur(
    drive: Float[Tensor, "batch time hidden"],
    state: Float[Tensor, "batch hidden"],
    orthogonal: Float[Tensor, "hidden hidden"],
    weight: Float[Tensor, "hidden hidden"],
    alpha: float,
    beta: float,
    phi: Nonlinearity,
) -> Float[Tensor, "batch time hidden"]:
    """Equal to `reference.recur`."""
    return _Recurrence.apply(drive, state, orthogonal, weight, alpha, beta, phi)  # type: ignore


class _Recurrence(Function):
    @staticmethod
    def forward(ctx: Any, drive, state, orthogonal, weight, alpha, beta, phi):
        batch, time, hidden = drive.shape
        stacked = torch.cat([alpha * orthogonal, weight])
        halves = drive.new_empty(time, 2 * hidden, batch)
        halves[:, :hidden] = 0
        halves[:, hidden:] = drive.permute(1, 2, 0)
        states = drive.new_empty(time + 1, hidden, batch)
        states[0] = state.T
        previous, *later = states.unbind(0)
        rows = halves.unbind(0)
        tops, values = halves[:, :hidden].unbind(0), halves[:, hidden:].unbind(0)
        for row, top, value, following in zip(rows, tops, values, later, strict=True):
            row.addmm_(stacked, previous)
            phi.in_place(value)
            torch.add(top, value, alpha=beta, out=following)
            previous = following
        ctx.save_for_backward(stacked, states, halves)
        ctx.settings = (beta, phi, ctx.needs_input_grad)
        return states[1:].permute(2, 0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients):
        stacked, states, halves = ctx.saved_tensors
        beta, phi, needed = ctx.settings
        time, double, batch = halves.shape
        hidden = double // 2
        both = halves.new_empty(time, double, batch)
        both[:, :hidden] = gradients[0].permute(1, 2, 0)
        both[:, hidden:] = phi.slope_at_value(halves[:, hidden:]).mul_(beta)
        transposed = stacked.T.contiguous()
        deltas = both[:, :hidden].unbind(0)
        pulls, rows = both[:, hidden:].unbind(0), both.unbind(0)
        for now in range(time - 1, 0, -1):
            pulls[now].mul_(deltas[now])
            deltas[now - 1].addmm_(transposed, rows[now])
        pulls[0].mul_(deltas[0])
        pull = both[:, hidden:]
        d_state = (transposed @ rows[0]).T if needed[1] else None
        d_drive = pull.permute(2, 0, 1) if needed[0] else None
        d_weight = _sum_of_outer_products(pull, states[:-1]) if needed[3] else None
        return d_drive, d_state, None, d_weight, None, None, None


def _sum_of_outer_products(left: Tensor, right: Tensor) -> Tensor:
    """sum_t left_t right_t^T over (time, rows, batch) tensors, as one matrix product."""
    flat = [part.permute(1, 0, 2).reshape(part.shape[1], -1) for part in (left, right)]
    return flat[0] @ flat[1].T


def compose(
    x: Float[Tensor, "batch width"],
    orthogonal: Float[Tensor, "*layers width width"],
    weight: Float[Tensor, "depth width width"],
    bias: Float[Tensor, "depth width"],
    alpha: float,
    beta: float,
    phi: Nonlinearity,
) -> Float[Tensor, "batch width"]:
    """Equal to `reference.compose`."""
    return _Composition.apply(x, orthogonal, weight, bias, alpha, beta, phi)  # type: ignore


class _Composition(Function):
    @staticmethod
    def forward(ctx: Any, x, orthogonal, weight, bias, alpha, beta, phi):
        depth, width, _ = weight.shape
        inputs = x.new_empty(depth + 1, *x.shape)
        inputs[0] = x
        values = bias.unsqueeze(1).repeat(1, len(x), 1)  # always a copy: it is written to
        previous, *later = inputs.unbind(0)
        filters = orthogonal.mT.expand_as(weight).unbind(0)
        layers = zip(values.unbind(0), filters, weight.mT.unbind(0), later, strict=True)
        for value, o, w, following in layers:
            phi.in_place(value.addmm_(previous, w))
            torch.addmm(value, previous, o, beta=beta, alpha=alpha, out=following)
            previous = following
        ctx.save_for_backward(inputs, values, orthogonal, weight)
        ctx.settings = (alpha, beta, phi)
        return inputs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients):
        inputs, values, orthogonal, weight = ctx.saved_tensors
        alpha, beta, phi = ctx.settings
        pulls = phi.slope_at_value(values).mul_(beta)
        filters = orthogonal.expand_as(weight).unbind(0)
        delta = gradients[0]
        layers = zip(pulls.unbind(0), filters, weight.unbind(0), strict=True)
        for pull, o, w in reversed(list(layers)):
            pull.mul_(delta)
            delta = torch.addmm(delta @ o, pull, w, beta=alpha)
        d_weight = torch.bmm(pulls.mT, inputs[:-1])
        return delta, None, d_weight, pulls.sum(dim=1), None, None, None
