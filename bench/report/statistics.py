"""Values to summaries, rows to rows. The seed is the unit of replication.

The interval for the mean of n values with sample standard deviation s (divisor n - 1) is

    mean +- t(0.975, n - 1) * s / sqrt(n)

There is none for one value, for values that are all equal and for values that are not finite.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median, stdev
from typing import NamedTuple

import pandas as pd
from scipy import stats

from bench.records import Status

OK = (Status.ok, Status.solved_early)
RUN = ["stack", "run_id"]
FLOOR, CEILING = 1e-20, 1e20
"""A gradient relative to the one at distance 0 is drawn between these."""


class Summary(NamedTuple):
    """What is said of the values of several seeds; None where it cannot be said."""

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    median: float | None


def summarise(values: Sequence[float]) -> Summary:
    """Count, mean, sample standard deviation, 95 % t-interval and median."""
    n = len(values)
    if n == 0:
        return Summary(0, None, None, None, None, None)
    finite = all(map(math.isfinite, values))
    low, high = t_interval(values) if finite else (None, None)
    middle = math.nan if any(map(math.isnan, values)) else median(values)
    return Summary(
        n, sum(values) / n, stdev(values) if finite and n > 1 else None, low, high, middle
    )


def t_interval(values: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """The 95 % t-interval for the mean of finite values, or two Nones where there is none."""
    n = len(values)
    if n < 2 or min(values) == max(values):
        return None, None
    low, high = stats.t.interval(
        0.95, n - 1, loc=sum(values) / n, scale=stdev(values) / math.sqrt(n)
    )
    return float(low), float(high)


def failures(statuses: Iterable[str]) -> str:
    """The outcomes other than ok by kind, such as `2 timeout, 1 diverged`; empty without any."""
    kinds = Counter(str(status) for status in statuses if status not in OK)
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {kind}" for kind, count in ordered)


def is_solved(score: float, threshold: float, direction: str) -> bool:
    """Whether the score reaches the threshold; NaN never does."""
    return score <= threshold if direction == "min" else score >= threshold


def last_values(measurements: pd.DataFrame, quantity: str) -> dict[tuple[str, str], float]:
    """The last value of the quantity over all of the task, by (stack, run_id)."""
    rows = measurements.query("quantity == @quantity and where == 'all'")
    last = rows.sort_values("step", kind="stable").drop_duplicates(RUN, keep="last")
    return _by_run(last.set_index(RUN)["value"])


def seconds_per_update(measurements: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The median over a run's windows, without the first where there are more."""
    rows = measurements.query("quantity == 'step_seconds' and where == 'window'")
    rows = rows.sort_values("step", kind="stable")
    later = rows[(rows.groupby(RUN).cumcount() > 0) | (rows.groupby(RUN)["step"].transform("size") == 1)]
    return _by_run(later.groupby(RUN)["value"].median())


def peak_bytes(measurements: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The largest memory that the run's process reported, by (stack, run_id)."""
    rows = measurements.query("quantity == 'peak_bytes' and where == 'process'")
    return _by_run(rows.groupby(RUN)["value"].max())


def relative_gradients(measurements: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Gradient norms by `distance` relative to distance 0 of the same run and step, and the
    number of those that are not finite and therefore left out. Steps: the run's first and last."""
    rows = measurements.query("quantity == 'gradient_by_distance'")
    rows = rows.assign(distance=pd.to_numeric(rows["where"], errors="coerce"))
    steps = rows.groupby(RUN)["step"]
    rows = rows.assign(first=steps.transform("min"), last=steps.transform("max"))
    rows = rows.query("step == first or step == last")
    start = rows.query("distance == 0").set_index([*RUN, "step"])["value"]
    rows = rows.join(start.rename("start"), on=[*RUN, "step"])
    rows = rows.assign(value=rows["value"] / rows["start"])
    finite = rows[rows["value"].abs().lt(math.inf) & rows["distance"].notna()]
    return finite.assign(value=finite["value"].clip(FLOOR, CEILING)), len(rows) - len(finite)


def finite_rows(measurements: pd.DataFrame, quantity: str) -> tuple[pd.DataFrame, int]:
    """The rows of the quantity over all of the task that can be drawn, and how many cannot."""
    rows = measurements.query("quantity == @quantity and where == 'all'")
    finite = rows[rows["value"].abs().lt(math.inf)]
    return finite, len(rows) - len(finite)


def _by_run(values: pd.Series) -> dict[tuple[str, str], float]:
    return {(str(stack), str(run)): float(value) for (stack, run), value in values.items()}
