"""What a command does, from names to an exit code: 0 all well, 2 some runs failed."""

import json
import shlex
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from joblib import cpu_count
from tqdm import tqdm

from bench.datasets import DataMissing
from bench.environment import environment, stack
from bench.execution.local import run_all, run_launches
from bench.execution.plan import (
    Plan,
    UnknownName,
    choose,
    estimate,
    launches,
    make_plan,
    parse_duration,
    parse_seeds,
    parse_statuses,
)
from bench.execution.supervisor import Order
from bench.plugins import PluginError
from bench.records import FAILED, RunRecord, RunSpec, Status, spec_from_json
from bench.runner import Registry, resolve
from bench.store import BadRecord, read_record, record_path
from bench.suites import Suite, all_suites
from bench.tasks import Task


class Unusable(Exception):
    """Something asked for that this machine or folder cannot give, in one sentence."""


MISTAKES = (UnknownName, PluginError, Unusable, DataMissing, BadRecord, OSError)


def run_suite(
    suite: str,
    models: str | None,
    tasks: str | None,
    seeds: str | None,
    *,
    device: str,
    jobs: int | None,
    timeout: str,
    dry_run: bool,
    retry: str,
    force: bool,
    results: Path,
    plugins: Sequence[Path],
) -> int:
    """Runs what is not recorded and prints how it went; the exit code."""
    order = make_order(results, device, timeout, plugins)
    registry = Registry(plugins)
    chosen = find_suite(suite, plugins)
    jobs = jobs_at_once(suite, chosen, jobs, order.device)
    specs, at_once = suite_specs(suite, chosen, registry, models, tasks, seeds)
    plan = make_plan(specs, results, stack(order.device), parse_statuses(retry), force)
    for problem in plan.problems:
        say(f"unreadable, so its run is not taken as done: {problem}")
    say(f"{suite}: {len(plan.todo)} runs to do, {len(plan.recorded)} recorded in {results}")
    if dry_run:
        return print_plan(plan, results)
    check_writable(results)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end the runs, too
    records = list(progress(launches(plan.todo, at_once), order, jobs))
    return summary([*plan.recorded, *records], len(plan.recorded), order)


def suite_specs(
    name: str,
    suite: Suite,
    registry: Registry,
    models: str | None,
    tasks: str | None,
    seeds: str | None,
) -> tuple[list[RunSpec], dict[str, int]]:
    """The resolved runs of a suite, narrowed to what the user named, and by run_id how many like it
    may share a launch."""
    known = list(dict.fromkeys(setting.task for setting in suite.settings))
    wanted = choose("task", tasks, known)
    named = None if models is None else choose("model", models, list(registry.models.entries))
    specs, at_once = [], {}
    for setting in suite.settings:
        if setting.task not in wanted:
            continue
        choose("task", setting.task, list(registry.tasks.entries))
        axis = make_task(setting.task, setting.task_args, registry).axis
        offered = setting.models if named is None else named
        for model in offered:
            choose("model", model, list(registry.models.entries))
        fitting = [model for model in offered if registry.models.entries[model].axis == axis]
        numbers = parse_seeds(seeds) if seeds else setting.seeds or suite.seeds
        found = [resolve(s, registry) for s in setting.specs(name, fitting, numbers)]
        specs += found
        at_once |= {s.run_id: 1 if suite.timed else setting.at_once(s.model) for s in found}
    if not specs:
        raise Unusable(f"nothing to run: no task of suite {name!r} takes these models")
    return specs, at_once


def make_task(name: str, task_args: Mapping[str, Any], registry: Registry) -> Task:
    """The task; arguments that it does not take raise Unusable."""
    try:
        return registry.tasks.entries[name](**task_args)
    except (TypeError, ValueError) as error:
        raise Unusable(f"task {name!r} cannot be made with {dict(task_args)}: {error}") from None


def run_file(file: Path, device: str, timeout: str, results: Path, plugins: Sequence[Path]) -> int:
    """Runs the spec in a JSON file or a record; the exit code."""
    order = make_order(results, device, timeout, plugins)
    spec = resolve_again(read_spec(file), Registry(plugins))
    check_writable(results)
    return summary(list(run_all([spec], order, jobs=1)), 0, order)


def read_spec(file: Path) -> RunSpec:
    """The spec in the file."""
    if file.suffix == ".jsonl":
        return read_record(file).spec
    try:
        return spec_from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Unusable(f"{file} holds no spec: {error}") from None


