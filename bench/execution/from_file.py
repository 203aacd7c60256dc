"""What engines call, and how a run is done again by hand: `exec-run` of a file."""

import signal
from collections.abc import Sequence
from pathlib import Path

from bench.execution.job_file import to_do
from bench.execution.local import run_launches
from bench.execution.plan import check_known
from bench.execution.session import carry_out, check_writable, make_order
from bench.execution.wanted import Unusable, make_task
from bench.records import RunSpec
from bench.runner import Registry, resolve
from bench.store import read_record, shown

SUSPENDING = (signal.SIGUSR2, signal.SIGTERM)
"""A cluster takes a job's place by SIGTERM and starts the job again later."""


def run_file(file: Path, device: str, timeout: str, results: Path, plugins: Sequence[Path]) -> int:
    """Runs the spec in a JSON file or a record, or what is left of a job's; the exit code."""
    order, registry = make_order(results, device, timeout, plugins), Registry(plugins)
    launches = read_file(file, results)
    todo = [tuple(resolve_again(spec, registry) for spec in launch) for launch in launches]
    check_writable(results)
    return carry_out(run_launches(todo, order, jobs=1), (), order, SUSPENDING)


def read_file(file: Path, results: Path) -> list[tuple[RunSpec, ...]]:
    """The launches in the file."""
    if file.suffix == ".jsonl":
        return [(read_record(file).spec,)]
    try:
        return to_do(file, results)
    except (OSError, ValueError) as error:
        raise Unusable(f"{shown(file)} holds no spec: {error}") from None


def resolve_again(spec: RunSpec, registry: Registry) -> RunSpec:
    """The spec, if this code still runs what it names."""
    check_known("model", spec.model, registry.models.entries)
    check_known("task", spec.task, registry.tasks.entries)
    make_task(spec.task, spec.task_args, registry)
    now = resolve(spec, registry)
    if now != spec and (spec.model_version or spec.task_version):
        raise Unusable(
            f"run {spec.run_id} is of {spec.model} version {spec.model_version} and {spec.task} "
            f"version {spec.task_version}; this code has {now.model_version} and "
            f"{now.task_version}, or another plug-in"
        )
    return now
