"""Times until something happens, censored on the right where it did not within the budget.

The share that has got there by a time is 1 minus the estimate of Kaplan and Meier (1958, doi
10.1080/01621459.1958.10501452); the log-rank test (Mantel 1966) compares two such curves.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

HALF = 0.5 + 1e-9
"""Products of fractions that make one half may come out just above it."""


class Time(NamedTuple):
    """When it happened, or when the watch ended without it."""

    value: float
    reached: bool


def reached_by(times: Sequence[Time]) -> pd.DataFrame:
    """The share that got there (`share`) by each `time` at which one did or the watch of one
    ended, in order."""
    found = stats.ecdf(_censored(times))
    return pd.DataFrame({"time": found.cdf.quantiles, "share": found.cdf.probabilities})


def median_time(times: Sequence[Time]) -> float:
    """The first time by which half got there; infinite where fewer did."""
    if not any(time.reached for time in times):
        return math.inf
    left = stats.ecdf(_censored(times)).sf
    there = left.quantiles[left.probabilities <= HALF]
    return float(there[0]) if len(there) else math.inf


def logrank_p(times: Sequence[Time], reference: Sequence[Time]) -> float | None:
    """The two-sided p of the log-rank test; None where nobody got there, 1 where nothing tells the
    two apart. It is asymptotic: of fewer than four times a side it says little."""
    if not any(time.reached for time in (*times, *reference)):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):  # no variance: all got there at one time
        found = stats.logrank(_censored(times), _censored(reference))
    return float(found.pvalue) if math.isfinite(found.statistic) else 1.0


def _censored(times: Sequence[Time]) -> stats.CensoredData:
    return stats.CensoredData(
        uncensored=[time.value for time in times if time.reached],
        right=[time.value for time in times if not time.reached],
    )
