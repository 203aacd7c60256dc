"""The local engine: as many supervised launches at once as it is told."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import wait

from tqdm import tqdm

from bench.execution.supervisor import Order, Running, finish, start, stop
from bench.records import RunRecord, RunSpec


def run_all(specs: Iterable[RunSpec], order: Order, jobs: int) -> Iterator[RunRecord]:
    """The records of runs in a process each, each as its run ends."""
    return run_launches([(spec,) for spec in specs], order, jobs)


def run_launches(
    launches: Iterable[Sequence[RunSpec]], order: Order, jobs: int
) -> Iterator[RunRecord]:
    """The records, each as its launch ends. Leaving the iteration stops what is still running.

    Runs that turn out not to go together are done apart, after a line that says why.
    """
    waiting, running = list(launches), dict[int, Running]()
    waiting.reverse()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                begun = start(waiting.pop(), order)
                running[begun.process.sentinel] = begun
            for sentinel in _ended(running):
                launch = running.pop(sentinel)
                ended = finish(launch, order)
                yield from ended.records
                if ended.apart is not None:
                    _say_apart(launch.specs, ended.apart)
                    waiting += [(spec,) for spec in reversed(launch.specs)]
    finally:
        for left in running.values():
            stop(left)


def _say_apart(specs: Sequence[RunSpec], reason: str) -> None:
    spec = specs[0]
    line = f"{spec.task} {spec.model}: {len(specs)} runs are done apart, not together: {reason}"
    tqdm.write(line, file=sys.stdout)


def _ended(running: dict[int, Running]) -> list[int]:
    """Which launches have ended or used up their time, waiting until there is one."""
    now = time.monotonic()
    left = min(run.deadline for run in running.values()) - now
    ready = {int(s) for s in wait(list(running), timeout=max(0.0, left)) if isinstance(s, int)}
    now = time.monotonic()
    return [s for s, run in running.items() if s in ready or run.deadline <= now]
