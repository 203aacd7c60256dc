"""What the literature reports: numbers read in a named source, and no others.

`published/results.csv` has a row a number, `published/sources.csv` a row a source. A row with a
commit was read there, in the source's repository; a blank is what the source does not say.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "published"
PROVENANCES = {
    "log": "printed by the run itself and committed by its authors",
    "readme": "stated in the README of the repository",
    "figure": "read off a committed figure, to half a point",
    "paper": "read in the paper or its abstract",
    "secondary": "quoted by another work or page, which was read instead",
}
COUNTS = ("seeds", "hidden", "layers", "parameters", "epochs", "updates")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A number and what is known of the runs behind it; what is not is "" or None.

    `model` and `task` are keys of the suite where it has them; a permuted task whose permutation is
    unknown is the name before the dash. `quantity` is that of a record, an accuracy a fraction;
    `number` keeps the digits of the source, `deviation` is over `seeds`. `selection` says on what
    the reported epoch was chosen: "validation", "test", or the "last" was taken.
    """

    model: str
    task: str
    task_args: Mapping[str, Any]
    quantity: str
    relation: str
    number: Decimal
    deviation: Decimal | None
    seeds: int | None
    hidden: int | None
    layers: int | None
    parameters: int | None
    epochs: int | None
    updates: int | None
    permutation: str
    selection: str
    source: str
    place: str
    commit: str
    provenance: str
    note: str


@cache
def published() -> tuple[Published, ...]:
    """Every number, in the order of the file."""
    return tuple(_published(row) for row in _rows("results"))


@cache
def sources() -> dict[str, dict[str, str]]:
    """Of each source its `work` and where its `code` is, by the key that the numbers name."""
    return {row["source"]: row for row in _rows("sources")}


def concerning(task: str, task_args: Mapping[str, Any], permutation: str) -> list[Published]:
    """The numbers on the task with the same arguments, under whatever permutation."""
    problem = _problem(task, permutation)
    return [
        result
        for result in published()
        if _problem(result.task, result.permutation) == problem and result.task_args == task_args
    ]


def _problem(task: str, permutation: str) -> str:
    """The task without its permutation, which is what follows the dash."""
    return task.partition("-")[0] if permutation else task


def _published(row: dict[str, str]) -> Published:
    values: dict[str, Any] = dict(row)
    values |= {name: int(row[name]) if row[name] else None for name in COUNTS}
    values |= {
        "task_args": json.loads(row["task_args"]),
        "number": Decimal(row["number"]),
        "deviation": Decimal(row["deviation"]) if row["deviation"] else None,
    }
    return Published(**values)


def _rows(name: str) -> list[dict[str, str]]:
    text = (FOLDER / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
