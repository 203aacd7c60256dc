"""What a network scores above the best of its controls, seed by seed where that can be."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from bench.report.formats import is_accuracy, number_text
from bench.report.ladder import Ladder, Rung
from bench.report.statistics import summarise

COMMON = ("frozen_core", "best_shallow", "equal_parameters")
"""The controls that every network has."""


def best_control(
    ladder: Ladder, found: Mapping[str, Rung | None], names: Iterable[str]
) -> str | None:
    """The one of these controls with the best mean test score; None where none has a score."""
    scores = {
        name: ladder.sign * row["score_mean"]
        for name in names
        if (row := found[name]) is not None and is_number(row["score_mean"])
    }
    return max(scores, key=lambda name: scores[name]) if scores else None


def gain(ladder: Ladder, rung: Rung, control: Rung | None) -> dict[str, Any]:
    """The gain over the control, positive where it is good: over the seeds where both have the
    same, else of the means and without an interval. `n` and `control_n` count the seeds."""
    if control is None or not rung["scores"]:
        return dict.fromkeys(("", "n", "control_n", "low", "high", "paired"))
    own, other = rung["scores"], control["scores"]
    paired = own.keys() == other.keys()
    gains = [ladder.sign * (own[seed] - other[seed]) for seed in own] if paired else []
    summary = summarise(gains)
    difference = ladder.sign * (rung["score_mean"] - control["score_mean"])
    return {
        "": summary.mean if paired else difference,
        "n": len(own),
        "control_n": len(other),
        "low": summary.low,
        "high": summary.high,
        "paired": paired,
    }


def gain_text(row: Mapping[str, Any], name: str, metric: str) -> str:
    """The gain with its interval and the number of seeds; `*` where a side has one alone."""
    value = row[name]
    if value is None:
        return ""
    n, control_n, low, high = (row[f"{name}_{k}"] for k in ("n", "control_n", "low", "high"))
    star = "*" if min(n, control_n) == 1 else ""
    span = signed_span(low, high, metric)
    if n == control_n == 1 and row[f"{name}_paired"]:
        return signed(value, metric) + star
    seeds = f"{n}" if row[f"{name}_paired"] else f"{n} and {control_n}"
    return f"{signed(value, metric)}{star}{span}, n = {seeds}"


def signed(value: float, metric: str) -> str:
    """The number with its sign; of accuracies in percentage points."""
    if not math.isfinite(value):
        return number_text(value)
    return f"{100 * value:+.2f}" if is_accuracy(metric) else f"{value:+.4g}"


def signed_span(low: float | None, high: float | None, metric: str) -> str:
    """The interval as it follows a number with its sign, in parentheses; nothing without one."""
    if low is None or high is None:
        return ""
    return f" ({signed(low, metric)} to {signed(high, metric)})"


def is_number(score: float | None) -> bool:
    """Whether there is a mean score that can be compared."""
    return score is not None and not math.isnan(score)
