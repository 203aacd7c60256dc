"""The final score of every run, what a failed run counts as, and which label is the reference.

A run that did not end well, or whose score is no finite number, counts as the worst of its group:
the score of chance, or the worst finite score that any run of the group ended with, whichever is
worse. Runs that are unsupported are no runs.

The reference of a group is the label of a proposed model with the best mean validation score at the
end, failed runs counted as above; the test scores have no say. Its controls (a frozen core, no
filter, a plainer one) cannot be it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.records import Status
from bench.report.proposed import is_lead
from bench.report.statistics.outcomes import OK
from bench.report.statistics.rows import finite, known, known_number, last_values

GROUP = ["stack", "group"]
NOTHING_FROZEN = "[]"
RUN_COLUMNS = ["stack", "run_id", "task", "group", "label", "model", "frozen"]
RUN_COLUMNS += ["seed", "status", "updates", "chance", "solved", "direction"]
"""What of a run the statistics read."""


@dataclass(frozen=True)
class Scale:
    """What a score means on a task: None where its records do not say."""

    chance: float | None
    solved: float | None
    direction: str

    @property
    def sign(self) -> int:
        """1 where a high score is good, -1 where a low one is."""
        return -1 if self.direction == "min" else 1

    @property
    def top(self) -> float:
        """The score that solves the task; without one the best that there is, 1 for an accuracy
        and 0 for an error."""
        if self.solved is not None:
            return self.solved
        return 0.0 if self.direction == "min" else 1.0

    def worst(self, scores: Iterable[float]) -> float:
        """The worst of the finite scores and chance; NaN where there is neither."""
        known = [score for score in scores if math.isfinite(score)]
        known += [] if self.chance is None else [self.chance]
        return min(known, key=lambda score: self.sign * score, default=math.nan)


def scale(runs: pd.DataFrame) -> Scale:
    """What the runs of one group say of their task; one that failed early may say nothing."""
    chance, solved = (known_number(runs, name) for name in ("chance", "solved"))
    return Scale(finite(chance), finite(solved), known(runs, "direction") or "max")


def final_scores(
    runs: pd.DataFrame,
    measurements: pd.DataFrame,
    excluded_failures: bool = False,
    quantity: str = "test_score",
) -> pd.DataFrame:
    """A row a run: its RUN_COLUMNS, its last score as `value` and whether it `failed`.

    A failed run has the worst value, or no row where failures are excluded. There are no rows of a
    group in which no run has a score, nor of runs that ended well and were not scored.
    """
    last = last_values(measurements, quantity)
    tried = tried_runs(runs)
    keys = list(zip(tried["stack"], tried["run_id"], strict=True))
    scored = np.array([key in last for key in keys], dtype=bool)
    values = np.array([last.get(key, math.nan) for key in keys], dtype=float)
    well = tried["status"].isin(OK).to_numpy()
    rows = tried.assign(value=values, failed=~(well & np.isfinite(values)))[~well | scored]
    groups = [_with_worst(group) for _, group in rows.groupby(GROUP, sort=False)]
    found = pd.concat(groups) if groups else rows
    return found[~found["failed"]] if excluded_failures else found


def tried_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs but for unsupported ones, with the RUN_COLUMNS that they have."""
    columns = [name for name in RUN_COLUMNS if name in runs]
    return runs.loc[runs["status"] != Status.unsupported, columns]


def references(runs: pd.DataFrame, measurements: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The reference's label by (stack, group); a group without a proposed model is left out.

    Where nothing was validated, it is the proposed model that comes first in the report.
    """
    ranks = validation_ranks(runs, measurements)
    proposed = runs[runs["model"].map(is_lead) & (runs["frozen"] == NOTHING_FROZEN)]
    return {
        (str(stack), str(group)): max(
            labels.unique(), key=lambda label: ranks[str(stack), str(group), label]
        )
        for (stack, group), labels in proposed.groupby(GROUP, sort=False)["label"]
    }


def validation_ranks(
    runs: pd.DataFrame, measurements: pd.DataFrame
) -> dict[tuple[str, str, str], float]:
    """The mean validation score at the end by (stack, group, label), turned so that high is good;
    minus infinity where nothing was validated."""
    scores = final_scores(runs, measurements, quantity="validation_score")
    means = scores.groupby([*GROUP, "label"])["value"].mean().to_dict()
    found = {}
    for key, same in runs.groupby(GROUP, sort=False):
        sign = scale(same).sign
        for label in same["label"].unique():
            mean = means.get((*key, label))
            found[*key, label] = -math.inf if mean is None else sign * mean
    return found


def _with_worst(group: pd.DataFrame) -> pd.DataFrame:
    """The rows of one group with the worst value where a run failed; none where nothing is known
    of any."""
    known = group.loc[~group["failed"], "value"]
    if known.empty:
        return group.iloc[:0]
    worst = scale(group).worst(known)
    return group.assign(value=group["value"].mask(group["failed"], worst))
