"""The input-output Jacobian of one sample: singular values, exponents, one-step gains, horizon."""

import math
from statistics import mean, stdev

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.parametrize import cached

from bench.diagnostics.products import Product, log_singular_values, pull_back, pulled_through
from bench.diagnostics.view import Reading, Readings, View, check, random_frame
from bench.frame import Chain

BLOCKS = 20
"""The error of an exponent is that of the mean over so many stretches of the way."""
TRANSIENT = 0.1
"""This part of the way, from the end, turns the frame into place; the exponents leave it out."""
SAMPLED_GAINS = 50


def spectrum(view: View, every: int = 1) -> Readings:
    """All singular values of the Jacobian from the first state to the last, and the exponents.

    `log10_singular_value` and `lyapunov_exponent` (natural logarithm, per step) go by rank from the
    largest; `lyapunov_error` is the standard error. The frame is turned orthonormal again `every`
    steps. A value outside theory's band raises BoundViolation.
    """
    with cached():
        chain = _chain(view)
        rows = random_frame(chain.states[0].shape[1], chain.states[0].shape[1], view.generator)
        product = pulled_through(chain.links, chain.states, rows.to(chain.states[0]), every)
    logs = log_singular_values(product)
    yield from _singular_values(logs)
    yield from exponents(product, every)
    if band := view.band():
        for log in logs.tolist():
            check("a singular value", _power(math.e, log), *band[len(chain.links)])


def leading_exponents(view: View, count: int = 8, every: int = 1) -> Readings:
    """The largest exponents alone, at a cost that grows with their number and not the state's."""
    with cached():
        chain = _chain(view)
        size = chain.states[0].shape[1]
        rows = random_frame(size, min(count, size), view.generator).to(chain.states[0])
        product = pulled_through(chain.links, chain.states, rows, every)
    yield from exponents(product, every)


def exponents(product: Product, every: int) -> Readings:
    """The mean of log R_ii per step, and its standard error from the means of stretches.

    R has a positive diagonal. Steps near the end, where the random frame still turns into place,
    are left out. The error is null where the way is too short to cut into stretches.
    """
    kept = product.growth[math.ceil(TRANSIENT * len(product.growth)) :] or product.growth
    series = torch.stack(kept).T / every
    for rank, values in enumerate(series.tolist(), start=1):
        yield Reading("lyapunov_exponent", str(rank), mean(values))
        yield Reading("lyapunov_error", str(rank), _standard_error(values))


def step_gains(view: View) -> Readings:
    """The greatest and least singular value of a single step's Jacobian along the way.

    At up to fifty places evenly spread. A greatest gain below 1 is a contraction: two states driven
    by the same inputs approach each other at every step.
    """
    greatest, least = 0.0, math.inf
    steps = view.model.step_bounds(view.batch.inputs)
    with cached():
        chain = _chain(view)
        count = len(chain.links)
        for place in sorted({k * count // SAMPLED_GAINS for k in range(SAMPLED_GAINS)}):
            identity = torch.eye(chain.states[place].shape[1]).to(chain.states[place])
            gains = torch.linalg.svdvals(
                pull_back(chain.links[place], chain.states[place], identity)
            )
            high, low = gains.max().item(), gains.min().item()
            greatest, least = max(greatest, high), min(least, low)
            for value in (low, high) if steps else ():
                check(f"a gain of step {place}", value, *steps[place])
    yield Reading("step_gain", "max", greatest)
    yield Reading("step_gain", "min", least)


def _chain(view: View) -> Chain:
    """The way of the first sample of the batch."""
    return view.model.chain(view.batch.inputs[:1])


def _singular_values(logs: Float[Tensor, " count"]) -> Readings:
    """Each by its rank, as logarithm and as number, and the ratio of the first to the last."""
    for rank, log in enumerate(logs.tolist(), start=1):
        yield Reading("log10_singular_value", str(rank), log / math.log(10))
        yield Reading("singular_value", str(rank), _power(math.e, log))
    spread = logs[0].item() - logs[-1].item()
    yield Reading(
        "condition_number", "all", math.inf if math.isnan(spread) else _power(math.e, spread)
    )


def _power(base: float, exponent: float) -> float:
    """The power, infinite where no float holds it."""
    try:
        return base**exponent
    except OverflowError:
        return math.inf


def _standard_error(values: list[float]) -> float | None:
    """Of the mean of a series, from the means of equal stretches of it."""
    length = len(values) // BLOCKS
    if length == 0 or not all(map(math.isfinite, values)):
        return None
    means = [mean(values[k * length : (k + 1) * length]) for k in range(BLOCKS)]
    return stdev(means) / math.sqrt(BLOCKS)
