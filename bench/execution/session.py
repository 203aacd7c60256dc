"""What a command does, from names to an exit code: 0 all well, 2 some runs failed."""

import os
import shlex
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import torch
from joblib import cpu_count
from tqdm import tqdm

from bench.datasets import DataMissing
from bench.environment import environment, versions
from bench.execution import slurm as cluster
from bench.execution.local import Suspended, fingerprints, run_launches
from bench.execution.order import Order
from bench.execution.plan import (
    Code,
    Plan,
    UnknownName,
    launches,
    make_plan,
    parse_duration,
    parse_statuses,
    seconds_known,
)
from bench.execution.say import say
from bench.execution.slurm_job import UNFINISHED
from bench.execution.slurm_queue import Unavailable, check_available
from bench.execution.slurm_request import JOBS_AT_ONCE, Request, read_request
from bench.execution.wanted import Unusable, find_suite, suite_specs
from bench.plugins import PluginError
from bench.records import FAILED, RunRecord, Status
from bench.runner import Registry
from bench.store import BadRecord, record_path
from bench.suites import Suite

MISTAKES = (UnknownName, PluginError, Unusable, Unavailable, DataMissing, BadRecord, OSError)


def run_suite(
    suite: str,
    models: str | None,
    tasks: str | None,
    seeds: str | None,
    *,
    device: str,
    jobs: int | None,
    engine: str,
    slurm: str | None,
    timeout: str,
    dry_run: bool,
    retry: str,
    force: bool,
    rerun_stale: bool,
    results: Path,
    plugins: Sequence[Path],
) -> int:
    """Runs what is not recorded and prints how it went; the exit code."""
    request = cluster_request(engine, slurm)
    order = make_order(results, device, timeout, plugins, request)
    registry = Registry(plugins)
    chosen = find_suite(suite, plugins)
    specs, at_once = suite_specs(suite, chosen, registry, models, tasks, seeds)
    threads = max(spec.threads for spec in specs)
    usual = JOBS_AT_ONCE if request else default_jobs(order, threads)
    jobs = jobs_at_once(suite, chosen, jobs, usual)
    seen = fingerprints(specs, order)
    code = Code.of(versions(), order.environment) if rerun_stale else None
    plan = make_plan(specs, results, order.told["stack"], parse_statuses(retry), force, code)
    for problem in plan.problems:
        say(f"unreadable, so its run is not taken as done: {problem}")
    say(f"{suite}: {len(plan.todo)} runs to do, {len(plan.recorded)} recorded in {results}")
    if dry_run:
        return print_plan(plan, results, order.told["stack"])
    check_writable(results)
    todo = launches(plan.todo, at_once)
    if request is None:
        runs = run_launches(todo, order, jobs, seen)
    else:
        runs = cluster.run_launches(todo, order, jobs, request, seen)
    return carry_out(progress(runs, len(plan.todo)), plan.recorded, order)


def prepare_suite(suite: str, plugins: Sequence[Path] = ()) -> None:
    """Downloads what the tasks of the suite need."""
    registry = Registry(plugins)
    for setting in find_suite(suite, plugins).settings:
        registry.tasks.entries[setting.task](**setting.task_args).prepare()
    say(f"{suite}: all its data is there")


def make_order(
    results: Path,
    device: str,
    timeout: str,
    plugins: Sequence[Path],
    request: Request | None = None,
) -> Order:
    """Where and how the runs are done, here or, with a request, on a cluster."""
    if request is not None:
        return cluster.for_nodes(make_order(results, "cpu", timeout, plugins), device, request)
    return Order(
        results=results,
        device=device_name(device),
        plugins=tuple(path.resolve() for path in plugins),
        timeout=parse_duration(timeout),
        environment=environment(device_name(device)),
        gpus=visible_gpus() if device_name(device) == "cuda" else (),
    )


def cluster_request(engine: str, text: str | None) -> Request | None:
    """What is asked of SLURM, if that is the engine."""
    if engine == "slurm":
        check_available()
        return read_request(text or "")
    if text is not None:
        raise Unusable(f"--slurm {text} is for --engine slurm; allowed with another: nothing")
    return None


def device_name(wanted: str) -> str:
    """ "cpu" or "cuda": what was asked for, if it is there."""
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise Unusable("--device cuda: torch sees no CUDA device here; use cpu or auto")
    return "cuda" if available and wanted != "cpu" else "cpu"


def visible_gpus() -> tuple[str, ...]:
    """The GPUs there are, as CUDA_VISIBLE_DEVICES names them."""
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(named.split(",") if named else map(str, range(count)))[:count]


def jobs_at_once(name: str, suite: Suite, wanted: int | None, usual: int) -> int:
    """How many runs go side by side; more than one of a suite that is timed raises Unusable."""
    if suite.timed and (wanted or 1) > 1:
        raise Unusable(f"--jobs {wanted}: the runs of suite {name!r} are timed; allowed: 1")
    return 1 if suite.timed else wanted or usual


def default_jobs(order: Order, threads: int) -> int:
    """As many runs of so many threads as there are cores for, or one on each GPU."""
    return len(order.gpus) or max(1, cpu_count() // threads)


def carry_out(
    runs: Iterable[RunRecord],
    recorded: Sequence[RunRecord],
    order: Order,
    suspending: Collection[int] = (signal.SIGUSR2,),
) -> int:
    """Does the runs and prints how they and the recorded ones went; the exit code."""
    heed_signals(suspending)
    try:
        done = list(runs)
    except Suspended:
        say("suspended; the same command goes on where this one stopped")
        return UNFINISHED
    return summary([*recorded, *done], len(recorded), order)


def heed_signals(suspending: Collection[int]) -> None:
    """From now on these signals suspend the runs; SIGTERM, if not among them, ends them as Ctrl-C
    does."""

    def suspend(number: int, frame: object) -> None:
        raise Suspended

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for number in suspending:
        signal.signal(number, suspend)


def check_writable(results: Path) -> None:
    """Raises Unusable where no record could be written, before anything is run."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=results).close()
    except OSError as error:
        raise Unusable(f"--results {results} cannot be written: {error.strerror}") from None


def progress(runs: Iterable[RunRecord], total: int) -> Iterable[RunRecord]:
    """The records as they come, shown by a bar, or by lines where no person watches."""
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


def print_plan(plan: Plan, results: Path, stack: str) -> int:
    """Prints the runs to do, how long they may take, and returns 0."""
    for spec in plan.todo:
        say(f"{spec.run_id} {spec.task} {spec.model} seed {spec.seed} rate {spec.learning_rate:g}")
    known = seconds_known(plan.todo, results, stack)
    hours, unknown = sum(known.values()) / 3600, len(plan.todo) - len(known)
    say(f"about {hours:.2f} hours of one core, and {unknown} runs never timed before")
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
        path = record_path(record, order.results)
        if not path.exists():
            say("  again: the same command, once there is room")
            continue
        say(f"  again: python -m bench {shlex.join(map(str, ['exec-run', path, *options]))}")
    counts = Counter(str(record.status) for record in records)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    say(f"{told or 'nothing'}; {skipped} of them recorded earlier")
    return 2 if failed else 0


def first_line(record: RunRecord) -> str:
    """The sentence of a record's error."""
    return (record.error or "").partition("\n")[0]
