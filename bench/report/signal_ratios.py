"""How signal and gradient come through a network, at the start and the end of its training.

Three ratios that belong together, since a weight's gradient is the product of the other two: the
norm of the state after the last layer over that before the first; the norm of the gradient before
the first layer over that after the last; the gradient of the first layer's weights over that of
the readout's.
"""

import numpy as np
import pandas as pd

from bench.report.ladder import Ladder
from bench.report.signals import log_limits
from bench.report.stages import by_stage
from bench.report.statistics import CEILING, FLOOR, RUN, ends

RATIOS = {
    "forward_norm": "forward norm,\nlast / first",
    "gradient_by_distance": "gradient norm,\nfirst / last",
    "weight_gradient_by_distance": "weight gradient,\nfirst / readout",
}
NOTHING = pd.DataFrame({"lower": [], "upper": []})


def triple(ladder: Ladder) -> pd.DataFrame:
    """A row a ratio, stage, trained network and depth, as `by_stage` gives them."""
    found = [
        by_stage(_ratios(ladder.rows, quantity), ladder.climbers).assign(ratio=quantity)
        for quantity in RATIOS
    ]
    return pd.concat(found).reset_index(drop=True)


def limits(rows: pd.DataFrame) -> tuple[float, float]:
    """The ends of the axis: all medians from FLOOR to CEILING lie between them."""
    return log_limits([x for x in rows["value"] if FLOOR <= x <= CEILING], NOTHING)


def _ratios(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The ratio at each run's `first` and `last` step that has any."""
    read = ends(rows, quantity)
    read = read.assign(distance=pd.to_numeric(read["where"], errors="coerce"))
    key = [*RUN, "step"]
    far = read[read["distance"] == read.groupby(key)["distance"].transform("max")]
    if quantity == "weight_gradient_by_distance":
        return far
    near = read[read["distance"] == 0].set_index(key)["value"].rename("near")
    far = far.join(near, on=key)
    last_first = quantity == "forward_norm"
    over, under = ("near", "value") if last_first else ("value", "near")
    with np.errstate(all="ignore"):
        return far.assign(value=far[over] / far[under])
