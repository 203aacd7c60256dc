"""What the seeds of a curve have in common: their mean and a band, at every point at once.

From three values on the band is the 95 % t-interval of the mean, which is also that of the tables
below 20 seeds; of two it is their range, and of one there is none.
"""

import numpy as np
import pandas as pd
from scipy import stats

from bench.report.statistics.intervals import LEVEL

FEWEST = 3
"""The interval of two values is so wide that it says nothing."""


def averages(rows: pd.DataFrame, by: list[str], logarithmic: bool = False) -> pd.DataFrame:
    """One row for all rows that agree in `by`: their mean `value`, its band from `low` to `high`,
    and their number `n`. Of logarithms, turned back, where the axis will be logarithmic."""
    values = np.log10(rows["value"]) if logarithmic else rows["value"]
    ordered = rows.assign(value=values).sort_values("seed", kind="stable")  # sums depend on it
    seeds = ordered.groupby(by, sort=False)["value"]
    table = seeds.agg(["count", "mean", "std", "min", "max"])
    n = table["count"]
    half = stats.t.ppf((1 + LEVEL) / 2, (n - 1).clip(lower=1)) * table["std"] / np.sqrt(n)
    known = n >= FEWEST
    found = pd.DataFrame(
        {
            "value": table["mean"],
            "low": (table["mean"] - half).where(known, table["min"]),
            "high": (table["mean"] + half).where(known, table["max"]),
        }
    )
    return (10**found if logarithmic else found).assign(n=n).reset_index()


def band_words(table: pd.DataFrame) -> str:
    """What the band of these averages is."""
    fewest, most = (int(table["n"].min()), int(table["n"].max())) if len(table) else (0, 0)
    count = f"n = {most}" if fewest == most else f"n = {fewest} to {most}"
    if most < 2:
        return f"one seed ({count}), without a band"
    interval = "the band is the 95 % t-interval of the mean"
    if most < FEWEST:
        return f"{count} seeds, the band reaches from the lower to the higher"
    if fewest < FEWEST:
        interval += f" from {FEWEST} seeds on and the range of two"
    return f"{count} seeds; {interval}"
