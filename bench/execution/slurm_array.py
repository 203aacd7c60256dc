"""Launches are sent to SLURM: short ones share a job, and the jobs are an array with a cap."""

import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr
from functools import partial
from io import StringIO
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.execution.job_file import write_launches
from bench.execution.order import Order
from bench.execution.slurm_job import carry_out
from bench.execution.slurm_queue import Unavailable, largest_array
from bench.execution.slurm_request import Request
from bench.records import RunSpec

if TYPE_CHECKING:
    from submitit import AutoExecutor

FOLDER = ".slurm"
SHORT_SECONDS = 120.0
BUNDLE_SECONDS = 1200.0
MARGIN_SECONDS = 600.0
"""For what a job does beside its runs: it starts Python, imports torch, waits for files."""
SIGNAL_SECONDS = 60
"""How long before its limit a job is told to keep what it has; SLURM may say so a minute sooner."""
SPARE_STARTS = 10
"""How often a job may start again beside the times that its runs' seconds need: preemption."""

Launch = Sequence[RunSpec]
Jobs = Sequence[Sequence[Launch]]


def bundles(launches: Iterable[Launch], seconds: Mapping[str, float]) -> list[list[Launch]]:
    """The launches by job. Those known to be short share one, up to some twenty minutes of work.

    `seconds` has what a run may take by run_id, where an earlier record tells.
    """
    jobs, short, filled = [], [], 0.0
    for launch in launches:
        cost = sum(seconds.get(spec.run_id, float("inf")) for spec in launch)
        if cost >= SHORT_SECONDS:
            jobs.append([launch])
            continue
        if not short or filled + cost > BUNDLE_SECONDS:
            jobs.append(short := [])
            filled = 0.0
        short.append(launch)
        filled += cost
    return jobs


def submit(jobs: Jobs, order: Order, cap: int, request: Request) -> list[Path]:
    """The folders of the arrays that were submitted, of which together some `cap` jobs run at once.

    An array is named as its folder, which holds a file of launches for each of its jobs. One that
    is refused raises Unavailable; those before it stay.
    """
    size = largest_array()
    arrays = [jobs[first : first + size] for first in range(0, len(jobs), size)]
    share = max(1, cap // max(1, len(arrays)))
    folders = []
    for array in arrays:
        try:
            folders.append(_submit_array(array, order, share, request))
        except Unavailable as problem:
            raise Unavailable(f"{_taken(len(folders), len(arrays))}: {problem}") from None
    return folders


def _taken(some: int, arrays: int) -> str:
    if not some:
        return "no jobs were taken"
    return f"{some} of {arrays} arrays of jobs were taken, and the same command goes on with them"


def _submit_array(jobs: Jobs, order: Order, cap: int, request: Request) -> Path:
    from submitit.core.utils import FailedJobError

    folder, files = write_jobs(jobs, order.results.resolve() / FOLDER)
    minutes = request.minutes or default_minutes(jobs, order.timeout)
    again = SPARE_STARTS + ceil(longest(jobs, order.timeout) / (60 * minutes))
    commands = [partial(carry_out, words(file, order), again) for file in files]
    try:
        with redirect_stderr(StringIO()):  # what sbatch says is in the exception, too
            _executor(folder, cap, minutes, order, options(jobs, request)).submit_array(commands)
    except FailedJobError as error:
        shutil.rmtree(folder)
        said = str(error).strip().splitlines() or ["no reason given"]
        raise Unavailable(said[-1]) from None
    return folder


def write_jobs(jobs: Jobs, where: Path) -> tuple[Path, list[Path]]:
    """(the array's folder, its files of launches), under a name that no other array has."""
    folder = where / f"bench-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    files = [folder / f"{place}.json" for place in range(len(jobs))]
    for file, job in zip(files, jobs, strict=True):
        write_launches(job, file)
    return folder, files


def _executor(
    folder: Path, cap: int, minutes: int, order: Order, further: Mapping[str, Any]
) -> "AutoExecutor":
    from submitit import AutoExecutor

    executor = AutoExecutor(folder=folder, cluster="slurm")
    executor.update_parameters(
        name=folder.name,
        timeout_min=minutes,
        slurm_array_parallelism=cap,
        slurm_signal_delay_s=SIGNAL_SECONDS,
        slurm_stderr_to_stdout=True,
        slurm_setup=setup(order),
        slurm_additional_parameters=dict(further),
    )
    return executor


def default_minutes(jobs: Jobs, timeout: float) -> int:
    """The time limit of a job: one run may use up all of its own, and beside it a bundle's work."""
    together = max(len(launch) for job in jobs for launch in job)
    bundled = BUNDLE_SECONDS if max(map(len, jobs)) > 1 else 0.0
    return ceil((timeout * together + bundled + MARGIN_SECONDS) / 60)


def longest(jobs: Jobs, timeout: float) -> float:
    """The seconds of the job whose runs all use up their time."""
    return timeout * max(sum(map(len, job)) for job in jobs)


def options(jobs: Jobs, request: Request) -> dict[str, Any]:
    """sbatch's options beside those that submitit has names for."""
    threads = max(spec.threads for job in jobs for launch in job for spec in launch)
    return {"cpus-per-task": threads, "requeue": True, **request.options}


def setup(order: Order) -> list[str]:
    """The lines of the job's script before its command.

    Compilers keep their caches on the node: a shared file system is slow at it and has no locks.
    """
    return [
        f"export BENCH_DATA={shlex.quote(str(order.data.resolve()))}",
        "export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK",  # srun does not take it from sbatch
        "export BENCH_CACHES=$(mktemp -d)",
        """trap 'rm -rf "$BENCH_CACHES"' EXIT""",
        "export TRITON_CACHE_DIR=$BENCH_CACHES/triton CUDA_CACHE_PATH=$BENCH_CACHES/cuda",
    ]


def words(file: Path, order: Order) -> list[str]:
    """The command that does the launches in the file."""
    command = [sys.executable, "-m", "bench", "exec-run", str(file)]
    command += ["--results", str(order.results.resolve()), "--device", order.device]
    command += ["--timeout", f"{order.timeout:f}"]
    return command + [word for path in order.plugins for word in ("--plugin", str(path))]
