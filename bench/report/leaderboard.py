"""The leaderboard: one row for each configuration of a model in a group, the best first."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.records import Status
from bench.report import statistics
from bench.report.leaderboard_columns import ABSENT, COUNTED, standings
from bench.report.processors import processors
from bench.report.statistics import (
    OK,
    failures,
    is_solved,
    known,
    known_number,
    mean,
    middle,
    summarise,
    wilson_interval,
)

Measured = Mapping[str, Mapping[tuple[str, str], float]]

TASK = ("stack", "group", "task", "task_version", "task_args")
MODEL = ("model", "model_version", "model_args", "width", "learning_rate", "updates")
COSTS = ("parameters", "state_size", "flops_per_step")


def leaderboard(runs: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """All groups of all stacks, full precision; None where nothing is known, NaN where measured.

    `score_*` is over the runs that ended well; `counted_*`, and the order, has a failed run as the
    worst. The rest is what `standings` says.
    """
    measured = {
        "score": statistics.last_values(measurements, "test_score"),
        "loss": statistics.last_values(measurements, "test_loss"),
        "validation_score": statistics.last_values(measurements, "validation_score"),
        "validation_loss": statistics.last_values(measurements, "validation_loss"),
        "seconds": statistics.seconds_per_update(measurements),
        "bytes": statistics.peak_bytes(measurements),
    }
    standing = standings(runs, measurements)
    rows: list[dict] = []
    for (stack, group), same in runs.groupby(["stack", "group"], sort=False):
        facts = task_facts(same)
        board = [
            _row(own, facts, measured) | ABSENT | standing.get((stack, group, label), {})
            for label, own in same.groupby("label", sort=False)
        ]
        rows += sorted(board, key=lambda row: _rank(row, facts["direction"]))
    return pd.DataFrame(rows, dtype=object)


def task_facts(runs: pd.DataFrame) -> dict[str, Any]:
    """What the group's records say of their task; a run that failed early may say nothing."""
    facts = {name: known(runs, name) or "" for name in ("question", "metric", "permutation")}
    numbers = ("chance", "chance_loss", "solved", "depth_needed")
    facts |= {name: known_number(runs, name) for name in numbers}
    return facts | {"direction": known(runs, "direction") or "max"}


def central(row: Mapping[str, Any], name: str, side: str = COUNTED) -> float | None:
    """What is shown of a row's scores: with failed runs counted, or left out; those of all runs
    that ended well where each failed."""
    return row[f"score_{name}"] if row[f"{side}n"] is None else row[f"{side}{name}"]


def first_line(error: Any) -> str:
    """The first line of the text; nothing for a run without an error."""
    return next(iter(error.strip().splitlines()), "") if isinstance(error, str) else ""


def _row(runs: pd.DataFrame, facts: dict, measured: Measured) -> dict[str, Any]:
    """One configuration: unsupported runs are no runs, all others that are not ok have failed."""
    ok = _keys(runs[runs["status"].isin(OK)])
    score = summarise(_values(measured["score"], ok))
    loss = mean(_values(measured["loss"], ok))
    tried = runs[runs["status"] != Status.unsupported]
    return {
        **{name: known(runs, name) for name in (*TASK, "label", *MODEL)},
        "depth": _whole(known_number(runs, "depth")),
        **{f"score_{name}": value for name, value in score._asdict().items()},
        "ok": len(ok),
        "runs": len(tried),
        "seeds": runs["seed"].nunique(),
        "failures": _failure_text(runs),
        **_solved(_values(measured["score"], ok), len(tried), facts),
        "validation_score": mean(_values(measured["validation_score"], ok)),
        "validation_loss": mean(_values(measured["validation_loss"], ok)),
        "test_loss": loss,
        "test_loss_over_chance": loss / facts["chance_loss"]
        if loss is not None and facts["chance_loss"]
        else None,
        **{name: _whole(known_number(runs, name)) for name in COSTS},
        "seconds_per_update": middle(_values(measured["seconds"], _keys(runs))),
        "peak_megabytes": middle([x / 1e6 for x in _values(measured["bytes"], _keys(runs))]),
        "processor": processors(tried),
    }


def _rank(row: dict, direction: str) -> tuple[bool, bool, float]:
    """Best first, by the validation loss where nothing was tested; then NaN, then nothing."""
    own, sign = central(row, "mean"), 1.0 if direction == "min" else -1.0
    if own is None:
        own, sign = row["validation_loss"], 1.0
    if own is None or math.isnan(own):
        return own is None, True, 0.0
    return row["score_mean"] is None, False, sign * own


def _failure_text(runs: pd.DataFrame) -> str:
    """The kinds and their counts; what is not supported also says why."""
    reasons = runs.loc[runs["status"] == Status.unsupported, "error"].map(first_line)
    return ": ".join(part for part in (failures(runs["status"]), *reasons.unique()[:1]) if part)


def _solved(scores: list[float], runs: int, facts: dict) -> dict[str, Any]:
    """How many of the runs reached the threshold, which a failed run did not, and the interval of
    the rate."""
    if facts["solved"] is None or runs == 0:
        return {"solved": "", "solve_rate_low": None, "solve_rate_high": None}
    count = sum(is_solved(x, facts["solved"], facts["direction"]) for x in scores)
    low, high = wilson_interval(count, runs)
    return {"solved": f"{count}/{runs}", "solve_rate_low": low, "solve_rate_high": high}


def _keys(runs: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(runs["stack"], runs["run_id"], strict=True))


def _values(measured: Mapping[tuple[str, str], float], keys: list[tuple[str, str]]) -> list[float]:
    return [measured[key] for key in keys if key in measured]


def _whole(value: float | None) -> float | int | None:
    """A count that pandas made a float is a count again."""
    return int(value) if value is not None and value.is_integer() else value
