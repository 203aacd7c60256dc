"""What a stack does to a gradient before training, estimated from alpha, beta and the depth.

For random independent weights the mean square of a gradient grows by

    chi = alpha^2 + beta^2 * chi_1,   chi_1 = width * E[W_ij^2] * E[phi'^2]

a layer: the branches add in squares, since W is independent of O. The initial weights are uniform
in +-1/sqrt(width), so width * E[W_ij^2] = 1/3. E[phi'^2] is taken as 1, its largest: that of tanh
at small inputs; a unit that saturates or is off lowers it.
"""

import inspect
import math
import warnings

from torch import Tensor

from roaf.mixing import Value

CHI_1 = 1 / 3
DECADES = 6.0


def log10_gradient_factor(alpha: Value, beta: Value, depth: int) -> float:
    """log10 of the norm of the first layer's gradient over that of the last one's."""
    if not isinstance(alpha, Tensor) and not isinstance(beta, Tensor):
        return depth * _half_log10(alpha**2 + CHI_1 * beta**2)
    chi = (alpha**2 + CHI_1 * beta**2).mean(-1)  # type: ignore
    return sum(map(_half_log10, chi.tolist()))


def warn_of_vanishing(alpha: Value, beta: Value, depth: int) -> None:
    """A UserWarning where the gradient is expected to shrink or grow by over six decades."""
    decades = log10_gradient_factor(alpha, beta, depth)
    if abs(decades) > DECADES:
        warnings.warn(
            f"alpha and beta change the gradient by a factor of about 10^{decades:.0f} over "
            f"{depth} layers; roaf.depth_schedule(c, depth) gives an alpha and beta that keep it",
            stacklevel=_callers_level(),
        )


def _callers_level() -> int:
    """How many frames above the warning function's the first is that is not of this package."""
    modules = [frame.frame.f_globals.get("__name__", "") for frame in inspect.stack(0)[1:]]
    return 1 + next(n for n, name in enumerate(modules) if name.partition(".")[0] != "roaf")


def _half_log10(chi: float) -> float:
    return math.log10(chi) / 2 if chi > 0 else -math.inf
