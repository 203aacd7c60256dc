"""Runs with the scores that a test wants of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.report.groups import labelled_measurements, labelled_runs

ACCURACY = {"chance": 0.125, "solved": 0.8, "direction": "max", "metric": "accuracy"}
ERROR = {"chance": 0.5, "solved": 0.1, "direction": "min", "metric": "mean squared error"}


def record(
    model: str,
    seed: int = 0,
    test: float | None = None,
    validation: Mapping[int, float] | float | None = None,
    status: Status = Status.ok,
    facts: Mapping[str, Any] = ACCURACY,
    seconds: Sequence[float] = (),
    **spec: Any,
) -> RunRecord:
    """A run of 30 updates with a test score at the end and validation scores by update."""
    validated = {30: validation} if isinstance(validation, float) else validation or {}
    rows = [Measurement(step, "validation_score", "all", s) for step, s in validated.items()]
    rows += [] if test is None else [Measurement(30, "test_score", "all", test)]
    rows += [Measurement(10 * n, "step_seconds", "window", s) for n, s in enumerate(seconds, 1)]
    fields = {"task": "copy/urnn", "width": 8, "learning_rate": 0.1, "batch_size": 4} | spec
    return RunRecord(
        spec=RunSpec(suite="small", model=model, seed=seed, updates=30, **fields),
        status=status,
        environment={"stack": "cpu"},
        facts=facts,
        measurements=tuple(rows),
    )


def several(model: str, scores: Sequence[float], **more: Any) -> list[RunRecord]:
    """A run a score, the seeds from 0 on."""
    return [record(model, seed, score, **more) for seed, score in enumerate(scores)]


def frames(*records: RunRecord) -> tuple[pd.DataFrame, pd.DataFrame]:
    runs = labelled_runs(records)
    return runs, labelled_measurements(records, runs)


def by_label(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["label"]: row for row in table.to_dict("records")}
