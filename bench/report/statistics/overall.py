"""Every model over all tasks of a stack: interquartile mean, mean rank, performance profiles.

A score is put on a scale from 0, chance, to 1, the score that solves the task (without such a line
the best there is: 1 for an accuracy, 0 for an error), and what lies outside is drawn to the ends. A
failed run counts as the worst of its group, which is 0. A task is a name in the registry; its
settings (length, depth) are strata of it, but one block for the ranks. Settings on which fewer than
half of the models ran, and tasks whose chance is unknown, are not used. Of a model's labels in a
group the one with the best mean validation score stands for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.report.groups import names
from bench.report.statistics.aggregates import (
    friedman_p,
    iqm,
    iqm_interval,
    shares_above,
    task_ranks,
)
from bench.report.statistics.outcomes import six_digits
from bench.report.statistics.scores import GROUP, Scale, final_scores, scale, validation_ranks

FEWEST_TASKS = 6
THRESHOLDS = tuple(step / 20 for step in range(20))
COLUMNS = ["label", "runs", "iqm", "low", "high", "mean_rank"]
PROFILE = ["label", "threshold", "share"]


@dataclass(frozen=True)
class Across:
    """One stack, from FEWEST_TASKS tasks and two models that ran on all of them; with fewer there
    are no rows and `reason` says so.

    rows: a row a model, the best interquartile mean first: label (the model, and what of it is
    frozen), runs, iqm with its 95 % interval low to high, mean_rank (1 is best, ties averaged).
    profile: the `share` of each label's runs above each `threshold` of the scale from 0 to 1.
    friedman: the p of Friedman's test on the ranks; None for two models.
    tasks: the tasks by name; left_out: the models that did not run on all their settings.
    """

    rows: pd.DataFrame
    profile: pd.DataFrame
    friedman: float | None
    tasks: Sequence[str]
    left_out: Sequence[str]
    reason: str = ""


def across(
    runs: pd.DataFrame, measurements: pd.DataFrame, excluded_failures: bool = False
) -> dict[str, Across]:
    """By stack, for the stacks on which anything was tested."""
    scores = normalised(runs, measurements, excluded_failures)
    return {str(stack): _stack(same) for stack, same in scores.groupby("stack")}


def normalised(
    runs: pd.DataFrame, measurements: pd.DataFrame, excluded_failures: bool = False
) -> pd.DataFrame:
    """The rows of `final_scores` with the model's `name`, its best label's alone, the score from 0
    to 1 (`scaled`), and the `value` turned so that high is good."""
    scores = final_scores(runs, measurements, excluded_failures)
    scores = scores.assign(name=names(scores))
    ranks = validation_ranks(runs, measurements)
    kept = [scores.iloc[:0].assign(scaled=0.0)]
    for (stack, group), same in scores.groupby(GROUP, sort=False):
        line = scale(same)
        scaled = _scaled(same["value"], line)
        if scaled is None:
            continue
        same = same.assign(scaled=scaled, value=line.sign * same["value"])
        for _, labels in same.groupby("name", sort=False)["label"]:
            best = max(labels.unique(), key=lambda label: ranks[str(stack), str(group), label])
            kept.append(same[same["label"] == best])
    return pd.concat(kept)


def _scaled(values: pd.Series, line: Scale) -> pd.Series | None:
    """The scores from 0, chance, to 1, solved, all to six digits; None where the task has no such
    scale."""
    if line.chance is None:
        return None
    chance, top = six_digits(line.chance), six_digits(line.top)
    if chance == top:
        return None
    return ((values.map(six_digits) - chance) / (top - chance)).clip(0, 1)


def _stack(scores: pd.DataFrame) -> Across:
    models = scores["name"].unique().tolist()
    ran = scores.groupby("group", sort=False)["name"].nunique()
    used = scores[scores["group"].isin(ran.index[ran >= len(models) / 2])]
    complete = _complete(used)
    tasks, kept = used["task"].unique().tolist(), complete["name"].unique().tolist()
    left_out = [name for name in models if name not in kept]
    if reason := _too_few(len(tasks), len(kept)):
        empty = pd.DataFrame(columns=COLUMNS), pd.DataFrame(columns=PROFILE)
        return Across(*empty, None, tasks, left_out, reason)
    ranks = _ranks(complete, kept)
    rows = [
        _row(name, complete[complete["name"] == name], float(rank))
        for name, rank in zip(kept, ranks.mean(axis=0), strict=True)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).sort_values("iqm", ascending=False, kind="stable")
    return Across(
        table.reset_index(drop=True).astype(object),
        _profile(complete, kept),
        friedman_p(ranks),
        tasks,
        left_out,
    )


def _too_few(tasks: int, models: int) -> str:
    if tasks < FEWEST_TASKS:
        noun = "task" if tasks == 1 else "tasks"
        return f"{tasks} {noun} that half of the models ran; {FEWEST_TASKS} are needed"
    if models < 2:
        return f"{models or 'no'} {'model' if models == 1 else 'models'} ran on all tasks"
    return ""


def _complete(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the models that are in every group."""
    groups = rows.groupby("name")["group"].nunique()
    return rows[rows["name"].isin(groups.index[groups == rows["group"].nunique()])]


def _row(name: str, runs: pd.DataFrame, rank: float) -> dict[str, object]:
    strata = [group.tolist() for _, group in runs.groupby("group", sort=False)["scaled"]]
    low, high = iqm_interval(strata)
    values = (name, len(runs), iqm(runs["scaled"].tolist()), low, high, rank)
    return dict(zip(COLUMNS, values, strict=True))


def _ranks(scores: pd.DataFrame, kept: Sequence[str]) -> np.ndarray:
    """The models' places by task: of the mean places on its settings, so that none weighs more."""
    means = scores.groupby(["task", "group", "name"], sort=False)["value"].mean().unstack("name")
    equal = means[list(kept)].map(six_digits)
    places = pd.DataFrame(task_ranks(equal.to_numpy()), index=means.index)
    return task_ranks(-places.groupby("task", sort=False).mean().to_numpy())


def _profile(scores: pd.DataFrame, kept: Sequence[str]) -> pd.DataFrame:
    rows = []
    for name in kept:
        shares = shares_above(scores.loc[scores["name"] == name, "scaled"].tolist(), THRESHOLDS)
        rows += [(name, *pair) for pair in zip(THRESHOLDS, shares, strict=True)]
    return pd.DataFrame(rows, columns=PROFILE)
