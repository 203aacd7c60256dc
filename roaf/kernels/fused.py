"""The same models without a graph: two accumulating products a step, a backward written out.

Forward, in place over the drive: s_t = phi(W h_{t-1} + drive_t), h_t = alpha O h_{t-1} + beta s_t.
Backward, with d_t = dL/dh_t and g_t = beta * phi'(s_t) * d_t,

    d_{t-1} = dL/dy_{t-1} + alpha * O^T d_t + W^T g_t

after which the weight gradient is one product over all steps. Accumulating products (BLAS adds to
what is there) leave three operations a step. One product with O and W stacked was slower on a CPU:
see reports/LOG.md.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from roaf.nonlinearity import Nonlinearity


def recur(
    drive: Float[Tensor, "time batch hidden"],
    state: Float[Tensor, "batch hidden"],
    orthogonal: Float[Tensor, "hidden hidden"],
    weight: Float[Tensor, "hidden hidden"],
    alpha: float,
    beta: float,
    phi: Nonlinearity,
) -> Float[Tensor, "time batch hidden"]:
    """Equal to `reference.recur`."""
    return _Recurrence.apply(drive, state, orthogonal, weight, alpha, beta, phi)  # type: ignore


class _Recurrence(Function):
    @staticmethod
    def forward(ctx: Any, drive, state, orthogonal, weight, alpha, beta, phi):
        values = drive.clone(memory_format=torch.contiguous_format)
        states = drive.new_empty(len(drive) + 1, *state.shape)
        states[0] = state
        o, w = orthogonal.T.contiguous(), weight.T.contiguous()
        previous, *later = states.unbind(0)
        for value, following in zip(values.unbind(0), later, strict=True):
            phi.in_place(value.addmm_(previous, w))
            torch.addmm(value, previous, o, beta=beta, alpha=alpha, out=following)
            previous = following
        ctx.save_for_backward(states, values, orthogonal, weight)
        ctx.settings = (alpha, beta, phi)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        states, values, orthogonal, weight = ctx.saved_tensors
        alpha, beta, phi = ctx.settings
        pulls = phi.slope_at_value(values).mul_(beta)
        deltas = grad_outputs[0].clone(memory_format=torch.contiguous_format)
        before = deltas.new_zeros(1, *deltas.shape[1:])
        targets = [*before.unbind(0), *deltas[:-1].unbind(0)]
        steps = zip(targets, deltas.unbind(0), pulls.unbind(0), strict=True)
        scaled = alpha * orthogonal
        for target, delta, pull in reversed(list(steps)):
            target.addmm_(delta, scaled).addmm_(pull.mul_(delta), weight)
        d_weight = pulls.flatten(0, 1).T @ states[:-1].flatten(0, 1)
        return pulls, before[0], None, d_weight, None, None, None


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
        depth = len(weight)
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
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        inputs, values, orthogonal, weight = ctx.saved_tensors
        alpha, beta, phi = ctx.settings
        pulls = phi.slope_at_value(values).mul_(beta)
        filters = orthogonal.expand_as(weight).unbind(0)
        delta = grad_outputs[0]
        layers = zip(pulls.unbind(0), filters, weight.unbind(0), strict=True)
        for pull, o, w in reversed(list(layers)):
            pull.mul_(delta)
            delta = torch.addmm(delta @ o, pull, w, beta=alpha)
        d_weight = torch.bmm(pulls.mT, inputs[:-1])
        return delta, None, d_weight, pulls.sum(dim=1), None, None, None
