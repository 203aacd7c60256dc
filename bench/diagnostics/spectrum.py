"""The input-output Jacobian of one sample: singular values, exponents, one-step gains, horizon."""

import math
from itertools import pairwise
from statistics import stdev

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.parametrize import cached

from bench.diagnostics.products import Way, log_singular_values, pull_back, pulled_through
from bench.diagnostics.view import Reading, Readings, View, check, random_frame
from bench.frame import Chain

BLOCKS = 20
"""The error of an exponent is that of the mean over so many stretches of the way."""
TRANSIENT = 0.1
"""This part of the way, from the end, turns the frame into place; the exponents leave it out."""
SAMPLED_GAINS = 50


def spectrum(view: View) -> Readings:
    """All singular values of the Jacobian from the first state to the last, and the exponents.

    `log10_singular_value` and `lyapunov_exponent` (natural logarithm, per step) go by rank from the
    largest; `lyapunov_error` is the standard error. A value outside theory's band raises
    BoundViolation.
    """
    way = _way(view)
    logs = log_singular_values(way.product)
    yield from _singular_values(logs)
    yield from exponents(way)
    if band := view.band():
        for log in logs.tolist():
            check("a singular value", _power(math.e, log), *band[-1])


def exponents(way: Way) -> Readings:
    """The growth of the sorted scales per step, and its standard error from that of stretches.

    Steps near the end, where the random frame still turns into place, are left out. The error is
    null where the way is too short to cut into stretches. Where directions are lost, or the steps
    differ much, as along depth, it is a mean over this way and no limit.
    """
    path = [torch.zeros_like(way.scales[0]), *way.scales]
    end = len(way.scales)
    start = int(TRANSIENT * end)
    total = _growth(path, start, end)
    cuts = [start + (end - start) * k // BLOCKS for k in range(BLOCKS + 1)]
    long_enough = end - start >= BLOCKS
    parts = [_growth(path, *pair) for pair in pairwise(cuts)] if long_enough else []
    for rank, value in enumerate(total, start=1):
        yield Reading("lyapunov_exponent", str(rank), value)
        of_rank = [part[rank - 1] for part in parts]
        yield Reading("lyapunov_error", str(rank), _standard_error(of_rank))


def _way(view: View) -> Way:
    """The way of the first sample's gradient, a random row for each unit of its state."""
    with cached():
        chain = _chain(view)
        rows = random_frame(chain.states[0].shape[1], view.generator)
        return pulled_through(chain.links, chain.states, rows.to(chain.states[0]))


def _growth(path: list[Tensor], start: int, end: int) -> list[float]:
    """Per step, by rank; -inf for a direction that was lost by the end."""
    grown = (path[end] - path[start]) / (end - start)
    return torch.where(path[end] == -math.inf, -math.inf, grown).tolist()


def step_gains(view: View) -> Readings:
    """The greatest and least singular value of a single step's Jacobian along the way.

    At up to fifty places evenly spread. A greatest gain below 1 is a contraction there: two states
    near this way that are driven by the same inputs approach each other.
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
    """Of the mean of the values; None of values that are not finite, or without any."""
    if not values or not all(map(math.isfinite, values)):
        return None
    return stdev(values) / math.sqrt(len(values))
