"""What the theory promises, in plain numbers.

A layer x' = alpha O x + beta phi(W x + b) has the Jacobian alpha O + beta D W with |D| <= kappa,
so each of its singular values lies within beta * sigma of alpha, where sigma = kappa * ||W||_2.
The product over layers bounds the input-output Jacobian. In the suite's numbering:

    T1  any depth, any alpha and beta          singular_value_bounds
    T2  beta = c / depth, alpha = 1 - beta     infinite_depth_bounds(convex=True)
    T3  beta = c / depth, alpha = 1            infinite_depth_bounds(convex=False)
    T4  one net without end, sum beta_l < oo   summable_bounds

All hold for every input, every orthogonal O (shared, one a layer, the identity) and at any point
of training, with the sigma of that moment (`roaf.norms.spectral_norm_bound`); none needs W random.
A number may be Python's, numpy's or a tensor of one; a NaN makes NaN what depends on it; a
negative alpha, beta or sigma, or a depth below 1, raises ValueError.
Derived here, with the paper's abstract (Ceni, arXiv 2210.01245) as the claim to be tested.
"""

import math
from collections.abc import Iterable
from typing import SupportsFloat

Number = SupportsFloat
Numbers = Number | Iterable[Number]


def singular_value_bounds(
    alpha: Numbers, beta: Numbers, sigma: Numbers, depth: int | None = None
) -> tuple[float, float]:
    """The interval (lower, upper) that holds every singular value of the input-output Jacobian.

    With `depth`, numbers stand for that many equal layers; without it, sequences give one value a
    layer (a number among them serves every layer), and numbers alone are one layer. The products
    are summed in logarithms; a layer with alpha <= beta * sigma makes the lower bound 0.
    """
    named = {"alpha": alpha, "beta": beta, "sigma": sigma}
    layers = [_layers(name, value, depth) for name, value in named.items()]
    count = depth if depth is not None else max(len(values) for values in layers)
    if any(len(values) not in (1, count) for values in layers):
        sizes = ", ".join(str(len(values)) for values in layers)
        raise ValueError(f"alpha, beta and sigma have {sizes} values; each must have 1 or {count}")
    repeats = 1 if count in map(len, layers) else count  # equal layers count once, times so many
    rows = [values * (count // repeats // len(values)) for values in layers]
    low, high = 0.0, 0.0
    for a, b, s in zip(*rows, strict=True):
        low += repeats * _log(a - b * s)
        high += repeats * _log(a + b * s)
    return math.exp(low), _exp(high)


def infinite_depth_bounds(c: Number, sigma: Number, convex: bool = True) -> tuple[float, float]:
    """The limit of the bounds as depth grows with beta = c / depth.

    (exp(-c (1 + sigma)), exp(c (sigma - 1))) where alpha = 1 - beta, and (exp(-c sigma),
    exp(c sigma)) where alpha = 1.
    """
    c, sigma = _number("c", c), _number("sigma", sigma)
    contraction = c if convex else 0.0
    return math.exp(-contraction - c * sigma), _exp(c * sigma - contraction)


def summable_bounds(total: Number, largest: Number, sigma: Number) -> tuple[float, float]:
    """The bounds at every depth at once, where the beta_l sum to `total` and alpha_l = 1 - beta_l.

    `largest` is the largest beta_l. With q = largest * (1 + sigma) < 1 the logarithm of each lower
    factor 1 - beta_l (1 + sigma) is at least -beta_l (1 + sigma) / (1 - q), by log(1 - x) >=
    -x / (1 - x), and that of each upper factor at most beta_l (sigma - 1); both series converge. A
    finite sum is also necessary: with sigma > 0 a diverging one takes the lower bound to 0.
    """
    total, largest = _number("total", total), _number("largest", largest)
    sigma = _number("sigma", sigma)
    q = largest * (1 + sigma)
    lower = 0.0 if q >= 1 else math.exp(-total * (1 + sigma) / (1 - q))
    return lower, _exp(total * (sigma - 1))


def eigenvalue_annulus(alpha: Number, beta: Number, sigma: Number) -> tuple[float, float]:
    """(inner, outer) radius of the ring that holds every eigenvalue of one layer's Jacobian.

    An eigenvalue lies between the least and the greatest singular value; alpha O has all of its own
    on the circle of radius alpha.
    """
    return singular_value_bounds(alpha, beta, sigma)


def lyapunov_interval(alpha: Number, beta: Number, sigma: Number) -> tuple[float, float]:
    """The interval that holds every Lyapunov exponent of the recurrent network, per step.

    An exponent is the mean logarithm of growth along a trajectory, and each step's growth lies
    within alpha - beta sigma and alpha + beta sigma.
    """
    lower, upper = singular_value_bounds(alpha, beta, sigma)
    return _log(lower), _log(upper)


def state_norm_bound(
    alpha: Number, beta: Number, size: int, depth: int, initial_norm: Number = 0.0
) -> float:
    """An upper bound of ||x_l|| for all l <= depth, where |phi| <= 1 and alpha <= 1.

    ||x_{l+1}|| <= alpha ||x_l|| + beta sqrt(size), a geometric series: for alpha + beta = 1 at any
    depth no more than max(||x_0||, sqrt(size)), for alpha = 1 no more than ||x_0|| + depth * beta *
    sqrt(size).
    """
    _check_depth(depth)
    alpha, beta = _number("alpha", alpha), _number("beta", beta)
    first = _number("initial_norm", initial_norm)
    if alpha > 1:
        raise ValueError(f"alpha must be at most 1 for the state to be bounded, not {alpha}")
    step = beta * math.sqrt(size)
    if alpha == 1:
        return first + depth * step
    last = alpha**depth * first + step * (1 - alpha**depth) / (1 - alpha)
    return last if math.isnan(last) else max(first, last)


def weight_gradient_bounds(
    beta: Number,
    gradient: tuple[Number, Number],
    input_norm: Number,
    slopes: tuple[Number, Number] = (0.0, 1.0),
) -> tuple[float, float]:
    """Bounds of ||dL/dW_l||_F for one sample, from bounds of ||dL/dx_{l+1}|| and from ||x_l||.

    dL/dW_l = beta (D_l dL/dx_{l+1}) x_l^T is of rank one, so its norm is the product of the two
    norms. `slopes` holds the least and greatest phi' at that layer. Without a least slope above 0
    the lower bound is 0: where tanh saturates or ReLU is off, a weight's gradient does vanish,
    whatever becomes of the signal.
    """
    beta, norm = _number("beta", beta), _number("input_norm", input_norm)
    pairs = zip(slopes, gradient, strict=True)
    lower, upper = (beta * float(slope) * float(size) * norm for slope, size in pairs)
    return lower, upper


def depth_schedule(c: float, depth: int, kind: str = "convex") -> tuple[float, float]:
    """(alpha, beta) for a network of this depth, or a sequence of this length.

    "convex": beta = c / depth, alpha = 1 - beta. "isometric": beta = c / depth, alpha = 1.
    "sqrt": beta = c / sqrt(depth), alpha^2 + beta^2 = 1.
    """
    _check_depth(depth)
    if kind not in _SCHEDULES:
        raise ValueError(f"schedule {kind!r} is unknown; allowed: {', '.join(_SCHEDULES)}")
    beta = c / (math.sqrt(depth) if kind == "sqrt" else depth)
    if not 0 < beta <= 1:
        raise ValueError(f"c = {c} at depth {depth} gives beta = {beta:g}, outside (0, 1]")
    return _SCHEDULES[kind](beta), beta


_SCHEDULES = {
    "convex": lambda beta: 1 - beta,
    "isometric": lambda beta: 1.0,
    "sqrt": lambda beta: math.sqrt(1 - beta * beta),
}


def _check_depth(depth: int) -> None:
    """Raises ValueError for a depth below 1."""
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")


def _number(name: str, value: Number) -> float:
    number = float(value)
    if number < 0:
        raise ValueError(f"{name} must be at least 0, not {number}")
    return number


def _layers(name: str, value: Numbers, depth: int | None) -> list[float]:
    try:
        values = [_number(name, item) for item in value]  # type: ignore
    except TypeError:  # of a number, also of a tensor or array without a dimension
        values = [_number(name, value)]  # type: ignore
    if depth is not None:
        _check_depth(depth)
        if len(values) not in (1, depth):
            raise ValueError(f"{name} has {len(values)} values for {depth} layers")
    return values


def _log(factor: float) -> float:
    return -math.inf if factor <= 0 else math.log(factor)


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
