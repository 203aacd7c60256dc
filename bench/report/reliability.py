"""What the selftest planted and what came of it, in a table of one line."""

import json
from collections import Counter
from pathlib import Path

import pandas as pd

from bench.report.formats import number_text


def planted(path: Path) -> pd.DataFrame | None:
    """How often something was planted, in how many runs, and the sum of each number that must be
    0; None where the file is not there."""
    if not path.exists():
        return None
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    found = sum((Counter(row["found"]) for row in rows), Counter())
    names = sorted({name for row in rows for name in row["found"]})
    counts = {"times": sum(row["times"] for row in rows), "runs": sum(row["runs"] for row in rows)}
    counts |= {name: found[name] for name in names}
    return pd.DataFrame([{name: number_text(count) for name, count in counts.items()}])
