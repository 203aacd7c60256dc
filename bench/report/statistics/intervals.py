"""The 95 % intervals of a mean and of a rate, and what is said of the values of several seeds.

Below 20 values with mean m and sample standard deviation s (divisor n - 1) the interval of the mean
is Student's,

    m +- t(0.975, n - 1) * s / sqrt(n)

and from there the bias-corrected and accelerated bootstrap's (Efron 1987, doi
10.1080/01621459.1987.10478410), which with fewer values covers too little. There is none for one
value, for values that are all equal and for values that are not finite. The interval of k successes
in n is Wilson's (1927, doi 10.1080/01621459.1927.10502953).
"""

import math
from collections.abc import Iterable, Sequence
from statistics import median, stdev
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

Interval = tuple[float, float] | tuple[None, None]

LEVEL = 0.95
BOOTSTRAP_FROM = 20
RESAMPLES = 9999


class Summary(NamedTuple):
    """What is said of the values of several seeds; None where it cannot be said."""

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    median: float | None


def summarise(values: Sequence[float]) -> Summary:
    """Count, mean, sample standard deviation, 95 % interval of the mean, and median."""
    n = len(values)
    if n == 0:
        return Summary(0, None, None, None, None, None)
    finite = all(map(math.isfinite, values))
    low, high = mean_interval(values)
    spread = stdev(values) if finite and n > 1 else None
    return Summary(n, mean(values), spread, low, high, middle(values))


def mean(values: Sequence[float]) -> float | None:
    """Their mean; None for none."""
    return sum(values) / len(values) if values else None


def present(values: Iterable[Any]) -> list[Any]:
    """Those that are not None."""
    return [value for value in values if value is not None]


def middle(values: Sequence[float]) -> float | None:
    """Their median, NaN where one is; None for none."""
    if any(map(math.isnan, values)):
        return math.nan
    return median(values) if values else None


def mean_interval(values: Sequence[float]) -> Interval:
    """The 95 % interval of the mean of the values, or two Nones where there is none."""
    if not all(map(math.isfinite, values)):
        return None, None
    return t_interval(values) if len(values) < BOOTSTRAP_FROM else bca_interval(values)


def t_interval(values: Sequence[float]) -> Interval:
    """The 95 % t-interval for the mean of finite values, or two Nones where there is none."""
    n = len(values)
    if n < 2 or min(values) == max(values):
        return None, None
    low, high = stats.t.interval(
        LEVEL, n - 1, loc=sum(values) / n, scale=stdev(values) / math.sqrt(n)
    )
    return float(low), float(high)


def bca_interval(values: Sequence[float]) -> Interval:
    """The 95 % bootstrap interval for the mean of finite values, the same at every call, or two
    Nones where there is none."""
    if len(values) < 2 or min(values) == max(values):
        return None, None
    found = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=LEVEL,
        n_resamples=RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def wilson_interval(successes: int, n: int) -> Interval:
    """The 95 % interval of the rate, within 0 and 1; two Nones for none of none."""
    if n == 0:
        return None, None
    found = stats.binomtest(successes, n).proportion_ci(LEVEL, method="wilson")
    return float(found.low), float(found.high)
