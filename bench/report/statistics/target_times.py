"""How the labels of a group compare in the time until they solve the task (see `targets`)."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.statistics.censored import Time, logrank_p, median_time
from bench.report.statistics.pairs import holm
from bench.report.statistics.scores import GROUP, references
from bench.report.statistics.targets import label_times, to_target

KINDS = ("steps", "seconds")
FEWEST_RUNS = 4
"""With three runs a side no order of the times is rarer than 1 in 10, two-sided."""
COLUMNS = ["stack", "group", "task", "reference", "label", "n", "reached", "budget", "resolution"]
COLUMNS += ["median_steps", "median_seconds"]
COLUMNS += ["p_steps", "p_steps_holm", "p_seconds", "p_seconds_holm"]


def times(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """One row a (stack, group, label) of the tasks that name a target, in the report's order.

    n, reached: runs, and how many got there; budget: the updates they had; resolution: the largest
    gap between two evaluations, in updates, None where there was none.
    median_steps, median_seconds: infinite where fewer than half got there; the seconds None where
    the speed is unknown (runs that shared a launch).
    p_steps, p_seconds: of the log-rank test against `reference` (see `references`), and corrected
    by Holm within the group; None for the reference itself, where a side has fewer than FEWEST_RUNS
    runs or no speed, and where nobody got there. The test is asymptotic: where it says less than
    the rarest of all orders of n and m runs, two-sided, p is 2 / C(n + m, n).
    """
    chosen = references(runs, measurements)
    rows: list[dict[str, Any]] = []
    for (stack, group), same in to_target(runs, measurements).groupby(GROUP, sort=False):
        reference = chosen.get((str(stack), str(group)))
        keys = {"stack": stack, "group": group, "task": same["task"].iloc[0]}
        rows += [{**keys, "reference": reference, **row} for row in _group(same, reference)]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


@dataclass(frozen=True)
class _Label:
    """The runs of one label: their updates to the target, its seconds an update if known, the
    updates they had and the largest gap between two evaluations."""

    steps: list[Time]
    speed: float | None
    budget: int
    resolution: float | None

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "_Label":
        speed, gap = rows["speed"].iloc[0], rows["resolution"].max()
        return cls(
            label_times(rows),
            None if math.isnan(speed) else float(speed),
            int(rows["updates"].max()),
            None if math.isnan(gap) else float(gap),
        )

    def times(self, kind: str) -> list[Time] | None:
        """In "steps" or "seconds"; None where these are unknown."""
        if kind == "steps":
            return self.steps
        speed = self.speed
        return None if speed is None else [Time(speed * t, reached) for t, reached in self.steps]


def _group(rows: pd.DataFrame, reference: str | None) -> list[dict[str, Any]]:
    """The rows of one group, the p values of each kind corrected together."""
    labels = {str(label): _Label.of(same) for label, same in rows.groupby("label", sort=False)}
    other = None if reference is None else labels.get(reference)
    found = [{"label": label, **_row(own, other)} for label, own in labels.items()]
    for kind in KINDS:
        tested = [row for row in found if row[f"p_{kind}"] is not None]
        adjusted = holm([row[f"p_{kind}"] for row in tested])
        for row, p in zip(tested, adjusted, strict=True):
            row[f"p_{kind}_holm"] = p
    return found


def _row(own: _Label, other: _Label | None) -> dict[str, Any]:
    return {
        "n": len(own.steps),
        "reached": sum(time.reached for time in own.steps),
        "budget": own.budget,
        "resolution": own.resolution,
        **{f"median_{kind}": _median(own, kind) for kind in KINDS},
        **{f"p_{kind}": _p(own, other, kind) for kind in KINDS},
        **{f"p_{kind}_holm": None for kind in KINDS},
    }


def _median(own: _Label, kind: str) -> float | None:
    """Of a label that did not get there, infinite whatever its speed."""
    steps, times = median_time(own.steps), own.times(kind)
    if math.isinf(steps):
        return steps
    return None if times is None else median_time(times)


def _p(own: _Label, other: _Label | None, kind: str) -> float | None:
    """Against the reference; None where there is none, too few runs, or no speed."""
    if other is None or own is other or min(len(own.steps), len(other.steps)) < FEWEST_RUNS:
        return None
    times, others = own.times(kind), other.times(kind)
    p = None if times is None or others is None else logrank_p(times, others)
    n, m = len(own.steps), len(other.steps)
    return None if p is None else max(p, min(1.0, 2 / math.comb(n + m, n)))
