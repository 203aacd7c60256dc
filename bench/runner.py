"""One run, from its spec to its record. Read this first.

resolve(spec) -> spec with versions and defaults filled in
run(spec)     -> record, whatever happens: an exception is an outcome too
run_together(specs) -> records: seeds and rates of one model in one launch
"""

import math
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from bench.datasets import DataMissing
from bench.ensemble import train_together
from bench.environment import environment, versions
from bench.frame import Frame
from bench.models import MODELS, Entry, build_model, model_facts
from bench.plugins import Table, extended
from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.rehearsal import Apart, rehearse
from bench.tasks import TASKS, Task
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
    found, problem = Found(spec), None
    try:
        _run(found, registry or Registry(), device)
    except Exception as caught:
        problem = caught
    return found.record(device, problem)


def run_together(
    specs: Sequence[RunSpec], registry: Registry | None = None, device: str = "cpu"
) -> Iterator[RunRecord]:
    """The record of each resolved spec as its run ends, all in one launch.

    The specs differ in seed and learning rate. What cannot be run so raises `Apart` before any
    record.
    """
    founds = [Found(spec) for spec in specs]
    try:
        built = [build(found, registry or Registry(), device) for found in founds]
        models, task = [model for model, _ in built], built[0][1]
        stack = rehearse(models, task, specs, torch.device(device))
    except Exception as problem:
        raise Apart(str(problem).partition("\n")[0]) from problem
    waiting = dict(enumerate(founds))
    for found in founds:
        found.facts.update(run_together=len(specs), together_by=stack.way)
    try:
        for k, event in train_together(stack, task, specs, torch.device(device)):
            if isinstance(event, Measurement):
                founds[k].measurements.append(event)
            else:
                yield waiting.pop(k).record(device, event)
    except Exception as problem:
        yield from (found.record(device, problem) for found in waiting.values())


@dataclass(frozen=True)
class Found:
    """A run under way: its spec and what is known so far."""

    spec: RunSpec
    measurements: list[Measurement] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def record(self, device: str, problem: Exception | None) -> RunRecord:
        """The record of the run, which came to its end or met the problem."""
        status, error = outcome(self.measurements) if problem is None else failure(problem)
        return RunRecord(
            spec=self.spec,
            status=status,
            error=error,
            versions=versions(),
            environment=environment(device),
            facts=self.facts,
            measurements=tuple(self.measurements),
        )


def _run(found: Found, registry: Registry, device: str) -> None:
    """Trains the run's model, filling in what is found on the way."""
    model, task = build(found, registry, device)
    for measurement in train(model, task, found.spec, torch.device(device)):
        found.measurements.append(measurement)


def build(found: Found, registry: Registry, device: str) -> tuple[Frame, Task]:
    """The model of the run, its weights drawn, and the task; their facts are filled in."""
    spec = found.spec
    if spec.precision != "float32":
        raise ValueError(f"precision {spec.precision!r} is unknown; allowed: float32")
    torch.set_num_threads(spec.threads)
    # A vanishing gradient ends in denormal numbers, on which a CPU is some ten times slower; LSTM's
    # backward pass at T = 784 would measure that and nothing else.
    torch.set_flush_denormal(True)
    task = registry.tasks.entries[spec.task](**spec.task_args)
    found.facts.update(task.facts())
    torch.manual_seed(stream_seed(spec.seed, "weights"))
    entry = registry.models.entries[spec.model]
    model = build_model(entry, task, spec).to(device)
    found.facts.update(model_facts(entry, task, spec, model))
    return model, task


def failure(problem: Exception) -> tuple[Status, str]:
    """How a run ended that an exception ended."""
    if isinstance(problem, DataMissing):
        return Status.unsupported, str(problem)
    if isinstance(problem, torch.OutOfMemoryError):
        return Status.oom_gpu, str(problem)
    out = isinstance(problem, MemoryError) or "can't allocate memory" in str(problem)
    return Status.oom_host if out else Status.error, describe(problem)


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
