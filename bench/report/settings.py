"""What every task was run with, and what every model is: the settings that a reader asks for before
believing a number."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import listed, number_text, without_empty
from bench.report.groups import arguments_text, natural

MOST_VALUES = 4
TASK = {
    "version": "task_version",
    "permutation": "permutation",
    "updates": "updates",
    "batch": "batch_size",
    "seeds": "seed",
    "optimiser": "optimiser",
    "schedule": "schedule",
    "gradient clip": "gradient_clip",
    "precision": "precision",
    "threads": "threads",
}
"""The columns of a task and the fields that they show."""
MODEL = {
    "version": "model_version",
    "arguments": "model_args",
    "paper": "paper",
    "year": "year",
    "computed by": "execution",
    "plug-in": "plugin",
}
TEXTS: Mapping[str, Callable[[Any], str]] = {
    "model_args": arguments_text,
    "year": lambda year: f"{year:.0f}" if isinstance(year, int | float) else str(year),
    "plugin": lambda digest: f"sha256 {digest[:12]}",
}
"""How a field is written that is not simply a number or words."""


def settings_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a stack and task with its budget, version and permutation."""
    groups = runs.groupby(["stack", "group"], sort=False)
    return _table(
        [
            {"stack": str(stack), "task": str(group), **_row(same, TASK)}
            for (stack, group), same in groups
        ]
    )


def models_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a model with its version, arguments and source."""
    models = sorted(runs.groupby("model", sort=False), key=lambda item: natural(str(item[0])))
    return _table([{"model": str(name), **_row(same, MODEL)} for name, same in models])


def _table(rows: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """The rows as text, without the columns that are empty throughout."""
    return without_empty(pd.DataFrame(rows, dtype=object))


def _row(runs: pd.DataFrame, columns: Mapping[str, str]) -> dict[str, str]:
    return {title: _values(runs, name) for title, name in columns.items()}


def _values(runs: pd.DataFrame, name: str) -> str:
    """The different values of the field, one after the other."""
    values = runs[name].dropna().unique() if name in runs else ()
    told = sorted({TEXTS.get(name, _text)(value) for value in values} - {""}, key=natural)
    return listed(told, MOST_VALUES, "; ")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else number_text(float(value))
