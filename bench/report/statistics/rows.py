"""Rows of measurements to one value a run, or to the rows that a figure draws, and what the rows of
runs know."""

import math
from typing import Any

import pandas as pd

from bench.report.statistics.outcomes import OK

RUN = ["stack", "run_id"]
FLOOR, CEILING = 1e-20, 1e20
"""A gradient relative to the one at distance 0 and a singular value are drawn between these."""


def known(runs: pd.DataFrame, name: str) -> Any:
    """The first value that is there in the column, or None."""
    values = runs[name].dropna().tolist() if name in runs else []
    return values[0] if values else None


def known_number(runs: pd.DataFrame, name: str) -> float | None:
    """The first value of the column as a number; a fact that is none is None."""
    try:
        return float(known(runs, name))  # also of the strings that records hold for NaN and inf
    except (TypeError, ValueError):
        return None


def last_values(measurements: pd.DataFrame, quantity: str) -> dict[tuple[str, str], float]:
    """The last value of the quantity over all of the task, by (stack, run_id)."""
    return _by_run(_last(_rows(measurements, quantity, "all")).set_index(RUN)["value"])


def final_rows(measurements: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The last test score of each run that is ok, where it is finite, and how many are not."""
    last = _last(_rows(measurements, "test_score", "all"))
    return _finite(last[last["status"].isin(OK)])


def seconds_per_update(measurements: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The median over a run's windows, without the first where there are more."""
    rows = _rows(measurements, "step_seconds", "window")
    windows = rows.groupby(RUN)
    kept = rows[(windows.cumcount() > 0) | (windows["step"].transform("size") == 1)]
    return _by_run(kept.groupby(RUN)["value"].median())


def peak_bytes(measurements: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The largest memory that the run's process reported, by (stack, run_id)."""
    return _by_run(_rows(measurements, "peak_bytes", "process").groupby(RUN)["value"].max())


def ends(measurements: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The rows of the quantity at each run's `first` and `last` step that has any."""
    rows = measurements[measurements["quantity"] == quantity]
    steps = rows.groupby(RUN)["step"]
    rows = rows.assign(first=steps.transform("min"), last=steps.transform("max"))
    return rows[rows["step"].eq(rows["first"]) | rows["step"].eq(rows["last"])]


def relative_gradients(measurements: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Gradient norms by `distance` relative to distance 0 of the same run and step, at the run's
    `first` and `last` step that has any, and how many are left out because they are not finite."""
    rows = ends(measurements, "gradient_by_distance")
    rows = rows.assign(distance=pd.to_numeric(rows["where"], errors="coerce"))
    start = rows[rows["distance"] == 0].drop_duplicates([*RUN, "step"])
    start = start.set_index([*RUN, "step"])["value"].rename("start")
    rows = rows.join(start, on=[*RUN, "step"])
    finite, left_out = _finite(rows.assign(value=rows["value"] / rows["start"]))
    return finite.assign(value=finite["value"].clip(FLOOR, CEILING)), left_out


def finite_rows(measurements: pd.DataFrame, quantity: str) -> tuple[pd.DataFrame, int]:
    """The rows of the quantity over all of the task that are finite, and how many are not."""
    return _finite(_rows(measurements, quantity, "all"))


def _rows(measurements: pd.DataFrame, quantity: str, where: str) -> pd.DataFrame:
    """The rows of one quantity read at one place, in the order of the updates."""
    rows = measurements[measurements["quantity"].eq(quantity) & measurements["where"].eq(where)]
    return rows.sort_values("step", kind="stable")


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop_duplicates(RUN, keep="last")


def _finite(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    finite = rows[rows["value"].abs().lt(math.inf)]
    return finite, len(rows) - len(finite)


def _by_run(values: pd.Series) -> dict[tuple[str, str], float]:
    keys = values.index.to_flat_index()
    pairs = zip(keys, values, strict=True)
    return {(str(stack), str(run)): float(value) for (stack, run), value in pairs}


def finite(value: float | None) -> float | None:
    """The number, or None where it is none."""
    return value if value is not None and math.isfinite(value) else None
