"""The leaderboard of one group as text: one table with failed runs counted, one without them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import interval_text, number_text, score_text, short_text, without_empty
from bench.report.gains import signed, signed_span
from bench.report.leaderboard import central
from bench.report.leaderboard_columns import EXCLUDED, rows_of
from bench.report.processors import are_unlike

PRINTED = (
    *("model", "validation loss", "95 % interval", "median", "ok", "failures", "solved", "Holm p"),
    *("published", "updates to target", "seconds to target", "parameters", "state"),
    *("matrix FLOPs a step", "seconds an update", "peak MB"),
)
"""Columns that are meant for paper, with those whose names depend on the group."""
SHOWN = ("mean", "low", "high", "median")

Row = Mapping[str, Any]


def displayed(board: pd.DataFrame, metric: str, published: Sequence[str]) -> pd.DataFrame:
    """The rows of one group as text, with what is published of each model, without the columns that
    would be empty throughout."""
    rows = rows_of(board)
    tested = any(row["score_mean"] is not None for row in rows)
    texts = [
        _result(row, metric, tested)
        | _compared(row, metric, reference(rows), "")
        | {"published": text}
        | _timed(row)
        | {gradient_column(rows): short_text(row["gradient_ratio"])}
        | _cost(row)
        | {"processor": row["processor"] if are_unlike(rows) else ""}
        for row, text in zip(rows, published, strict=True)
    ]
    return without_empty(pd.DataFrame(texts, dtype=object))


def displayed_without_failures(board: pd.DataFrame, metric: str) -> pd.DataFrame:
    """What of these rows depends on failed runs, with those left out."""
    rows = rows_of(board)
    texts = [
        {"model": row["label"]}
        | _score({name: central(row, name, EXCLUDED) for name in SHOWN}, metric)
        | {"ok": _ok(row), "failures": row["failures"]}
        | _compared(row, metric, reference(rows), EXCLUDED)
        for row in rows
    ]
    return without_empty(pd.DataFrame(texts, dtype=object))


def bold(board: pd.DataFrame, metric: str, prefix: str = "") -> frozenset[tuple[int, str]]:
    """The scores of the best model and of those that share its place."""
    places = enumerate(board[f"{prefix}best"])
    return frozenset((row, score_column(metric)) for row, best in places if best)


def printed(table: pd.DataFrame) -> tuple[str, ...]:
    """The columns of the table that are meant for paper."""
    named = ("test ", "difference to ", "gradient, ")
    return tuple(
        c for c in map(str, table) if c in PRINTED or (c.startswith(named) and c != "test loss")
    )


def score_column(metric: str) -> str:
    """The name of the column of scores."""
    return f"test {metric or 'score'}"


def gradient_column(rows: Sequence[Row]) -> str:
    """The name of the column of gradient ratios: it says how far from the loss it was read."""
    distances = {row["gradient_distance"] for row in rows} - {None}
    far = number_text(distances.pop()) if len(distances) == 1 else "largest"
    return f"gradient, distance {far} / 0"


def reference(rows: Sequence[Row]) -> str | None:
    """The label that the others are compared with; None without one."""
    return next((row["reference"] for row in rows if row["reference"] is not None), None)


def _result(row: Row, metric: str, tested: bool) -> dict[str, str]:
    """How well it did, and how its runs ended."""
    return {
        "model": row["label"],
        "validation loss": "" if tested else number_text(row["validation_loss"]),
        **_score({name: central(row, name) for name in SHOWN}, metric),
        "ok": _ok(row),
        "failures": row["failures"],
        "solved": _solved(row) if tested else "",
    }


def _score(values: Mapping[str, float | None], metric: str) -> dict[str, str]:
    return {
        score_column(metric): score_text(values["mean"], metric),
        "95 % interval": interval_text(values["low"], values["high"], metric),
        "median": score_text(values["median"], metric),
    }


def _compared(row: Row, metric: str, other: str | None, prefix: str) -> dict[str, str]:
    """How far it is from the reference, and whether that can be chance; nothing without one."""
    if other is None:
        return {}
    if row["label"] == other:
        return {f"difference to {other}": "reference", "Holm p": ""}
    value, low, high = (row[f"{prefix}difference{end}"] for end in ("", "_low", "_high"))
    span = signed_span(low, high, metric)
    return {
        f"difference to {other}": "" if value is None else f"{signed(value, metric)}{span}",
        "Holm p": short_text(row[f"{prefix}p_holm"]),
    }


def _timed(row: Row) -> dict[str, str]:
    """Updates and seconds to the target."""
    return {
        "updates to target": reached_text(row["updates_to_target"]),
        "seconds to target": reached_text(row["seconds_to_target"]),
    }


def reached_text(value: float | None) -> str:
    """The time, where half of the runs got there."""
    return "not reached" if value == float("inf") else number_text(value)


def _cost(row: Row) -> dict[str, str]:
    numbers = {
        "test loss": "test_loss",
        "loss / chance": "test_loss_over_chance",
        "parameters": "parameters",
        "width": "width",
        "state": "state_size",
        "matrix FLOPs a step": "flops_per_step",
        "learning rate": "learning_rate",
        "updates": "updates",
        "seconds an update": "seconds_per_update",
        "peak MB": "peak_megabytes",
    }
    return {column: number_text(row[name]) for column, name in numbers.items()}


def _ok(row: Row) -> str:
    return f"{row['ok']}/{row['runs']}"


def _solved(row: Row) -> str:
    """How many runs, and Wilson's interval of the rate in percent."""
    if row["solve_rate_low"] is None:
        return row["solved"]
    low, high = (100 * row[f"solve_rate_{end}"] for end in ("low", "high"))
    return f"{row['solved']} ({low:.0f} to {high:.0f} %)"
