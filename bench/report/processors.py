"""Seconds of unlike processors do not compare: which runs of a table were made on the usual one."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

COLUMN, BETWEEN = "processor", "; "
CAUTION = "Seconds of unlike processors do not compare."
LEFT_OUT = " Seconds: only of runs on the processor that most runs of the task were made on."


def processors(runs: pd.DataFrame) -> str:
    """The processors the runs were made on, by name; nothing where no record says."""
    return BETWEEN.join(sorted({str(name) for name in runs[COLUMN].dropna()}))


def are_unlike(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the rows of a leaderboard name more than one processor."""
    return len({name for row in rows for name in row[COLUMN].split(BETWEEN) if name}) > 1


def on_the_usual_one(rows: pd.DataFrame, by: str) -> pd.Series:
    """Whether a row is of the processor that most rows with its value of `by` are of, or of one
    that no record names; of two as frequent the first by name."""
    kinds = rows[COLUMN].fillna("")
    usual = kinds.groupby(rows[by]).transform(_most_frequent)
    return kinds.eq(usual)


def _most_frequent(names: pd.Series) -> Any:
    return names.mode().iloc[0]
