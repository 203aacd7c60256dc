"""Records as tables: a row a measurement, or a row a run."""

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from bench.records import Measurement, RunRecord, RunSpec, encode

LEADING = ["suite", "stack", "run_id", "model", "task", "axis", "seed", "status"]
SPEC_COLUMNS = [entry.name for entry in fields(RunSpec) if entry.name not in LEADING]


def measurement_rows(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a measurement, and for every record one row `status` whose value is null.

    Columns: suite, stack, run_id, model, task, axis, seed, status, step, quantity, where, value,
    then the other fields of the spec.
    """
    records = list(records)
    counts = np.array([len(record.measurements) + 1 for record in records], dtype=int)
    keys = pd.DataFrame([_keys(r) for r in records], columns=[*LEADING, *SPEC_COLUMNS])
    rows = chain.from_iterable((*r.measurements, _status(r)) for r in records)
    measured = pd.DataFrame(list(rows), columns=list(Measurement._fields))
    repeated = keys.loc[keys.index.repeat(counts)].reset_index(drop=True)
    table = pd.concat([repeated, measured], axis="columns")
    return table[[*LEADING, *Measurement._fields, *SPEC_COLUMNS]]


def run_rows(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a record: its keys, the error, and every fact as a column of its own."""
    rows = []
    for record in records:
        keys = {**_keys(record), "error": record.error}
        facts = {name: plain(value) for name, value in record.facts.items()}
        rows.append(keys | facts | keys)  # no fact takes the place of a key
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*LEADING, *SPEC_COLUMNS, "error"])


def _keys(record: RunRecord) -> dict[str, Any]:
    """The columns that all rows of a record share."""
    spec = {name: plain(value) for name, value in asdict(record.spec).items()}
    return {
        **spec,
        "stack": record.stack,
        "run_id": record.spec.run_id,
        "status": str(record.status),
    }


def plain(value: Any) -> Any:
    """The value as a table holds it: mappings and lists as JSON text."""
    if isinstance(value, str | int | float | None):
        return value
    return json.dumps(encode(value), sort_keys=True)


def _status(record: RunRecord) -> Measurement:
    last = max((row.step for row in record.measurements), default=0)
    return Measurement(last, "status", str(record.status), None)
