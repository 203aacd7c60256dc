"""The committed tables of tuned settings: what a tuning suite found and a suite reads.

`python -m bench report --suite long-memory-tuning` renders the table from the records; a test
compares the committed one with it.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "winners"
COLUMNS = (
    "task",
    "task_args",
    "depth",
    "model",
    "frozen",
    "learning_rate",
    "model_args",
    "output_scale",
    "weight_decay",
    "gradient_clip",
    "validation_loss",
    "trials",
)


@dataclass(frozen=True)
class Trial:
    """One setting of a model: its learning rate, its own arguments, the scale of its output, and
    the decoupled weight decay (AdamW) and the largest norm of a gradient, if there are any."""

    learning_rate: float
    model_args: Mapping[str, Any] = field(default_factory=dict)
    output_scale: float | None = None
    weight_decay: float = 0.0
    gradient_clip: float | None = None


def winning_trials(
    table: str,
    task: str,
    task_args: Mapping[str, Any],
    depth: int | None,
    frozen: Sequence[str] = (),
) -> dict[str, tuple[Trial, ...]]:
    """The tuned trial of each model on a task; none of a table that is not there yet."""
    return {
        row["model"]: (_trial(row),)
        for row in _rows(table)
        if row["task"] == task
        and json.loads(row["task_args"]) == task_args
        and row["depth"] == ("" if depth is None else str(depth))
        and json.loads(row["frozen"]) == list(frozen)
    }


@cache
def _rows(table: str) -> list[dict[str, str]]:
    """The table, read once; no rows where it is not there yet."""
    path = FOLDER / f"{table}.csv"
    return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []


def _trial(row: Mapping[str, str]) -> Trial:
    return Trial(
        learning_rate=float(row["learning_rate"]),
        model_args=json.loads(row["model_args"]),
        output_scale=float(row["output_scale"]),
        weight_decay=float(row["weight_decay"]),
        gradient_clip=float(row["gradient_clip"]) if row["gradient_clip"] else None,
    )
