"""Of several trials of a model on a task the one with the lowest validation loss at the end.

Its loss is the mean over its seeds; a trial one of whose runs did not end well, or ended without a
loss or with NaN, counts as infinite, and unsupported runs are no runs. Stacks and versions are
not pooled.
"""

import json
import math
from collections.abc import Sequence

import pandas as pd

from bench.records import Status
from bench.report.groups import names
from bench.report.statistics import OK, last_values
from bench.winners import COLUMNS

APART = ["stack", "task_version", "model_version", "width", "updates", "batch_size"]
SETTING = ["task", "task_args", "depth", "model", "frozen"]
TRIAL = ["learning_rate", "model_args", "output_scale", "weight_decay", "gradient_clip"]
NEWEST = ["task_version", "model_version"]


def winners(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """One row a task, depth and model: the best of its newest versions, and of how many trials on
    its stack."""
    decays = [json.loads(str(text)).get("weight_decay", 0.0) for text in runs["optimiser_args"]]
    known = runs.assign(depth=_whole(runs["depth"]), weight_decay=decays)
    trials = _losses(known, measurements, [*APART, *SETTING, *TRIAL])
    counts = trials.groupby([*APART, *SETTING])["validation_loss"].transform("size")
    best = trials.assign(trials=counts).sort_values(NEWEST, ascending=False, kind="stable")
    chosen = best.drop_duplicates(SETTING).sort_values(SETTING)
    return chosen[list(COLUMNS)].reset_index(drop=True)


def only_winners(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """The measurements of each model's best trial in each group, under the model's own name; a
    model of which the best is infinite is left out."""
    keys = ["stack", "group", "model", "frozen"]
    trials = _losses(runs, measurements, [*keys, "label", "learning_rate"])
    ended = trials[trials["validation_loss"] < math.inf]
    best = ended.drop_duplicates(keys)[[*keys, "label"]]
    kept = measurements.merge(best, on=["stack", "group", "label"])
    return kept.assign(label=names(kept))[measurements.columns]


def _losses(runs: pd.DataFrame, measurements: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """A row a trial, which are runs alike in `keys`, with its `validation_loss`; lowest first."""
    tried = runs[runs["status"] != Status.unsupported]
    last = last_values(measurements, "validation_loss")
    ends = [last.get(key, math.nan) for key in zip(tried["stack"], tried["run_id"], strict=True)]
    known = pd.Series(ends, index=tried.index, dtype=float).where(tried["status"].isin(OK))
    losses = tried.assign(validation_loss=known.fillna(math.inf))
    trials = losses.groupby(list(keys), dropna=False)["validation_loss"].mean().reset_index()
    return trials.sort_values(by=["validation_loss", "learning_rate"], kind="stable")


def _whole(depths: pd.Series) -> pd.Series:
    """Depths as text, empty where there is none."""
    return depths.map(lambda depth: "" if pd.isna(depth) else str(int(depth)))
