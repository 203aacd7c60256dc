"""What the runs were made with: versions and machine, by stack."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.records import RunRecord, canonical_json
from bench.report.formats import listed

MOST_VALUES = 4


def environment_table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a stack and entry; where runs differ, their values one after the other."""
    found: dict[tuple[str, str], set[str]] = {}
    for record in records:
        for name, value in _entries({**record.versions, **record.environment}):
            found.setdefault((record.stack, name), set()).add(value)
    rows = [
        (stack, name, listed(sorted(found[stack, name]), MOST_VALUES, "; "))
        for stack, name in sorted(found)
    ]
    return pd.DataFrame(rows, columns=["stack", "entry", "value"], dtype=object)


def _entries(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if name != "stack" and value is not None:
            yield name, value if isinstance(value, str) else canonical_json(value)
