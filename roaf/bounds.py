"""What the theory promises, in plain numbers.

A layer x' = alpha O x + beta phi(W x + b) has the Jacobian alpha O + beta D W with 0 <= D <= kappa,
so each of its singular values lies within beta * sigma of alpha, where sigma = kappa * ||W||_2.
The product over layers bounds the input-output Jacobian (the suite's T1; T2 and T3 are its limits
for beta = c / depth). Derived from the abstract of Ceni, arXiv 2210.01245, not copied from it.
"""

import math
from collections.abc import Sequence

Number = float | Sequence[float]


def singular_value_bounds(
    alpha: Number, beta: Number, sigma: Number, depth: int | None = None
) -> tuple[float, float]:
    """The interval (lower, upper) that holds every singular value of the input-output Jacobian.

    With `depth`, numbers stand for that many equal layers; without it, sequences give one value a
    layer (a number among them serves every layer), and numbers alone are one layer. The products
    are summed in logarithms; a layer with alpha <= beta * sigma makes the lower bound 0.
    """
    layers = [_layers(value, depth) for value in (alpha, beta, sigma)]
    count = depth if depth is not None else max(len(values) for values in layers)
    if any(len(values) not in (1, count) for values in layers):
        sizes = ", ".join(str(len(values)) for values in layers)
        raise ValueError(f"alpha, beta and sigma have {sizes} values; each must have 1 or {count}")
    rows = [values * (count // len(values)) for values in layers]
    low, high = 0.0, 0.0
    for a, b, s in zip(*rows, strict=True):
        low += _log(a - b * s)
        high += _log(a + b * s)
    return math.exp(low), _exp(high)


def infinite_depth_bounds(c: float, sigma: float, convex: bool = True) -> tuple[float, float]:
    """The limit of the bounds as depth grows with beta = c / depth.

    (exp(-c (1 + sigma)), exp(c (sigma - 1))) where alpha = 1 - beta, and (exp(-c sigma),
    exp(c sigma)) where alpha = 1.
    """
    contraction = c if convex else 0.0
    return math.exp(-contraction - c * sigma), _exp(c * sigma - contraction)


def depth_schedule(c: float, depth: int, kind: str = "convex") -> tuple[float, float]:
    """(alpha, beta) for a network of this depth, or a sequence of this length.

    "convex": beta = c / depth, alpha = 1 - beta. "isometric": beta = c / depth, alpha = 1.
    "sqrt": beta = c / sqrt(depth), alpha^2 + beta^2 = 1.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")
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


def _layers(value: Number, depth: int | None) -> list[float]:
    values = [value] if isinstance(value, int | float) else list(value)
    if depth is not None and len(values) not in (1, depth):
        raise ValueError(f"{len(values)} values for {depth} layers")
    return [float(item) for item in values]


def _log(factor: float) -> float:
    return math.log(factor) if factor > 0 else -math.inf


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
