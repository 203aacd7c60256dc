"""The nonlinearities phi, with what a hand-written backward and the theory need of them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nonlinearity:
    """phi, phi in place, its slope phi' as a function of the value phi(z), and sup |phi'|."""

    function: Callable[[Tensor], Tensor]
    in_place: Callable[[Tensor], Tensor]
    slope_at_value: Callable[[Tensor], Tensor]
    lipschitz: float


NONLINEARITIES = {
    "tanh": Nonlinearity(torch.tanh, torch.tanh_, lambda value: 1 - value * value, 1.0),
    "relu": Nonlinearity(torch.relu, torch.relu_, lambda value: (value > 0).to(value), 1.0),
}


def find_nonlinearity(name: str) -> Nonlinearity:
    """The nonlinearity of that name; an unknown one raises ValueError."""
    if name not in NONLINEARITIES:
        allowed = ", ".join(NONLINEARITIES)
        raise ValueError(f"nonlinearity {name!r} is unknown; allowed: {allowed}")
    return NONLINEARITIES[name]
