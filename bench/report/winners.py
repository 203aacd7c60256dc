"""Of several trials of a model on a task the one with the lowest validation loss at the end."""

import math

import pandas as pd

from bench.report.groups import names
from bench.winners import COLUMNS

SETTING = ["task", "task_args", "depth", "model", "frozen"]
TRIAL = ["learning_rate", "model_args", "output_scale"]


def winners(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """One row a task, depth and model; a trial that did not finish well counts as infinite."""
    losses = measurements[measurements["quantity"] == "validation_loss"].sort_values("step")
    last = losses.groupby("run_id")["value"].last()
    known = runs.assign(validation_loss=runs["run_id"].map(last), depth=_whole(runs["depth"]))
    known.loc[known["status"] != "ok", "validation_loss"] = math.inf
    known = known[known["status"] != "unsupported"]
    trials = known.groupby([*SETTING, *TRIAL], as_index=False)["validation_loss"].mean()
    counts = trials.groupby(SETTING)["validation_loss"].transform("size")
    best = trials.assign(trials=counts).sort_values(["validation_loss", "learning_rate"])
    chosen = best.drop_duplicates(SETTING).sort_values(SETTING)
    return chosen[list(COLUMNS)].reset_index(drop=True)


def only_winners(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """The measurements of each model's best trial in each group, under the model's own name.

    Best is the lowest validation loss at the end, as for `winners`; a model none of whose trials
    ended well is left out.
    """
    keys = ["stack", "group", "model", "frozen"]
    losses = measurements[measurements["quantity"] == "validation_loss"].sort_values("step")
    last = losses.groupby(["stack", "run_id"])["value"].last().rename("loss").reset_index()
    known = runs[runs["status"] == "ok"].merge(last, on=["stack", "run_id"])
    trials = known.groupby([*keys, "label"])["loss"].mean().reset_index()
    best = trials.sort_values(by="loss").drop_duplicates(keys)[[*keys, "label"]]
    kept = measurements.merge(best, on=["stack", "group", "label"])
    return kept.assign(label=names(kept))[measurements.columns]


def _whole(depths: pd.Series) -> pd.Series:
    """Depths as text, empty where there is none."""
    return depths.map(lambda depth: "" if pd.isna(depth) else str(int(depth)))
