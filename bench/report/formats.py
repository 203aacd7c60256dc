"""Numbers as text: four significant digits, accuracies in percent, empty where unknown."""

import math
from collections.abc import Sequence

import pandas as pd

MISSING = ""


def number_text(value: float | int | None) -> str:
    """Four significant digits; a whole number in full with separators."""
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"


def score_text(value: float | None, metric: str) -> str:
    """The score as its metric is read: an accuracy in percent, anything else as a number."""
    if value is None or not is_accuracy(metric) or not math.isfinite(value):
        return number_text(value)
    return f"{100 * value:.2f} %"


def interval_text(low: float | None, high: float | None, metric: str) -> str:
    """The interval as `low to high`, or nothing."""
    if low is None or high is None:
        return MISSING
    unit = " %" if is_accuracy(metric) else ""
    return f"{score_text(low, metric).removesuffix(unit)} to {score_text(high, metric)}"


def mean_text(mean: float | None, low: float | None, high: float | None, metric: str) -> str:
    """The score and in brackets its interval, where there is one."""
    span = interval_text(low, high, metric)
    return score_text(mean, metric) + (f" ({span})" if span else "")


def short_text(value: float | None) -> str:
    """Three significant digits; not finite and unknown as in `number_text`."""
    if value is None or not math.isfinite(value):
        return number_text(value)
    return f"{value:.3g}"


def is_accuracy(metric: str) -> bool:
    """Whether the metric is a fraction that is read in percent."""
    return "accuracy" in metric


def measured_text(value: float | None, error: float | None) -> str:
    """The value ± its standard error, of which two digits are shown; alone where there is none."""
    if value is None or error is None or not (math.isfinite(value) and 1e-8 < error < 1e8):
        return number_text(value)
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{places}f} ± {error:.{places}f}"


def listed(names: Sequence[str], most: int, between: str = ", ") -> str:
    """The names, or the first of them and how many more there are."""
    further = len(names) - most
    return between.join(names[:most]) + (f" and {further} more" if further > 0 else "")


def without_empty(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the columns that are empty throughout."""
    return table.loc[:, (table != "").any()].reset_index(drop=True)


def csv_text(rows: pd.DataFrame) -> str:
    """The rows as CSV at full precision; empty is unknown, `NaN` and `inf` were measured."""
    return rows.map(lambda value: "" if value is None else value).to_csv(index=False, na_rep="NaN")
