"""One run, from its spec to its record. Read this first.

resolve(spec) -> spec with versions and defaults filled in
run(spec)     -> record, whatever happens: an exception is an outcome too

`run` goes by `follow`, which tells what happens while it does; `follow_together` does so of seeds
and rates of one model in one launch.
"""

import math
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.checkpoint import Progress, Saved
from bench.datasets import DataMissing
from bench.ensemble import train_together
from bench.environment import environment, versions
from bench.frame import Frame
from bench.models import MODELS, Entry, build_model, model_facts
from bench.plugins import Table, extended
from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.rehearsal import Apart, rehearse
from bench.streams import stream_seed
from bench.tasks import TASKS, Task
from bench.train import train


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
    found = Found(spec)
    for event in follow(found, registry or Registry(), device):
        if isinstance(event, End):
            return found.record(device, event)
    raise AssertionError("a run without an end")


class End(NamedTuple):
    """How a run ended, and in the first line why."""

    status: Status
    error: str | None


@dataclass(frozen=True)
class Found:
    """A run under way: its spec and what is known so far."""

    spec: RunSpec
    measurements: list[Measurement] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def record(self, device: str, end: End) -> RunRecord:
        """The record of the run, which ended so."""
        return RunRecord(
            spec=self.spec,
            status=end.status,
            error=end.error,
            versions=versions(),
            environment=environment(device),
            facts=self.facts,
            measurements=tuple(self.measurements),
        )


def follow(
    found: Found, registry: Registry, device: str, saved: Saved | None = None
) -> Iterator[Measurement | Progress | End]:
    """What happens in a run: each measurement, after each update how far it is, and last its end.

    Fills in what is found. From a checkpoint the run goes on where that was made, after telling of
    what was measured before. No exception but an interrupt leaves this generator.
    """
    try:
        model, task = build(found, registry, device)
        earlier = saved.measurements if saved else ()
        now = train(model, task, found.spec, torch.device(device), saved)
        for event in chain(earlier, now):
            if isinstance(event, Measurement):
                found.measurements.append(event)
            yield event
        end = outcome(found.measurements)
    except Exception as problem:
        end = failure(problem)
    yield end


def follow_together(
    founds: Sequence[Found], registry: Registry, device: str
) -> Iterator[tuple[int, Measurement | End]]:
    """The same of runs in one launch, each event with its run's number, filled in alike.

    The specs differ in seed and learning rate. What cannot be run so raises `Apart` before any
    event.
    """
    specs = [found.spec for found in founds]
    try:
        built = [build(found, registry, device) for found in founds]
        models, task = [model for model, _ in built], built[0][1]
        stack = rehearse(models, task, specs, torch.device(device))
    except Exception as problem:
        raise Apart(str(problem).partition("\n")[0]) from problem
    going = dict(enumerate(founds))
    for found in founds:
        found.facts.update(run_together=len(specs), together_by=stack.way)
    try:
        for k, event in train_together(stack, task, specs, torch.device(device)):
            if isinstance(event, Measurement):
                founds[k].measurements.append(event)
                yield k, event
            else:
                found = going.pop(k)
                yield k, outcome(found.measurements) if event is None else failure(event)
    except Exception as problem:
        yield from ((k, failure(problem)) for k in going)


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


def failure(problem: Exception) -> End:
    """How a run ended that an exception ended."""
    if isinstance(problem, DataMissing):
        return End(Status.unsupported, str(problem))
    said = str(problem)
    if isinstance(problem, torch.OutOfMemoryError) or any(words in said for words in GPU_IS_FULL):
        return End(Status.oom_gpu, said)
    out = isinstance(problem, MemoryError) or any(words in said for words in MEMORY_IS_FULL)
    return End(Status.oom_host if out else Status.error, describe(problem))


def outcome(measurements: Sequence[Measurement]) -> End:
    """How a run that came to its end ended: well, or with a loss that is not a number."""
    for m in measurements:
        if m.quantity == "train_loss" and (m.value is None or not math.isfinite(m.value)):
            return End(Status.diverged, f"the training loss was {m.value} by update {m.step}")
    return End(Status.ok, None)


GPU_IS_FULL = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
MEMORY_IS_FULL = ("can't allocate memory", "std::bad_alloc", "Cannot allocate memory")
"""What torch and what it calls say where they raise no exception of their own."""


def describe(problem: BaseException) -> str:
    """What happened in a sentence, then the last lines of where."""
    tail = traceback.format_tb(problem.__traceback__)[-3:]
    return f"{type(problem).__name__}: {problem}\n" + "".join(tail).rstrip()
