"""One run, from its spec to its record. Read this first.

resolve(spec) -> spec with versions and defaults filled in
run(spec)     -> record, whatever happens: an exception is an outcome too
"""

import math
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench.datasets import DataMissing
from bench.environment import environment, versions
from bench.models import MODELS, Entry, build_model, model_facts
from bench.plugins import Table, extended
from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.tasks import TASKS
from bench.train import stream_seed, train


class Registry:
    """The models and tasks there are, with the plug-ins' added."""

    def __init__(self, plugins: Sequence[Path] = ()) -> None:
        self.models: Table = extended("models", MODELS, plugins, _is_entry)
        self.tasks: Table = extended("tasks", TASKS, plugins)


def _is_entry(value: Any) -> bool:
    return isinstance(value, Entry)


def resolve(spec: RunSpec, registry: Registry) -> RunSpec:
    """The spec with everything that decides the numbers written out."""
    entry = registry.models.entries[spec.model]
    task = registry.tasks.entries[spec.task](**spec.task_args)
    return replace(
        spec,
        axis=task.axis,
        task_version=task.version,
        model_version=entry.version,
        model_args={**entry.defaults, **spec.model_args},
        output_scale=entry.output_scale if spec.output_scale is None else spec.output_scale,
        plugin=_digest(spec, registry),
    )


def _digest(spec: RunSpec, registry: Registry) -> str | None:
    """The sha256 of the plug-ins that the model and the task come from, None without any."""
    found = (registry.models.digests.get(spec.model), registry.tasks.digests.get(spec.task))
    return "+".join(filter(None, found)) or None


def run(spec: RunSpec, registry: Registry | None = None, device: str = "cpu") -> RunRecord:
    """The record of a resolved spec. No exception but an interrupt leaves this function."""
    measurements: list[Measurement] = []
    facts: dict[str, Any] = {}
    try:
        _run(spec, registry or Registry(), device, measurements, facts)
        status, error = outcome(measurements)
    except DataMissing as problem:
        status, error = Status.unsupported, str(problem)
    except torch.OutOfMemoryError as problem:
        status, error = Status.oom_gpu, str(problem)
    except Exception as problem:
        out = isinstance(problem, MemoryError) or "can't allocate memory" in str(problem)
        status, error = Status.oom_host if out else Status.error, describe(problem)
    return RunRecord(
        spec=spec,
        status=status,
        error=error,
        versions=versions(),
        environment=environment(device),
        facts=facts,
        measurements=tuple(measurements),
    )


def _run(
    spec: RunSpec, registry: Registry, device: str, measurements: list[Measurement], facts: dict
) -> None:
    """Trains the run's model, filling in what is found on the way."""
    if spec.precision != "float32":
        raise ValueError(f"precision {spec.precision!r} is unknown; allowed: float32")
    torch.set_num_threads(spec.threads)
    # A vanishing gradient ends in denormal numbers, on which a CPU is some ten times slower; LSTM's
    # backward pass at T = 784 would measure that and nothing else.
    torch.set_flush_denormal(True)
    task = registry.tasks.entries[spec.task](**spec.task_args)
    facts.update(task.facts())
    torch.manual_seed(stream_seed(spec.seed, "weights"))
    entry = registry.models.entries[spec.model]
    model = build_model(entry, task, spec).to(device)
    facts.update(model_facts(entry, task, spec, model))
    for measurement in train(model, task, spec, torch.device(device)):
        measurements.append(measurement)


def outcome(measurements: Sequence[Measurement]) -> tuple[Status, str | None]:
    """How a run that came to its end ended: well, or with a loss that is not a number."""
    for m in measurements:
        if m.quantity == "train_loss" and (m.value is None or not math.isfinite(m.value)):
            return Status.diverged, f"the training loss was {m.value} by update {m.step}"
    return Status.ok, None


def describe(problem: BaseException) -> str:
    """What happened in a sentence, then the last lines of where."""
    tail = traceback.format_tb(problem.__traceback__)[-3:]
    return f"{type(problem).__name__}: {problem}\n" + "".join(tail).rstrip()
