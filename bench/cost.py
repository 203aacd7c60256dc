"""What runs cost by the records of runs that cost the same: the seconds of an update."""

from collections.abc import Iterable, Mapping
from statistics import median

from bench.records import RunRecord, RunSpec, canonical_json

Cost = tuple[str, str, str, int, int | None, int]
"""What makes two runs cost the same: task, its arguments, model, width, depth, batch size."""


def same_cost(spec: RunSpec) -> Cost:
    """What the run's cost hangs on."""
    args = canonical_json(spec.task_args)
    return spec.task, args, spec.model, spec.width, spec.depth, spec.batch_size


def pace(record: RunRecord) -> float | None:
    """The median seconds of an update; None where none was timed."""
    values = [m.value for m in record.measurements if m.quantity == "step_seconds" and m.value]
    return median(values) if values else None


def paces(records: Iterable[RunRecord]) -> dict[Cost, float]:
    """The seconds of an update by what they hang on: the median over the records."""
    return medians((same_cost(record.spec), pace(record)) for record in records)


def medians(paced: Iterable[tuple[Cost, float | None]]) -> dict[Cost, float]:
    """The median pace of each cost, of those that are known."""
    found: dict[Cost, list[float]] = {}
    for cost, seconds in paced:
        if seconds:
            found.setdefault(cost, []).append(seconds)
    return {cost: median(several) for cost, several in found.items()}


def seconds_at(known: Mapping[Cost, float], specs: Iterable[RunSpec]) -> dict[str, float]:
    """What each run takes at these paces, by run_id, where they tell."""
    costs = [(spec, known.get(same_cost(spec))) for spec in specs]
    return {spec.run_id: cost * spec.updates for spec, cost in costs if cost is not None}
