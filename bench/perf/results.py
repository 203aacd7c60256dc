"""asv's result files as values: what each point measured at a commit.

A point is a benchmark with its parameters, written as asv does: `passes.Batch.time_forward('cpu')`.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

Samples = tuple[float, ...]


@dataclass(frozen=True)
class Result:
    """One file: a commit, when it was made (milliseconds), and the samples of its points.

    A point without samples was n/a there, or failed.
    """

    commit: str
    date: int
    points: Mapping[str, Samples]
    versions: Mapping[str, str]


def read_result(file: Path) -> Result:
    """The values of one file."""
    content = json.loads(file.read_text())
    columns = content["result_columns"]
    points: dict[str, Samples] = {}
    versions = {}
    for name, cells in content["results"].items():
        row = dict(zip(columns, cells, strict=False))
        for point, samples in _points(name, row):
            points[point], versions[point] = samples, row.get("version", "")
    return Result(content["commit_hash"], content["date"], points, versions)


def read_results(folder: Path) -> list[Result]:
    """All results of a machine, the oldest commit first."""
    files = [file for file in folder.glob("*.json") if file.name != "machine.json"]
    return sorted(map(read_result, files), key=lambda result: (result.date, result.commit))


def fastest(result: Result) -> dict[str, float]:
    """The least sample of each point that has one: other programs can only add."""
    return {point: min(samples) for point, samples in result.points.items() if samples}


def benchmark_of(point: str) -> str:
    """The benchmark without the parameters."""
    return point.partition("(")[0]


def _points(name: str, row: Mapping[str, Any]) -> Iterator[tuple[str, Samples]]:
    """Every combination of parameters; asv writes null for a benchmark of which nothing worked."""
    combinations = list(product(*row["params"]))
    values = row["result"] or [None] * len(combinations)
    samples = row.get("samples") or [None] * len(combinations)
    for parameters, value, sample in zip(combinations, values, samples, strict=True):
        yield point_name(name, parameters), _samples(value, sample)


def point_name(benchmark: str, parameters: Sequence[str]) -> str:
    """As asv writes and selects it."""
    return f"{benchmark}({', '.join(parameters)})" if parameters else benchmark


def _samples(value: float | None, samples: Sequence[float] | None) -> Samples:
    """The samples, or the value alone where none are kept; none where there is no number."""
    if value is None or math.isnan(value):
        return ()
    return tuple(map(float, samples or (value,)))
