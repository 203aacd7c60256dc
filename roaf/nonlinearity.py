"""The nonlinearities phi, with what a hand-written backward and the theory need of them.

modReLU, sign(z) max(|z| + b, 0) with a trained b for each unit (M. Arjovsky, A. Shah & Y. Bengio,
arXiv 1511.06464), has slope 0 where its value is 0 and slope 1 elsewhere. With b <= 0 it is
continuous and its Lipschitz constant is 1. With b > 0 it jumps from -b to b at z = 0: the slope,
and with it every bound of a Jacobian, stays what it is at almost every point, but no constant
bounds what a small step across the jump does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nonlinearity:
    """phi, elementwise, and its Lipschitz constant sup |phi'|, which the theory's bounds need.

    A function alone is differentiated by autograd. The fused kernels also need phi in place and
    its slope phi'(z) as a function of the value phi(z). Where `slope_of_bias` is given, phi takes a
    trained bias for each unit as second argument, and that is its derivative by the bias, again
    from the value; the bias starts at 0.
    """

    function: Callable[..., Tensor]
    lipschitz: float
    in_place: Callable[..., Tensor] | None = None
    slope_at_value: Callable[[Tensor], Tensor] | None = None
    slope_of_bias: Callable[[Tensor], Tensor] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lipschitz) and self.lipschitz > 0):
            raise ValueError(f"lipschitz must be a finite number above 0, not {self.lipschitz}")

    @property
    def fusible(self) -> bool:
        """Whether the fused kernels can compute it."""
        return self.in_place is not None and self.slope_at_value is not None


def find_nonlinearity(name: str | Nonlinearity) -> Nonlinearity:
    """The nonlinearity of that name, or the one given; an unknown name raises ValueError."""
    if isinstance(name, Nonlinearity):
        return name
    if name not in NONLINEARITIES:
        allowed = ", ".join(NONLINEARITIES)
        raise ValueError(
            f"nonlinearity {name!r} is unknown; allowed: {allowed}, "
            "or roaf.Nonlinearity(function, lipschitz)"
        )
    return NONLINEARITIES[name]


def modrelu(z: Tensor, bias: Tensor) -> Tensor:
    """sign(z) max(|z| + bias, 0)."""
    return torch.sign(z) * torch.relu(z.abs() + bias)


def modrelu_in_place(z: Tensor, bias: Tensor) -> Tensor:
    """modReLU, written to z."""
    return z.copy_(modrelu(z, bias))


def tanh_slope(value: Tensor) -> Tensor:
    """1 - tanh(z)^2."""
    return (value * value).neg_().add_(1)  # the same bits as 1 - value^2, one block fewer


def relu_slope(value: Tensor) -> Tensor:
    """1 where the unit is on, else 0."""
    return (value > 0).to(value)


def modrelu_slope(value: Tensor) -> Tensor:
    """1 where the unit is on, else 0; autograd takes 0 at z = 0 and at |z| = -b too."""
    return (value != 0).to(value)


# named functions, not lambdas: a model must be picklable for torch.save
NONLINEARITIES = {
    "tanh": Nonlinearity(torch.tanh, 1.0, torch.tanh_, tanh_slope),
    "relu": Nonlinearity(torch.relu, 1.0, torch.relu_, relu_slope),
    "modrelu": Nonlinearity(modrelu, 1.0, modrelu_in_place, modrelu_slope, torch.sign),
}
