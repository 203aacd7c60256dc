"""Linear recurrences of pairs with a constant 2 x 2 matrix a channel, for all time steps together.

    s_t = M s_{t-1} + f_t

Two steps are one step with M^2, so the odd times are a recurrence of half the length, from which
the even times follow: log2(T) rounds, about twice the work of the sequential form, and in place.
No eigenvalue is taken, since M may have a double one with a single eigenvector.

The gradient g_t of the loss by f_t is the same recurrence from the end, with the transpose of M:

    g_t = dL/ds_t + M^T g_{t+1},    dL/dM = sum over t of g_t s_{t-1}^T
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function


def oscillator_scan(
    m: Float[Tensor, "2 2 channels"],
    forces: Float[Tensor, "time batch 2 channels"],
    first: Float[Tensor, "batch 2 channels"],
) -> Float[Tensor, "time batch 2 channels"]:
    """s at every time step, starting from s = `first` before the first force."""
    return _Scan.apply(m, forces, first)  # type: ignore


class _Scan(Function):
    @staticmethod
    def forward(ctx: Any, m, forces, first):
        states = forces.clone()
        _add_product(states[0], m, first)
        _solve(m, states)
        ctx.save_for_backward(m, states, first)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        if torch.is_grad_enabled():  # create_graph
            raise RuntimeError("this scan has no second derivative")
        m, states, first = ctx.saved_tensors
        gradients = grad_outputs[0].flip(0)
        _solve(m.transpose(0, 1), gradients)
        gradients, d_first = gradients.flip(0), torch.zeros_like(first)
        _add_product(d_first, m.transpose(0, 1), gradients[0])
        pairs = (gradients[1:], states[:-1]), (gradients[:1], first.unsqueeze(0))
        d_m = sum(_outer_product(after, before) for after, before in pairs)
        return d_m, gradients, d_first


def _solve(m: Tensor, states: Tensor) -> None:
    """Forces become states, in place, as after a state of zero."""
    if len(states) > 1:
        odd, even = states[1::2], states[2::2]
        _add_product(odd, m, states[:-1:2])
        _solve(torch.einsum("ijc,jkc->ikc", m, m), odd)
        _add_product(even, m, odd[: len(even)])


def _add_product(target: Tensor, m: Tensor, pair: Tensor) -> None:
    """target += M pair."""
    for row in (0, 1):
        for column in (0, 1):
            target[..., row, :].addcmul_(m[row, column], pair[..., column, :])


def _outer_product(after: Tensor, before: Tensor) -> Tensor:
    """after before^T, summed over time and batch, (2, 2, channels)."""
    rows = [[(a * b).sum((0, 1)) for b in before.unbind(2)] for a in after.unbind(2)]
    return torch.stack([torch.stack(row) for row in rows])
