"""The local engine: as many supervised runs at once as it is told."""

import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import wait

from bench.execution.supervisor import Order, Running, finish, start, stop
from bench.records import RunRecord, RunSpec


def run_all(specs: Iterable[RunSpec], order: Order, jobs: int) -> Iterator[RunRecord]:
    """The records, each as its run ends. Leaving the iteration stops what is still running."""
    waiting, running = list(specs), dict[int, Running]()
    waiting.reverse()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                begun = start(waiting.pop(), order)
                running[begun.process.sentinel] = begun
            for sentinel in _ended(running):
                yield finish(running.pop(sentinel), order)
    finally:
        for left in running.values():
            stop(left)


def _ended(running: dict[int, Running]) -> list[int]:
    """Which runs have ended or used up their time, waiting until there is one."""
    now = time.monotonic()
    left = min(run.deadline for run in running.values()) - now
    ready = {int(s) for s in wait(list(running), timeout=max(0.0, left)) if isinstance(s, int)}
    now = time.monotonic()
    return [s for s, run in running.items() if s in ready or run.deadline <= now]
