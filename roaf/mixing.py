"""alpha and beta: numbers, one for each unit, or learned between two bounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from roaf.bounds import singular_value_bounds
from roaf.norms import spectral_norm_bound
from roaf.settings import FixedBuffers, wanted_device


@dataclass(frozen=True)
class Learned:
    """A trained alpha or beta: lower + (upper - lower) * sigmoid(logit), inside its bounds always.

    It starts at `initial`, or in the middle. There is one for each layer and direction, or with
    `per_unit` one for each unit. Bounds other than 0 <= lower < initial < upper raise ValueError.
    """

    lower: float
    upper: float
    initial: float | None = None
    per_unit: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.lower < self.start < self.upper < math.inf):
            order = f"{self.lower}, {self.start}, {self.upper}"
            raise ValueError(f"Learned needs 0 <= lower < initial < upper, not {order}")

    @property
    def start(self) -> float:
        """The value before training."""
        return (self.lower + self.upper) / 2 if self.initial is None else self.initial

    def first_logit(self) -> float:
        """The logit before training."""
        return math.log((self.start - self.lower) / (self.upper - self.start))

    def value(self, logit: Tensor) -> Tensor:
        """The value that a logit stands for."""
        value = self.lower + (self.upper - self.lower) * torch.sigmoid(logit)
        return value.clamp(self.lower, self.upper)  # rounding alone could lead outside


Coefficient = float | Float[Tensor, "..."] | Learned
Value = float | Float[Tensor, "*layers units"]

PER_UNIT = "per unit"


class Mixing(FixedBuffers, nn.Module):
    """The alpha and beta of a layer, or of `depth` stacked ones with `lead` = (depth,).

    A tensor has the shape (units,), (*lead, 1) or (*lead, units); it is a buffer `alpha_per_unit`,
    a learned one a parameter `alpha_logit`. `beta=None` means 1 - alpha. What is negative, not
    finite or of another shape raises ValueError.
    """

    def __init__(
        self,
        alpha: Coefficient,
        beta: Coefficient | None,
        units: int,
        lead: tuple[int, ...] = (),
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self._shape = (*lead, units)
        self._settings: dict[str, Any] = {}
        device = wanted_device(device)
        for name, setting in (("alpha", alpha), ("beta", beta)):
            if isinstance(setting, Learned):
                shape = self._shape if setting.per_unit else (*lead, 1)
                logit = torch.full(shape, setting.first_logit(), device=device, dtype=dtype)
                self.register_parameter(f"{name}_logit", nn.Parameter(logit))
            elif isinstance(setting, Tensor):
                fixed = _spread(name, setting, units, lead).to(device, torch.float64)
                self.register_buffer(f"{name}_per_unit", fixed)
                setting = PER_UNIT
            self._settings[name] = setting
        _check("alpha", *_range(alpha))
        _check("beta", *(_rest(*_range(alpha)) if beta is None else _range(beta)))

    def values(self, dtype: torch.dtype) -> tuple[Value, Value]:
        """alpha and beta at this moment: floats, or tensors (*lead, units) of that dtype."""
        alpha = self._value("alpha", dtype)
        return alpha, 1 - alpha if self._settings["beta"] is None else self._value("beta", dtype)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={setting}" for name, setting in self._settings.items())

    def _value(self, name: str, dtype: torch.dtype) -> Any:
        setting = self._settings[name]
        if isinstance(setting, Learned):
            return setting.value(getattr(self, f"{name}_logit").to(dtype)).expand(self._shape)
        if setting == PER_UNIT:
            return getattr(self, f"{name}_per_unit").to(dtype)
        return float(setting)


def _spread(name: str, value: Tensor, units: int, lead: tuple[int, ...]) -> Tensor:
    """A copy of the value, one for each unit of each layer."""
    shapes = {(units,), (*lead, 1), (*lead, units)}
    if tuple(value.shape) not in shapes:
        allowed = " or ".join(str(shape) for shape in sorted(shapes, key=str))
        raise ValueError(f"{name} has the shape {tuple(value.shape)}; allowed: {allowed}")
    return value.detach().expand(*lead, units).clone()


def _range(setting: Coefficient) -> tuple[float, float]:
    """The least and the greatest that it can ever be; NaN if there is one."""
    if isinstance(setting, Learned):
        return setting.lower, setting.upper
    return extremes(setting)


def _rest(least: float, most: float) -> tuple[float, float]:
    """The range of 1 - alpha."""
    return 1 - most, 1 - least


def _check(name: str, least: float, most: float) -> None:
    if not (math.isfinite(most) and least >= 0):
        wrong = most if not math.isfinite(most) else least
        raise ValueError(f"{name} must be a finite number of at least 0, not {wrong}")


def each(value: Value, depth: int) -> Sequence[float | Float[Tensor, "units"]]:
    """The alpha or beta of each of `depth` layers."""
    return value.unbind(0) if isinstance(value, Tensor) else [value] * depth


def extremes(value: Value) -> tuple[float, float]:
    """The least and the greatest alpha or beta; NaN if there is one."""
    if not isinstance(value, Tensor):
        return value, value
    return value.min().item(), value.max().item()


def jacobian_bounds(
    alpha: Value, beta: Value, weight: Float[Tensor, "*layers units units"], lipschitz: float
) -> list[tuple[float, float]]:
    """(lower, upper) of the singular values of each Jacobian diag(alpha) O + D diag(beta) W.

    D holds slopes of at most `lipschitz`, so each lies within lipschitz * ||diag(beta) W||_2 of the
    least or the greatest alpha.
    """
    column = beta[..., None] if isinstance(beta, Tensor) else beta
    sigmas = lipschitz * spectral_norm_bound(column * weight.double()).reshape(-1)
    return layer_bounds(alpha, sigmas)


def layer_bounds(alpha: Value, sigmas: Float[Tensor, "layers"]) -> list[tuple[float, float]]:
    """(lower, upper) of each layer's singular values: within its sigma of its alphas."""
    alphas = alpha.reshape(len(sigmas), -1) if isinstance(alpha, Tensor) else alpha
    bounds = []
    for layer, sigma in zip(each(alphas, len(sigmas)), sigmas.tolist(), strict=True):
        least, most = extremes(layer)
        lower, _ = singular_value_bounds(least, 1.0, sigma)
        bounds.append((lower, singular_value_bounds(most, 1.0, sigma)[1]))
    return bounds
