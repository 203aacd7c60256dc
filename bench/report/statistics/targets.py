"""How long until a task is solved: in updates, and in seconds of training.

To target means: the first update after which the validation score was at or beyond the task's
`solved`; of a run without validation scores the test score says it. Scores are known at the updates
at which the suite evaluates and nowhere between, so that a time is late by up to the gap before it
(`resolution`). Tasks without such a line have no target.

A run that did not get there is censored at its budget, the updates of its spec; so is a run that
failed, whatever it had reached before. Seconds are updates times the label's seconds an update, the
median over its runs of the median window: data, evaluation and the first window are not in it, and
all runs of a label have one speed, so that the clock's noise does not decide who was first.
"""

import math

import pandas as pd

from bench.report.statistics.censored import Time, reached_by
from bench.report.statistics.outcomes import OK, six_digits
from bench.report.statistics.rows import RUN, finite_rows, seconds_per_update
from bench.report.statistics.scores import GROUP, scale, tried_runs


def to_target(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """The rows of the runs with a target: `steps` and `seconds` to it, or the budget where it was
    not `reached`; the label's `speed` in seconds an update, NaN where unknown; and `resolution`.

    Left out are unsupported runs, and runs that ended well without a score.
    """
    rows = _with_targets(tried_runs(runs))
    scores = _scores(measurements).merge(rows[[*RUN, "target", "sign"]], on=RUN)
    reached, target = (scores["sign"] * scores[n].map(six_digits) for n in ("value", "target"))
    there = scores[reached >= target]
    rows = rows.join(there.groupby(RUN)["step"].min().rename("first"), on=RUN)
    rows = rows.join(_resolution(scores), on=RUN)
    well, scored = rows["status"].isin(OK), rows["resolution"].notna()
    in_use = scored.groupby([rows[name] for name in GROUP]).transform("any")
    first = rows["first"].where(well)
    steps = first.fillna(rows["updates"]).astype(float)
    speed = _speed(rows, measurements)
    rows = rows.assign(reached=first.notna(), steps=steps, speed=speed, seconds=steps * speed)
    return rows[scored | (~well & in_use)].drop(columns="first").reset_index(drop=True)


def target_curves(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """The share of each label's runs that got there by so many `steps` and `seconds`: columns
    stack, group, label, steps, seconds, share."""
    columns = [*GROUP, "label", "steps", "seconds", "share"]
    curves = [pd.DataFrame(columns=columns)]
    for _, same in to_target(runs, measurements).groupby(columns[:3], sort=False):
        own = same.iloc[0]
        curve = reached_by(label_times(same)).rename(columns={"time": "steps"})
        curves.append(
            curve.assign(
                **{name: own[name] for name in columns[:3]},
                seconds=curve["steps"] * own["speed"],
            )
        )
    return pd.concat(curves[1:] or curves, ignore_index=True)[columns]


def _with_targets(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of the groups whose task names a target, with it and the direction's `sign`."""
    scales = {key: scale(same) for key, same in runs.groupby(GROUP, sort=False)}
    own = [scales[key] for key in zip(runs["stack"], runs["group"], strict=True)]
    targets = pd.Series([line.solved for line in own], index=runs.index, dtype=float)
    signs = [line.sign for line in own]
    return runs.assign(target=targets, sign=signs)[targets.notna()]


def _scores(measurements: pd.DataFrame) -> pd.DataFrame:
    """The finite validation scores, and the test scores of the runs that have none of these."""
    validated, tested = (
        finite_rows(measurements, f"{split}_score")[0] for split in ("validation", "test")
    )
    known = pd.MultiIndex.from_frame(validated[RUN])
    rows = pd.concat([validated, tested[~pd.MultiIndex.from_frame(tested[RUN]).isin(known)]])
    return rows[[*RUN, "step", "value"]]


def _resolution(scores: pd.DataFrame) -> pd.Series:
    """By run, the largest number of updates between two evaluations, or before the first."""
    ordered = scores.sort_values([*RUN, "step"])
    gaps = ordered.groupby(RUN)["step"].diff().fillna(ordered["step"]).astype(float)
    return ordered.assign(resolution=gaps).groupby(RUN)["resolution"].max()


def _speed(rows: pd.DataFrame, measurements: pd.DataFrame) -> pd.Series:
    """The seconds an update of each row's label, the median over its runs; NaN where unknown."""
    measured = seconds_per_update(measurements)
    keys = zip(rows["stack"], rows["run_id"], strict=True)
    own = pd.Series([measured.get(key, math.nan) for key in keys], index=rows.index, dtype=float)
    return own.groupby([rows[name] for name in (*GROUP, "label")]).transform("median")


def label_times(rows: pd.DataFrame) -> list[Time]:
    """The updates of the runs to the target, censored where they did not get there."""
    pairs = zip(rows["steps"].tolist(), rows["reached"].tolist(), strict=True)
    return [Time(*pair) for pair in pairs]
