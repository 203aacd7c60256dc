"""Picard's iteration on a chunk of time, and the bound that says when to stop.

A sweep x -> F(x) computes all states of a chunk from all of them: the linear part alpha * O
exactly, the other part from the states before. With c = beta * lipschitz * ||W||_2 and `size` steps

    |F^j(x) - F^j(y)| <= |x - y| * min((c * size)^j / j!, sigma^j),   sigma = c * sum_i alpha^i,

in the largest norm of a state, the first times alpha^size if alpha > 1. Summed over j >= 1 this is
`reach`: after a sweep that moved the states by `change` they are within reach * change of the exact
ones, and no sweep is spent to see that the one before was enough.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from roaf.kernels.changes import Precision

ROUNDS = 3  # of the power iteration
MARGIN = 1.2  # it comes from below: for a random matrix it finds 0.84 of the norm

States = Float[Tensor, "steps batch size"]


@dataclass(frozen=True)
class Bound:
    """How far from exact the states are after a sweep, all in parts of the largest of them."""

    alpha: float
    rate: float  # c above
    size: int
    horizon: int  # steps of the whole sequence
    precision: Precision

    @property
    def reach(self) -> float:
        """What later sweeps may still move, in parts of the last change."""
        kappa, sigma = self.rate * self.size, self.rate * geometric(self.alpha, self.size)
        grown = max(self.alpha, 1.0) ** self.size
        series = sigma / (1 - sigma) if sigma < 1 else math.inf
        return min(grown * math.expm1(kappa), series)

    @property
    def lasting(self) -> float:
        """`reach` of all chunks together, as alpha * O passes their errors on."""
        chunks = geometric(self.alpha, self.horizon) / geometric(self.alpha, self.size)
        return self.reach * chunks

    def error(self, change: float) -> float:
        """The larger of that of the states which the last sweep read, and so of the values of phi,
        and that of the last states of all."""
        return max(1 + self.reach, self.lasting) * change

    def error_of_products(self, drift: float) -> float:
        """The same for what products in low precision have missed."""
        return max(1.0, self.lasting) * drift


def geometric(alpha: float, count: int) -> float:
    """1 + alpha + ... + alpha^(count - 1), for an alpha above 1 the largest term for each."""
    if alpha >= 1:
        return count * alpha ** (count - 1)
    return (1 - alpha**count) / (1 - alpha)


def settle(
    sweep: Callable[[States, bool], States], states: States, bound: Bound, most: int
) -> tuple[States, int | None]:
    """The states that sweeps lead to and the number of sweeps, None where `most` were too few.

    `sweep` takes the states, and whether to multiply them exactly.
    """
    rounding, tolerance = bound.precision.rounding, bound.precision.tolerance
    drift, change, before = 0.0, 1.0, 1.0
    for count in range(1, most + 1):
        expected = change * min(1.0, bound.reach, change / before)
        followed = drift + rounding * change
        exact = spoils(followed, bound) and not spoils(rounding * expected, bound)
        drift, before = 0.0 if exact else followed, change
        after = sweep(states, exact)
        change, states = relative_change(after, states), after
        if bound.error(change) + bound.error_of_products(drift) <= tolerance:
            return states, count
        if not math.isfinite(change):
            break
    return states, None


def spoils(drift: float, bound: Bound) -> bool:
    """Whether so much missed by products leaves no room for another error."""
    return bound.error_of_products(drift) > bound.precision.tolerance / 2


def relative_change(after: States, before: States) -> float:
    """The largest change of a state, in parts of the largest state of its sequence."""
    change = torch.linalg.vector_norm(after - before, dim=-1).amax(0)
    scale = torch.linalg.vector_norm(after, dim=-1).amax(0)
    return float((change / scale.clamp_min(torch.finfo(scale.dtype).tiny)).amax())


def spectral_norm(matrix: Float[Tensor, "rows columns"]) -> float:
    """||W||_2 by some rounds of power iteration from a fixed vector, made larger by a margin."""
    places = torch.arange(1.0, matrix.shape[1] + 1, dtype=matrix.dtype, device=matrix.device)
    image = matrix @ torch.cos(places * places)
    for _ in range(ROUNDS):
        vector = matrix.T @ image
        image = matrix @ (vector / torch.linalg.vector_norm(vector).clamp_min(1e-30))
    return MARGIN * float(torch.linalg.vector_norm(image))
