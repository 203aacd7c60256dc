"""What a row of the leaderboard says beside its own scores: how it stands to the others.

By stack, group and label: the score with failed runs counted as the worst and without them, the
tests against ROAF and against the best, both ways too, the time to the target, and how much of the
gradient is left at the largest distance.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bench.report.statistics import (
    ALPHA,
    RUN,
    Summary,
    compare,
    compare_with_best,
    ends,
    final_scores,
    middle,
    present,
    summarise,
    times,
)

KEY = ["stack", "group", "label"]
Standing = dict[tuple, dict[str, Any]]
COMPARED = {
    "reference": "reference",
    "test": "test",
    "n": "pairs",
    "difference": "difference",
    "low": "difference_low",
    "high": "difference_high",
    "p": "p",
    "p_holm": "p_holm",
    "smallest_p": "smallest_p",
    "improvement": "improvement",
    "reason": "no_test",
}
TIMED = {
    "reached": "reached",
    "n": "reached_of",
    "resolution": "resolution",
    "median_steps": "updates_to_target",
    "median_seconds": "seconds_to_target",
    "p_steps": "p_updates_to_target",
    "p_steps_holm": "p_updates_to_target_holm",
    "p_seconds": "p_seconds_to_target",
    "p_seconds_holm": "p_seconds_to_target_holm",
}
EXCLUDED = "excluded_"
"""Begins the names of the columns in which failed runs are left out."""
COUNTED = "counted_"
"""Begins the names of those in which a failed run has the worst score of its group."""
SUMMARY = tuple(f"{side}{name}" for side in (COUNTED, EXCLUDED) for name in Summary._fields)
TESTED = (*COMPARED.values(), "best", "smallest_p_of_best")
GRADIENT = ("gradient_distance", "gradient_step", "gradient_ratio")
BOTH_WAYS = (*TESTED, *(f"{EXCLUDED}{name}" for name in TESTED))
ABSENT: dict[str, Any] = dict.fromkeys(
    (*SUMMARY, "counted_as", *BOTH_WAYS, *TIMED.values(), *GRADIENT)
)
"""Every column, of a row of which nothing is known."""


def standings(runs: pd.DataFrame, measurements: pd.DataFrame) -> Standing:
    """The columns of each row; those of a part in which it has none are absent."""
    parts = [
        _summaries(final_scores(runs, measurements), COUNTED),
        _summaries(final_scores(runs, measurements, excluded_failures=True), EXCLUDED),
        _renamed(compare(runs, measurements), COMPARED),
        _prefixed(_renamed(compare(runs, measurements, excluded_failures=True), COMPARED)),
        _best(compare_with_best(runs, measurements)),
        _prefixed(_best(compare_with_best(runs, measurements, excluded_failures=True))),
        _renamed(times(runs, measurements), TIMED),
        _gradients(measurements),
    ]
    found: Standing = {}
    for key, columns in (item for part in parts for item in part.items()):
        found.setdefault(key, {}).update(columns)
    return found


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as mappings from the names of the columns."""
    names = [str(name) for name in table.columns]
    rows = table.itertuples(index=False, name=None)
    return [dict(zip(names, row, strict=True)) for row in rows]


def shares_the_best(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The best label of a group and those that share its place: whoever has the same mean, and
    whoever a test that could have told them apart does not find worse; nobody of whom every run
    failed. `rows` are those of `compare_with_best` on the group."""
    told = [row for row in rows if row["reference"] is not None]
    ended = [row for row in told if not row["all_failed"]]
    same = {row["label"] for row in ended if row["difference"] == 0}
    able = [row for row in ended if row["p_holm"] is not None and row["smallest_p"] < ALPHA]
    return {row["reference"] for row in told} | same | {r["label"] for r in able if not r["worse"]}


def gradient_ratios(measurements: pd.DataFrame) -> pd.DataFrame:
    """A row a run: the norm of the gradient at the largest `distance` over that at distance 0
    (`ratio`), at the last `step` at which it was read."""
    rows = ends(measurements, "gradient_by_distance")
    rows = rows[rows["step"] == rows["last"]]
    rows = rows.assign(distance=pd.to_numeric(rows["where"], errors="coerce")).dropna(
        subset="distance"
    )
    farthest = rows.sort_values("distance", kind="stable").drop_duplicates(RUN, keep="last")
    start = rows[rows["distance"] == 0].drop_duplicates(RUN).set_index(RUN)["value"]
    found = farthest.join(start.rename("start"), on=RUN).dropna(subset="start")
    return found.assign(ratio=found["value"] / found["start"])


def _summaries(scores: pd.DataFrame, side: str) -> Standing:
    """The scores of every label, and what a failed run counts as; nothing of a label all of whose
    runs failed."""
    found = {}
    for key, same in scores.groupby(KEY, sort=False):
        if not same["failed"].all():
            summary = summarise(same["value"].tolist())._asdict()
            found[key] = {f"{side}{name}": value for name, value in summary.items()}
        if same["failed"].any():
            worst = same.loc[same["failed"], "value"].iloc[0]
            found.setdefault(key, {})["counted_as"] = float(worst)
    return found


def _renamed(table: pd.DataFrame, names: Mapping[str, str]) -> Standing:
    return {
        tuple(row[name] for name in KEY): {new: row[old] for old, new in names.items()}
        for row in rows_of(table)
    }


def _prefixed(standing: Standing) -> Standing:
    return {
        key: {f"{EXCLUDED}{name}": value for name, value in columns.items()}
        for key, columns in standing.items()
    }


def _best(table: pd.DataFrame) -> Standing:
    """Whether a label is best or shares the place, and against whom it was tested."""
    found = {}
    for (stack, group), same in table.groupby(KEY[:2], sort=False):
        rows = rows_of(same)
        best = shares_the_best(rows)
        shown = {"smallest_p_of_best": min(present(same["smallest_p"]), default=None)}
        for label in {row["label"] for row in rows} | best:
            found[stack, group, label] = {"best": label in best, **shown}
    return found


def _gradients(measurements: pd.DataFrame) -> Standing:
    ratios = gradient_ratios(measurements)
    return {
        key: {
            "gradient_distance": int(same["distance"].max()),
            "gradient_step": int(same["step"].max()),
            "gradient_ratio": middle(same["ratio"].tolist()),
        }
        for key, same in ratios.groupby(KEY, sort=False)
    }