def resolve_again(spec: RunSpec, registry: Registry) -> RunSpec:
    """The spec, if this code still runs what it names."""
    choose("model", spec.model, list(registry.models.entries))
    choose("task", spec.task, list(registry.tasks.entries))
    make_task(spec.task, spec.task_args, registry)
    now = resolve(spec, registry)
    if now != spec and (spec.model_version or spec.task_version):
        raise Unusable(
            f"run {spec.run_id} is of {spec.model} version {spec.model_version} and {spec.task} "
            f"version {spec.task_version}; this code has {now.model_version} and "
            f"{now.task_version}, or another plug-in"
        )
    return now


def prepare_suite(suite: str) -> None:
    """Downloads what the tasks of the suite need."""
    registry = Registry()
    for setting in find_suite(suite, ()).settings:
        registry.tasks.entries[setting.task](**setting.task_args).prepare()
    say(f"{suite}: all its data is there")


def find_suite(name: str, plugins: Sequence[Path]) -> Suite:
    """The suite of that name."""
    known = all_suites(plugins).entries
    choose("suite", name, list(known))
    return known[name]


def make_order(results: Path, device: str, timeout: str, plugins: Sequence[Path]) -> Order:
    """Where and how the runs are done."""
    return Order(
        results=results,
        device=device_name(device),
        plugins=tuple(path.resolve() for path in plugins),
        timeout=parse_duration(timeout),
        environment=environment(device_name(device)),
    )


def device_name(wanted: str) -> str:
    """ "cpu" or "cuda": what was asked for, if it is there."""
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise Unusable("--device cuda: torch sees no CUDA device here; use cpu or auto")
    return "cuda" if available and wanted != "cpu" else "cpu"


def jobs_at_once(name: str, suite: Suite, wanted: int | None, device: str) -> int:
    """How many runs go side by side; more than one of a suite that is timed raises Unusable."""
    if suite.timed and (wanted or 1) > 1:
        raise Unusable(f"--jobs {wanted}: the runs of suite {name!r} are timed; allowed: 1")
    return 1 if suite.timed else wanted or default_jobs(device)


def default_jobs(device: str) -> int:
    """One run a core, or one on a GPU."""
    return 1 if device == "cuda" else cpu_count()


def check_writable(results: Path) -> None:
    """Raises Unusable where no record could be written, before anything is run."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=results).close()
    except OSError as error:
        raise Unusable(f"--results {results} cannot be written: {error.strerror}") from None


def progress(todo: Sequence[Sequence[RunSpec]], order: Order, jobs: int) -> Iterable[RunRecord]:
    """The records as they come, shown by a bar, or by lines where no person watches."""
    runs = run_launches(todo, order, jobs)
    total = sum(map(len, todo))
    if sys.stderr.isatty():
        bar = tqdm(runs, total=total, unit="run")
        for record in bar:
            bar.set_postfix_str(f"{record.spec.task} {record.spec.model} {record.status}")
            yield record
        return
    for number, record in enumerate(runs, start=1):
        spec = record.spec
        say(f"[{number}/{total}] {spec.task} {spec.model} seed {spec.seed}: {record.status}")
        yield record


def print_plan(plan: Plan, results: Path) -> int:
    """Prints the runs to do, how long they may take, and returns 0."""
    for spec in plan.todo:
        say(f"{spec.run_id} {spec.task} {spec.model} seed {spec.seed} rate {spec.learning_rate:g}")
    seconds, unknown = estimate(plan.todo, (results, Path("results/recorded")))
    say(f"about {seconds / 3600:.2f} hours of one core, and {unknown} runs never timed before")
    return 0


def summary(records: Sequence[RunRecord], skipped: int, order: Order) -> int:
    """Prints the outcomes and how to do each failed run again; the exit code."""
    failed = [record for record in records if record.status in FAILED]
    for record in records:
        if record.status is Status.unsupported:
            say(f"unsupported: {record.spec.task} {record.spec.model}: {first_line(record)}")
    options = ["--results", order.results, "--device", order.device]
    options += [word for path in order.plugins for word in ("--plugin", path)]
    for record in failed:
        spec = record.spec
        say(f"{record.status}: {spec.task} {spec.model} seed {spec.seed}: {first_line(record)}")
        words = ["exec-run", record_path(record, order.results), *options]
        say(f"  again: python -m bench {shlex.join(map(str, words))}")
    counts = Counter(str(record.status) for record in records)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    say(f"{told or 'nothing'}; {skipped} of them recorded earlier")
    return 2 if failed else 0


def first_line(record: RunRecord) -> str:
    """The sentence of a record's error."""
    return (record.error or "").partition("\n")[0]


def say(line: Any) -> None:
    """Prints a line where the bars are not."""
    tqdm.write(str(line), file=sys.stdout)
    sys.stdout.flush()
