"""What the figures of signal propagation show: spectra, theory's bands, before and after training.

Theory's bounds of a product of Jacobians (theorem T1 of `roaf.bounds`) are the products over its
steps or layers of alpha - beta sigma and alpha + beta sigma, with the weights' sigma of the moment.
"""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from bench.report.statistics import CEILING, FLOOR, RUN, ends

STAGES = ("first", "last")
SPECTRUM = "log10_singular_value"


def at_stage(rows: pd.DataFrame, stage: str) -> pd.DataFrame:
    """The rows of `ends` at the stage: the first is step 0, the last each run's last step after
    it."""
    start = rows["step"] == 0
    return rows[start] if stage == "first" else rows[~start & (rows["step"] == rows["last"])]


def spectra(measurements: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The singular values of the input-output Jacobian between FLOOR and CEILING, at which `bound`
    (-1, 0, 1) each lies, and how many are left out because they are no number."""
    rows = ends(measurements, SPECTRUM)
    known = rows[rows["value"].notna()]
    low, high = math.log10(FLOOR), math.log10(CEILING)
    bound = 1 * (known["value"] > high) - 1 * (known["value"] < low)
    shown = known.assign(value=np.power(10.0, known["value"].clip(low, high)), bound=bound)
    return shown, len(rows) - len(known)


def bands(measurements: pd.DataFrame) -> pd.DataFrame:
    """Theory's `lower` and `upper` bound by run, step and `distance`, between FLOOR and CEILING."""
    key = [*RUN, "step", "where"]
    upper = ends(measurements, "bound_upper").drop_duplicates(key).set_index(key)["value"]
    rows = ends(measurements, "bound_lower").rename(columns={"value": "lower"})
    rows = rows.join(upper.rename("upper"), on=key).dropna(subset=["lower", "upper"])
    rows = rows.assign(distance=pd.to_numeric(rows["where"], errors="coerce"))
    return rows.assign(**{side: rows[side].clip(FLOOR, CEILING) for side in ("lower", "upper")})


def widest(band: pd.DataFrame) -> pd.DataFrame:
    """The `lower` and `upper` bound at each distance that hold for every seed."""
    return band.groupby("distance").agg(lower=("lower", "min"), upper=("upper", "max"))


def log_limits(values: Iterable[float], band: pd.DataFrame) -> tuple[float, float]:
    """The ends of a logarithmic axis on which all values are seen, and the band's edges short of
    FLOOR and CEILING; at least from 0.1 to 10, so that rounding is not drawn large."""
    edges = [edge for edge in (*band["lower"], *band["upper"]) if FLOOR < edge < CEILING]
    seen = [0.1, 10.0, *values, *edges]
    margin = (max(seen) / min(seen)) ** 0.04
    return min(seen) / margin, max(seen) * margin


def powers(low: float, high: float) -> list[float]:
    """At most seven powers of ten for ticks between the two, 1 among them."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    widest_step = math.ceil((last - first) / 6)
    step = next((step for step in (1, 2, 5, 10) if last - first <= 6 * step), widest_step)
    return [10.0**k for k in range(-(-first // step) * step, last + 1, step)]
