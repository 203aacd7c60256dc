"""The local engine: as many supervised launches at once as it is told.

Several drivers, on one machine or many, may work on one results folder: each does the runs that no
other does, and waits at the end for those that others still do, ready to do them, too.
"""

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path

from tqdm import tqdm

from bench.environment import versions
from bench.execution.exit_causes import Told
from bench.execution.job_file import ended
from bench.execution.lease import BEAT_SECONDS, Lease, beat, claim, give_back, sweep, take_over
from bench.execution.order import Order
from bench.execution.run_folder import HEADER, Left, header
from bench.execution.supervisor import (
    Running,
    clear,
    finish,
    inherit,
    press,
    record_and_leave,
    start,
    unwritten,
)
from bench.records import RUN_AGAIN, RunRecord, RunSpec, Status
from bench.runner import End

POLL_SECONDS = 0.5
Fingerprints = Mapping[Path, tuple[int, int, int] | None]
"""By the file of a record, what tells it from one that has since been put there."""


class Suspended(BaseException):
    """Raised into the engine: the runs are to stop where they are and to be gone on with later."""


@dataclass
class Work:
    """The runs of a driver: those waiting, those under way, those that others do."""

    waiting: deque[Sequence[RunSpec]]
    running: dict[int, Running] = field(default_factory=dict)
    elsewhere: list[RunSpec] = field(default_factory=list)
    beat: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.waiting or self.running or self.elsewhere)


def run_launches(
    launches: Iterable[Sequence[RunSpec]], order: Order, jobs: int, seen: Fingerprints | None = None
) -> Iterator[RunRecord]:
    """The records, each as its launch ends. Leaving the iteration stops what is still running.

    A run whose record is not the one `seen`, by default now, has been done by another process and
    is not done again. Runs that turn out not to go together are done apart, after a line that says
    why.
    """
    work = Work(deque(tuple(launch) for launch in launches))
    if seen is None:
        seen = fingerprints((spec for launch in work.waiting for spec in launch), order)
    sweep(order.results)
    clear(order.results)
    try:
        while work:
            yield from _begin(work, order, jobs, seen)
            yield from _collect(work, order)
            _call_again(work)
    except Suspended:
        _end(work, order, Told.suspended)
        raise
    finally:
        _end(work, order, Told.stopped)


def fingerprints(specs: Iterable[RunSpec], order: Order) -> Fingerprints:
    """The fingerprints of the records of these runs as they are now."""
    files = [order.record_file(spec) for spec in specs]
    return {file: _print(file) for file in files}


def take(spec: RunSpec, order: Order, seen: Fingerprints) -> Lease | RunRecord | None:
    """The lease of the run; or its record, if there is one since `seen` or nothing can be written;
    None while another process does it."""
    folder = order.folder(spec)
    try:
        record = _recorded_since(spec, order, seen)
        if record is not None:
            return record
        lease = claim(folder, {HEADER: header(spec, versions(), order.told)})
        stale = lease is None
        lease = lease or take_over(folder)
        if lease is None:
            return None
        record = _recorded_since(spec, order, seen)  # made while the lease was another's
        if record is None and stale:
            record = inherit(spec, lease, order)
            record = None if record.status in RUN_AGAIN else record
        if record is not None:
            give_back(lease)
        return record or lease
    except OSError as problem:
        return unwritten(spec, problem, order)


def _recorded_since(spec: RunSpec, order: Order, seen: Fingerprints) -> RunRecord | None:
    """The record, if it tells an end that is not `killed`: who stopped another driver did not stop
    this one, which does the run itself, once."""
    file = order.record_file(spec)
    record = ended(file) if _print(file) != seen.get(file) else None
    return None if record and record.status is Status.killed else record


def _print(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _begin(work: Work, order: Order, jobs: int, seen: Fingerprints) -> Iterator[RunRecord]:
    """Starts what there is room for; yields the records of what needs no start."""
    while work.waiting and len(work.running) < jobs:
        launch = work.waiting.popleft()
        taken = [(spec, take(spec, order, seen)) for spec in launch]
        own = [(spec, lease) for spec, lease in taken if isinstance(lease, Lease)]
        if own:
            slot = min(set(range(jobs)) - {run.slot for run in work.running.values()})
            yield from _start(work, [s for s, _ in own], [lease for _, lease in own], order, slot)
        work.elsewhere += [spec for spec, nothing in taken if nothing is None]
        yield from (record for _, record in taken if isinstance(record, RunRecord))


def _start(
    work: Work, specs: Sequence[RunSpec], leases: Sequence[Lease], order: Order, slot: int
) -> Iterator[RunRecord]:
    """Starts a launch; yields the records of one that no process could be had for."""
    try:
        begun = start(specs, leases, order, slot)
        work.running[begun.process.sentinel] = begun
    except (OSError, EOFError) as problem:
        end = End(Status.lost, f"no process could be started for it: {problem}")
        for spec, lease in zip(specs, leases, strict=True):
            yield record_and_leave(spec, lease, Left(), end, order)


def _collect(work: Work, order: Order) -> Iterator[RunRecord]:
    """Waits until something is to be done; yields the records of the launches that have ended."""
    _keep_leases(work)
    for sentinel in _ready(work):
        launch = work.running[sentinel]
        pressed = press(launch, order, Told.overrun) if launch.process.is_alive() else None
        if pressed is not None:
            work.running[sentinel] = pressed
            continue
        del work.running[sentinel]
        end = finish(launch, order)
        yield from end.records
        if end.apart is None:
            work.elsewhere += end.taken
        else:
            _say_apart(launch.specs, end.apart)
            work.waiting.extendleft((spec,) for spec in reversed(launch.specs))


def _ready(work: Work) -> list[int]:
    """Which launches have ended or used up their time, waiting a while until there is one."""
    most = POLL_SECONDS if work.elsewhere else BEAT_SECONDS
    left = [run.deadline - time.monotonic() for run in work.running.values()]
    if not left and not work.elsewhere:
        return []
    ended = wait(list(work.running), timeout=max(0.0, min([most, *left])))
    now = time.monotonic()
    return [s for s, run in work.running.items() if s in ended or run.deadline <= now]


def _keep_leases(work: Work) -> None:
    """Shows from time to time that this process lives. A launch of whose leases one was taken,
    because this process had seemed dead, ends at once."""
    now = time.monotonic()
    if now < work.beat:
        return
    work.beat = now + BEAT_SECONDS
    for sentinel, run in work.running.items():
        if False in [beat(lease) for lease in run.leases]:
            work.running[sentinel] = replace(run, told=Told.taken, signals=1, deadline=now)


def _call_again(work: Work) -> None:
    """Puts the runs that others do in the queue again, to see whether they still do."""
    work.waiting.extend((spec,) for spec in work.elsewhere)
    work.elsewhere.clear()


def _end(work: Work, order: Order, told: Told) -> None:
    """Ends all that is running."""
    work.waiting.clear()
    work.elsewhere.clear()
    for sentinel, launch in work.running.items():
        work.running[sentinel] = press(launch, order, told) or launch
    while work.running:
        for _ in _collect(work, order):
            pass


def _say_apart(specs: Sequence[RunSpec], reason: str) -> None:
    spec = specs[0]
    line = f"{spec.task} {spec.model}: {len(specs)} runs are done apart, not together: {reason}"
    tqdm.write(line, file=sys.stdout)
