"""Records of many models on many tasks, drawn from formulas: what a large study leaves behind."""

import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.store import write_record
from bench.suites.names import ALL_TIME

UPDATES = 1000
DISTANCES = (0, 1, 2, 4, 8, 16, 32, 64)
FACTS = {
    "question": "Is a symbol recalled after a gap?",
    "metric": "accuracy",
    "chance": 0.1,
    "chance_loss": 2.3,
    "solved": 0.9,
    "direction": "max",
    "readout": "last",
    "execution": "torch loop",
}


def write_crowd(results: Path, models: int, tasks: int, seeds: int) -> int:
    """How many records were written: a run of each model on each task with each seed."""
    records = list(crowd(models, tasks, seeds))
    for record in records:
        write_record(record, results)
    return len(records)


def crowd(models: int, tasks: int, seeds: int) -> Iterator[RunRecord]:
    """The records; about one in fifty failed."""
    for model, task, seed in product(range(models), range(tasks), range(seeds)):
        yield _record(model, task, seed, random.Random(f"{model} {task} {seed}"))


def _record(model: int, task: int, seed: int, draw: random.Random) -> RunRecord:
    failed = draw.random() < 0.02
    spec = RunSpec(
        suite="crowd",
        task=f"recall-{task}",
        task_args={"length": 100 * (task + 1)},
        task_version=1,
        model=ALL_TIME[model],
        model_version=1,
        seed=seed,
        width=128,
        learning_rate=0.001,
        batch_size=32,
        updates=UPDATES,
        output_scale=1.0,
        validate_at=(250, 500, 750, 1000),
        test_at=(UPDATES,),
        gradients_at=(0, 500, 999),
    )
    sizes = {"parameters": 16000 + 37 * model, "state_size": 128 + model, "flops_per_step": 64000}
    return RunRecord(
        spec=spec,
        status=Status.timeout if failed else Status.ok,
        error="stopped after its 7200 seconds were up" if failed else None,
        versions={"torch": "2.13.0", "python": "3.11.2"},
        environment={"stack": "cpu-torch2.13", "processor": "a processor", "cores": 2},
        facts=FACTS | sizes | {"length": 100 * (task + 1), "year": 1990 + model},
        measurements=tuple(sorted(_measurements(model, task, draw))[: 20 if failed else None]),
    )


def _measurements(model: int, task: int, draw: random.Random) -> Iterator[Measurement]:
    """Some sixty rows."""
    skill = (model + 1) / 40 + 0.2 * draw.random()
    for step in range(0, UPDATES + 1, 100):
        yield Measurement(step, "train_loss", "all", 2.3 * (1 - skill * step / UPDATES))
        yield Measurement(step, "step_seconds", "window", 0.001 * (model + 1) * draw.uniform(1, 2))
    for step in (250, 500, 750, 1000):
        yield Measurement(step, "validation_score", "all", 0.1 + 0.9 * skill * step / UPDATES)
        yield Measurement(step, "validation_loss", "all", 2.3 * (1 - skill * step / UPDATES))
    yield Measurement(UPDATES, "test_score", "all", 0.1 + 0.9 * skill)
    yield Measurement(UPDATES, "test_loss", "all", 2.3 * (1 - skill))
    yield Measurement(UPDATES, "peak_bytes", "process", 1e7 * (1 + model + draw.random()))
    for step in (0, 500, 999):
        for distance in DISTANCES:
            norm = draw.uniform(0.5, 1) * (0.8 + 0.01 * model) ** distance
            yield Measurement(step, "gradient_by_distance", str(distance), norm)
        yield Measurement(step, "gradient_by_parameter", "readout.weight", draw.uniform(0.1, 1))
