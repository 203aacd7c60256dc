"""The definition of both models, one line a step, differentiated by autograd.

recurrent:   h_t = alpha * O h_{t-1} + beta * phi(W h_{t-1} + drive_t)
feed-forward:  x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l)

alpha and beta are numbers or one for each unit; `bias` is that of a phi that has one.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

from roaf.forms import Form, in_quickest
from roaf.kernels.problem import Problem
from roaf.mixing import Value, each
from roaf.nonlinearity import Nonlinearity


def refuses(problem: Problem) -> str | None:
    """Nothing."""
    return None


def pays(problem: Problem) -> bool:
    """Where nothing else can compute it."""
    return True


def recur(
    drive: Float[Tensor, "time batch hidden"],
    state: Float[Tensor, "batch hidden"],
    form: Form,
    weight: Float[Tensor, "hidden hidden"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "hidden"],
) -> Float[Tensor, "time batch hidden"]:
    """The state after each step; `drive` is the input's part of the pre-activation."""
    states, form = [], in_quickest(form, drive.shape[-1])
    for drive_now in drive.unbind(0):
        state = update(state, drive_now, form, weight, alpha, beta, phi, *bias)
        states.append(state)
    return torch.stack(states)


def compose(
    x: Float[Tensor, "batch width"],
    forms: Sequence[Form],
    weight: Float[Tensor, "depth width width"],
    offset: Float[Tensor, "depth width"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "depth width"],
) -> Float[Tensor, "batch width"]:
    """The output of the last layer."""
    # unbind, not weight[l]: indexing makes the backward pass quadratic in depth
    layers = zip(
        forms,
        weight.unbind(0),
        offset.unbind(0),
        each(alpha, len(weight)),
        each(beta, len(weight)),
        *(values.unbind(0) for values in bias),
        strict=True,
    )
    for form, w, b, alpha_now, beta_now, *bias_now in layers:
        x = update(x, b, form, w, alpha_now, beta_now, phi, *bias_now)
    return x


def update(
    x: Float[Tensor, "batch size"],
    drive: Tensor,
    form: Form,
    weight: Float[Tensor, "size size"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "size"],
) -> Float[Tensor, "batch size"]:
    """alpha * O x + beta * phi(W x + drive), the one equation of this library."""
    return alpha * form.times(x) + beta * phi.function(linear(x, weight) + drive, *bias)
