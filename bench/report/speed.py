"""The points of a suite that was timed: a shape, a model, and what every contender took.

The pace of a machine drifts, so a ratio is taken within a round, in which all took turns, and what
is said of a point is the median over the rounds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import pandas as pd

from bench.report.leaderboard import known
from bench.report.statistics import OK, RUN

STEP = ("forward_seconds", "backward_seconds")
"""What is compared: the forward and the backward pass, without the update."""
QUANTITIES = (
    *(*STEP, "update_seconds", "peak_bytes", "state_error", "gradient_error"),
    *("least_flops", "least_bytes"),
)
PEAKS = ("peak_flops", "peak_bandwidth")
REFERENCE = "reference"

Readings = Mapping[str, Mapping[str, tuple[float, ...]]]
"""By quantity and contender, in the order of the rounds."""


@dataclass(frozen=True)
class Point:
    """One run of the clock. `picked` is the backend that "auto" takes there, if it was asked;
    `refused` says of each backend that could not compute it why."""

    stack: str
    model: str
    filter: str
    steps: int
    width: int
    batch: int
    deep: bool
    picked: str | None
    readings: Readings
    refused: Mapping[str, str]

    @property
    def shape(self) -> str:
        """The sizes in words."""
        along = "layers" if self.deep else "steps"
        return f"{self.steps:,} {along}, {self.width} units, batch {self.batch}"

    @property
    def contenders(self) -> list[str]:
        """Who was timed, in the order of their turns."""
        return list(self.readings[STEP[0]])

    @property
    def peers(self) -> list[str]:
        """Those that are not the model."""
        return [name for name in self.contenders if not name.startswith(f"{self.model}/")]

    @property
    def ways(self) -> dict[str, str]:
        """The contenders that are the model, by their backend or their way to keep less."""
        own = [name for name in self.contenders if name not in self.peers]
        return {name.removeprefix(f"{self.model}/"): name for name in own}

    @property
    def chosen(self) -> str:
        """The contender that "auto" is; where it was not asked, the fastest of the backends."""
        if self.picked in self.ways:
            return self.ways[self.picked]
        return min(self.ways.values(), key=lambda name: median(self.seconds(name)))

    def seconds(self, contender: str) -> tuple[float, ...]:
        """Forward and backward of each round; none of one that was not timed."""
        parts = (self.readings[part].get(contender, ()) for part in STEP)
        return tuple(map(sum, zip(*parts, strict=True)))

    def ratios(self, over: str, contender: str) -> tuple[float, ...]:
        """How many times the contender's seconds another took, in each round."""
        pairs = zip(self.seconds(over), self.seconds(contender), strict=False)
        return tuple(theirs / mine for theirs, mine in pairs)

    def value(self, quantity: str, contender: str) -> float | None:
        """The median of what was read of a contender."""
        values = self.readings.get(quantity, {}).get(contender, ())
        return median(values) if values else None


@dataclass(frozen=True)
class Machine:
    """The best that a stack was seen to do, in operations and in bytes a second."""

    flops: float
    bandwidth: float


def points(runs: pd.DataFrame, measurements: pd.DataFrame) -> list[Point]:
    """A point a run that was timed to its end, in the report's order."""
    keys = measurements.loc[measurements["quantity"] == STEP[0], RUN].drop_duplicates()
    read = measurements[measurements["quantity"].isin((*QUANTITIES, "refused"))]
    rows = dict(iter(read.merge(keys, on=RUN).groupby(RUN, sort=False)))
    timed = runs[runs["status"].isin(OK)].merge(keys, on=RUN)
    return [_point(run, rows[run["stack"], run["run_id"]]) for _, run in timed.iterrows()]


def machines(measurements: pd.DataFrame) -> dict[str, Machine]:
    """The peaks of each stack that was asked for both: the best of all tries of all runs."""
    rows = measurements[measurements["quantity"].isin(PEAKS)]
    best = rows.groupby(["stack", "quantity"])["value"].max().to_dict()
    asked = [stack for stack in rows["stack"].unique() if all((stack, p) in best for p in PEAKS)]
    return {stack: Machine(*(best[stack, peak] for peak in PEAKS)) for stack in asked}


def reasons(found: Sequence[Point]) -> list[str]:
    """What the backends that refused a point said, and of how many of the points."""
    said = [reason for point in found for reason in point.refused.values()]
    return [f"{reason} ({said.count(reason)} of {len(found)})" for reason in dict.fromkeys(said)]


def _point(run: pd.Series, rows: pd.DataFrame) -> Point:
    deep = not pd.isna(run["depth"])
    readings = {
        quantity: {
            str(where): tuple(of["value"])
            for where, of in rows[rows["quantity"] == quantity].groupby("where", sort=False)
        }
        for quantity in QUANTITIES
    }
    told = rows.loc[rows["quantity"] == "refused", "where"]
    one = run.to_frame().T
    return Point(
        stack=run["stack"],
        model=run["model"],
        filter=json.loads(run["model_args"]).get("filter", "haar"),
        steps=int(run["depth"] if deep else run["length"]),
        width=int(run["width"]),
        batch=int(run["batch_size"]),
        deep=deep,
        picked=known(one, "kernel"),
        readings=readings,
        refused=dict(text.split(": ", 1) for text in told),
    )
