"""Numbers over several tasks.

The interquartile mean is the mean of the middle half of all values; its interval resamples the runs
of each task among themselves (Agarwal et al. 2021, arXiv 2108.13264, who also propose the profiles
of shares above a threshold). Ranks over tasks are compared by Friedman's test (Demsar 2006, Journal
of Machine Learning Research 7, 1-30): tasks are the blocks, seeds are not.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import stats

from bench.report.statistics.intervals import LEVEL, Interval

Strata = Sequence[Sequence[float]]

RESAMPLES = 1999


def iqm(values: Sequence[float]) -> float:
    """The mean without the lowest and the highest quarter (rounded down) of the values."""
    return float(stats.trim_mean(values, 0.25))


def iqm_interval(strata: Strata) -> Interval:
    """The 95 % percentile interval of the interquartile mean of all values, resampled within each
    stratum, the same at every call; two Nones where no stratum has two different values and where
    one has fewer than two, of which it cannot be said how much they vary."""
    if any(len(values) < 2 for values in strata) or all(
        min(values) == max(values) for values in strata
    ):
        return None, None
    generator = np.random.default_rng(0)
    drawn = [generator.choice(values, (RESAMPLES, len(values))) for values in strata]
    means = stats.trim_mean(np.concatenate(drawn, axis=1), 0.25, axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def shares_above(values: Sequence[float], thresholds: Sequence[float]) -> list[float]:
    """The fraction of the values that are above each threshold."""
    return [float(np.mean(np.asarray(values) > threshold)) for threshold in thresholds]


def task_ranks(scores: Float[ndarray, "tasks models"]) -> Float[ndarray, "tasks models"]:
    """The place of each model on each task, 1 for the highest score, ties averaged."""
    return stats.rankdata(-scores, axis=1)


def friedman_p(ranks: Float[ndarray, "tasks models"]) -> float | None:
    """Whether the models' ranks differ by more than chance; None for fewer than three models and
    where all are tied everywhere."""
    if ranks.shape[1] < 3 or (ranks == ranks[:, :1]).all():
        return None
    return float(stats.friedmanchisquare(*ranks.T).pvalue)
