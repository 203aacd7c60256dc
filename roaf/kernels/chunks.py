"""A chunk of the recurrence and of its adjoint, by sweeps or, where they do not settle, by steps.

In the basis Q of O's planes, y_t = Q^T h_t (see `roaf.kernels.powers`; Q = 1 for structured O):

    y_t = A^t y_0 + sum_{0<i<=t} A^(t-i) beta Q^T s_i,      s_i = phi(W Q y_{i-1} + drive_i)
    e_t = sum_{t<=i} (A^T)^(i-t) (Q^T dL/dh_i + Q^T W^T g_{i+1}),   g_i = beta phi'(s_i) Q e_i

with A = alpha * R. Row 0 of a chunk is the state before it, and its e_0 what goes to the chunk
before.
"""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from roaf.forms import Form
from roaf.kernels import fused
from roaf.kernels.changes import Factor
from roaf.kernels.powers import Powers
from roaf.kernels.problem import Kernel
from roaf.kernels.sweeps import Bound, settle
from roaf.nonlinearity import Nonlinearity

BLOCK = 32  # steps that are summed by one product

State = Float[Tensor, "batch hidden"]
Steps = Float[Tensor, "steps batch hidden"]
Later = Float[Tensor, "later batch hidden"]  # later: a chunk's steps and one


@dataclass(frozen=True)
class Layer:
    """What stands in the equation, alpha and beta numbers, `bias` that of a phi that has one."""

    form: Form
    weight: Float[Tensor, "hidden hidden"]
    alpha: float
    beta: float
    phi: Nonlinearity
    bias: tuple[Float[Tensor, "hidden"], ...] = ()

    def values(self, inner: Steps) -> Steps:
        """phi, in place."""
        assert self.phi.in_place is not None  # a phi without it has the reference kernel
        return self.phi.in_place(inner, *self.bias)

    def slopes(self, values: Steps) -> Steps:
        """beta * phi' from the values of phi."""
        assert self.phi.slope_at_value is not None
        return self.phi.slope_at_value(values) * self.beta


@dataclass(frozen=True)
class Scan:
    """x_t = A x_{t-1} + terms_t for all steps of a chunk: turned back to where A is alpha alone,
    summed block by block, turned forth."""

    powers: Powers
    decay: Float[Tensor, "block block"]  # alpha^(i - j) where i >= j, else 0
    later: Float[Tensor, "block 1"]  # alpha^(i + 1)

    def times(self, terms: Later) -> Later:
        """All x, the first being the first term."""
        alike = self.powers.back.times(terms).flatten(1)
        sums = torch.empty_like(alike)
        for first in range(0, len(alike), BLOCK):
            block = sums[first : first + BLOCK]
            count = len(block)
            torch.mm(self.decay[:count, :count], alike[first : first + BLOCK], out=block)
            if first:
                block.addcmul_(self.later[:count], sums[first - 1])
        return self.powers.forth.times(sums.view_as(terms))


def scan(powers: Powers, alpha: float, like: Tensor) -> Scan:
    """That of alpha times what these are the powers of."""
    steps = torch.arange(BLOCK, dtype=torch.float64, device=like.device)
    distance = steps[:, None] - steps
    decay = torch.full_like(distance, alpha).pow(distance.clamp_min(0)).tril()
    return Scan(powers, decay.to(like.dtype), (alpha * decay[:, :1]).to(like.dtype))


@dataclass(frozen=True)
class Plan:
    """One direction of a pass: its sum over time, its products, when a chunk is near enough.

    `most` sweeps are taken for a chunk; `inward` is the product with Q, `outward` that with Q^T.
    """

    layer: Layer
    scan: Scan
    weigh: Factor
    inward: Factor
    outward: Factor
    bound: Bound
    most: int


def forward_chunk(plan: Plan, drive: Steps, start: State) -> tuple[Steps, Steps, State, int | None]:
    """(h of each step, values of phi, the last y, the sweeps or None), from the y before."""
    weigh, inward, values = plan.weigh.follow(), plan.inward.follow(), drive
    terms = start.new_empty(len(drive) + 1, *start.shape)
    terms[0] = start

    def accumulate(inner: Steps, exact: bool) -> Later:
        nonlocal values
        values = plan.layer.values(inner)
        torch.mul(inward.product(values, exact), plan.layer.beta, out=terms[1:])
        return plan.scan.times(terms)

    def sweep(states: Later, exact: bool) -> Later:
        return accumulate(drive + weigh.product(states[:-1], exact), exact)

    states, count = settle(sweep, accumulate(drive.clone(), False), plan.bound, plan.most)
    if count is None:
        return *forward_steps(plan, drive, start), None
    return plan.outward.times(states[1:]), values, states[-1], count


def forward_steps(plan: Plan, drive: Steps, start: State) -> tuple[Steps, Steps, State]:
    """The same without the sweeps."""
    layer, first = plan.layer, plan.outward.times(start)
    ways = layer.form, layer.weight, layer.alpha, layer.beta, layer.phi, *layer.bias
    states = cast(Kernel, fused.recur)(drive, first, *ways)
    before = torch.cat([first[None], states[:-1]])
    values = layer.values(drive + before @ layer.weight.T)
    return states, values, plan.inward.times(states[-1])


def backward_chunk(
    plan: Plan, given: Steps, slopes: Steps, after: State
) -> tuple[Steps, State, int | None]:
    """(g of each step, the e_0 that goes on, the sweeps or None).

    `given` are the gradients by h, `after` is what the chunk after this one gave.
    """
    outward, weigh, pulls = plan.outward.follow(), plan.weigh.follow(), slopes
    upwards = slopes.flip(0)  # the last step first, so that time runs as in a forward pass
    fixed = torch.cat([plan.inward.times(given).flip(0), torch.zeros_like(after[None])])
    fixed[0] += after

    def sweep(deltas: Later, exact: bool) -> Later:
        nonlocal pulls
        pulls = upwards * outward.product(deltas[:-1], exact)
        terms = fixed.clone()
        terms[1:] += weigh.product(pulls, exact)
        return plan.scan.times(terms)

    deltas, count = settle(sweep, plan.scan.times(fixed), plan.bound, plan.most)
    if count is None:
        return *backward_steps(plan, given, slopes, after), None
    return pulls.flip(0), deltas[-1], count


def backward_steps(plan: Plan, given: Steps, slopes: Steps, after: State) -> tuple[Steps, State]:
    """The same without the sweeps."""
    turned = plan.layer.form.scaled(plan.layer.alpha).turned()
    delta, pulls = plan.outward.times(after), torch.empty_like(slopes)
    for gradient, slope, pull in reversed(list(zip(given, slopes, pulls, strict=True))):
        delta = gradient + delta
        torch.mul(slope, delta, out=pull)
        delta = turned.times(delta).addmm_(pull, plan.layer.weight)
    return pulls, plan.inward.times(delta)
