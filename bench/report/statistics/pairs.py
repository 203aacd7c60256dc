"""One set of scores against another, seed by seed where seeds are shared.

With the differences d_1 ... d_n over shared seeds, the exact test asks how many of the 2^n ways of
flipping their signs give a mean at least as far from 0; its smallest two-sided p is 2^(1 - n), so
that no difference of fewer than six pairs can be significant at 0.05. Where fewer than two seeds
are shared, Welch's unequal variances t-test takes its place (Welch 1947, doi
10.1093/biomet/34.1-2.28). Holm's correction (1979, Scandinavian Journal of Statistics 6, 65-70)
holds for all the tests that are made within a task.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import fmean, variance
from typing import NamedTuple

import numpy as np
from scipy import stats

from bench.report.statistics.intervals import LEVEL, mean_interval

PAIRED, WELCH = "paired permutation", "Welch"
MOST_PAIRS = 16
"""Of so many pairs all flips are counted; of more, as many flips are drawn, always the same."""
ROUNDING = 1e-12
"""Sums of the same differences in another order are equal up to this part of their size."""


class Difference(NamedTuple):
    """Scores minus the reference's: how it was tested, over how many seeds of each, the mean with
    its 95 % interval, p, and how low p can be at all. None where there is none, and why."""

    test: str | None
    n: int
    n_reference: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    smallest_p: float | None = None
    reason: str = ""


def difference(scores: Mapping[int, float], reference: Mapping[int, float]) -> Difference:
    """The scores by seed against the reference's: over the seeds both have where there are two."""
    shared = sorted(scores.keys() & reference.keys())
    if len(shared) > 1 or (shared and len(scores) == len(reference) == 1):
        return _paired([scores[seed] - reference[seed] for seed in shared])
    return _unpaired(list(scores.values()), list(reference.values()))


def sign_flip_p(differences: Sequence[float]) -> float:
    """The two-sided p of the mean difference under all ways of flipping signs: twice the rarer
    tail, as scipy's `permutation_test`, which takes too long for the hundreds of a report."""
    values = np.asarray(differences, dtype=float)
    sums, observed = _flips(len(values)) @ values, values.sum()
    equal = ROUNDING * np.abs(values).sum()
    tails = np.mean(sums >= observed - equal), np.mean(sums <= observed + equal)
    return float(min(1.0, 2 * min(tails)))


def smallest_p(pairs: int, tests: int = 1) -> float:
    """The least p that so many pairs can give, as the least of so many tests corrected by Holm; of
    more than MOST_PAIRS that of the flips that are drawn."""
    return min(1.0, tests * 2.0 ** (1 - min(pairs, MOST_PAIRS)))


def holm(values: Sequence[float]) -> list[float]:
    """The p values adjusted for their number: p_(i) times n - i + 1, never falling, at most 1."""
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = highest
    return adjusted


def improvement(scores: Sequence[float], reference: Sequence[float], sign: int = 1) -> float:
    """The probability that a score is better than one of the reference, ties counted half: Mann and
    Whitney's U / (n m). `sign` is -1 where a low score is good."""
    own, other = (sign * np.asarray(side, float) for side in (scores, reference))
    better, tied = np.greater.outer(own, other), np.equal.outer(own, other)
    return float(np.mean(better) + np.mean(tied) / 2)


@cache
def _flips(n: int) -> np.ndarray:
    """All signs of n differences, a row each; of more than 16 the ones observed and drawn ones."""
    if n <= MOST_PAIRS:
        return 1.0 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
    drawn = np.random.default_rng(0).choice([1.0, -1.0], (2**MOST_PAIRS, n))
    drawn[0] = 1
    return drawn


def _paired(differences: Sequence[float]) -> Difference:
    n, mean = len(differences), fmean(differences)
    is_zero = abs(mean) <= ROUNDING * fmean(map(abs, differences))
    found = Difference(PAIRED, n, n, 0.0 if is_zero else mean)
    if n == 1:
        return found._replace(test=None, reason="one seed")
    low, high = mean_interval(differences)
    return found._replace(low=low, high=high, p=sign_flip_p(differences), smallest_p=smallest_p(n))


def _unpaired(scores: Sequence[float], reference: Sequence[float]) -> Difference:
    """Welch's test and interval, from the variances, so that equal scores raise no warning."""
    n, m = len(scores), len(reference)
    mean = fmean(scores) - fmean(reference)
    untested = Difference(None, n, m, mean)
    if min(n, m) == 1:
        return untested._replace(reason="one seed")
    parts = variance(scores) / n, variance(reference) / m
    total = sum(parts)
    if total == 0:
        return untested._replace(reason="all equal")
    degrees = total**2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (m - 1))
    error = math.sqrt(total)
    low, high = stats.t.interval(LEVEL, degrees, loc=mean, scale=error)
    p = 2 * stats.t.sf(abs(mean) / error, degrees)
    return Difference(WELCH, n, m, mean, float(low), float(high), float(p), 0.0)
