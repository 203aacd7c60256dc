"""Quantities that a claim is about and that follow from measured ones."""

import math
from collections.abc import Callable, Mapping

import pandas as pd

from bench.report.statistics import CEILING, FLOOR, RUN, relative_gradients

AT = [*RUN, "step"]
TOLERANCE = 1e-6
"""A measurement may pass a bound by this fraction and be inside: the rounding of float64, as when
it was measured, in `bench.diagnostics.view`."""


def outside_band(measurements: pd.DataFrame) -> pd.DataFrame:
    """How many of the measured singular values lie outside of theory's band, a row a run that has
    a band; those that no float holds do not count."""
    lower, upper = (_end(measurements, name) for name in ("bound_lower", "bound_upper"))
    rows = measurements[measurements["quantity"] == "singular_value"]
    rows = rows.join(lower.rename("lower"), on=AT).join(upper.rename("upper"), on=AT)
    rows = rows.dropna(subset=["lower", "upper", "value"])
    low = rows["value"] < rows["lower"] * (1 - TOLERANCE)
    high = rows["value"] > rows["upper"] * (1 + TOLERANCE)
    counts = rows.assign(value=(low | high).astype(float)).groupby(RUN)
    return counts.agg({"step": "max", "value": "sum"}).reset_index()


def gradient_decades(measurements: pd.DataFrame) -> pd.DataFrame:
    """By how many powers of ten the gradient's norm changes over all of its way, up or down, a row
    a run and step."""
    rows, _ = relative_gradients(measurements)
    last = rows.sort_values("distance", kind="stable").drop_duplicates(AT, keep="last")
    return last.assign(value=last["value"].map(math.log10).abs())[[*AT, "value"]]


def farthest_from_one(measurements: pd.DataFrame) -> pd.DataFrame:
    """The factor by which the singular value that is farthest from 1 is above or below it, a row a
    run and step."""
    rows = measurements[measurements["quantity"] == "singular_value"].dropna(subset=["value"])
    decades = rows["value"].clip(FLOOR, CEILING).map(math.log10).abs()
    farthest = rows.assign(value=10**decades).groupby(AT)["value"].max()
    return farthest.reset_index()


DERIVED: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "outside_band": outside_band,
    "gradient_decades": gradient_decades,
    "farthest_from_one": farthest_from_one,
}


def _end(measurements: pd.DataFrame, name: str) -> pd.Series:
    """The bound over the whole distance, by run and step."""
    rows = measurements[measurements["quantity"] == name]
    rows = rows.assign(distance=pd.to_numeric(rows["where"]))
    return rows.sort_values("distance", kind="stable").groupby(AT)["value"].last()
