"""The definition of both models, one line a step, differentiated by autograd.

recurrent:   h_t = alpha * O h_{t-1} + beta * phi(W h_{t-1} + drive_t)
feed-forward:  x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l)
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

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
    """The state after each step; `drive` is the input's part of the pre-activation."""
    states = []
    for drive_now in drive.unbind(0):
        state = update(state, drive_now, orthogonal, weight, alpha, beta, phi)
        states.append(state)
    return torch.stack(states)


def compose(
    x: Float[Tensor, "batch width"],
    orthogonal: Float[Tensor, "*layers width width"],
    weight: Float[Tensor, "depth width width"],
    bias: Float[Tensor, "depth width"],
    alpha: float,
    beta: float,
    phi: Nonlinearity,
) -> Float[Tensor, "batch width"]:
    """The output of the last layer; one filter serves all layers unless there is one for each."""
    # unbind, not weight[l]: indexing makes the backward pass quadratic in depth
    filters = orthogonal.expand_as(weight).unbind(0)
    for o, w, b in zip(filters, weight.unbind(0), bias.unbind(0), strict=True):
        x = update(x, b, o, w, alpha, beta, phi)
    return x


def update(
    x: Float[Tensor, "batch size"],
    drive: Tensor,
    orthogonal: Float[Tensor, "size size"],
    weight: Float[Tensor, "size size"],
    alpha: float,
    beta: float,
    phi: Nonlinearity,
) -> Float[Tensor, "batch size"]:
    """alpha * O x + beta * phi(W x + drive), the one equation of this library."""
    return alpha * linear(x, orthogonal) + beta * phi.function(linear(x, weight) + drive)
