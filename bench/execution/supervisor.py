"""One launch in one process: started, watched, and recorded whatever becomes of it.

A launch is a run, or several that go together. Its process writes what it finds into the runs'
folders; the record of a run is made here and nowhere else, from what is in its folder and from how
the process ended. A supervisor that dies leaves the folder to the next one that comes by.
"""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, cast

from bench.environment import versions
from bench.execution.child import carry_out
from bench.execution.exit_causes import Exit, Told, cause, cause_of_loss, killed_for_memory
from bench.execution.lease import (
    Lease,
    give_back,
    is_alive,
    run_folder,
    take_over,
    this_host,
    under_way,
)
from bench.execution.order import Order
from bench.execution.run_folder import (
    DRAFT,
    HEADER,
    PROCESS,
    STREAM,
    Left,
    checkpoint_file,
    header,
    read,
    read_header,
    tail,
    who,
)
from bench.records import RunRecord, RunSpec, Status
from bench.runner import End
from bench.store import BadRecord, keep_record, read_record

GOES_ON = frozenset({Status.killed, Status.timeout, Status.lost})
"""A run that ended so goes on from its checkpoint when it is done again; any other starts anew."""


@dataclass(frozen=True)
class Running:
    """A launch under way. `signals` counts those it was sent."""

    specs: Sequence[RunSpec]
    leases: Sequence[Lease]
    process: ForkServerProcess
    deadline: float
    slot: int
    killed_before: int
    told: Told | None = None
    signals: int = 0


@dataclass(frozen=True)
class Ended:
    """The records of a launch; or, without any, why its runs are to be done apart, or nothing where
    they were suspended. `taken` are runs whose lease was, and what went together with them."""

    records: Sequence[RunRecord] = ()
    apart: str | None = None
    taken: Sequence[RunSpec] = ()


def start(specs: Sequence[RunSpec], leases: Sequence[Lease], order: Order, slot: int) -> Running:
    """The runs, begun; together they have the time that they would have apart."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["bench.execution.preload"])
    gpu = order.gpus[slot % len(order.gpus)] if order.gpus else ""
    arguments = (specs, leases, order, gpu)
    before = killed_for_memory()
    process = context.Process(target=carry_out, args=arguments, daemon=False)
    process.start()
    deadline = time.monotonic() + order.timeout * len(specs)
    return Running(specs, leases, process, deadline, slot, before)


def press(running: Running, order: Order, told: Told) -> Running | None:
    """The launch after it was told to end, at first asked, then killed with all that it started;
    None where that, too, has been of no use."""
    pid = running.process.pid or 0
    if running.signals > 1:
        return None
    with suppress(ProcessLookupError):
        if running.signals == 0:
            os.kill(pid, signal.SIGUSR2 if told is Told.suspended else signal.SIGTERM)
        else:
            _kill_group(running.process)
    deadline = time.monotonic() + order.grace
    told = running.told or told
    return replace(running, told=told, signals=running.signals + 1, deadline=deadline)


def finish(running: Running, order: Order) -> Ended:
    """What came of a launch that ended, or will not end; its records are on disk."""
    code = running.process.exitcode
    _kill_group(running.process)  # what it started may have outlived it
    seconds = order.timeout * len(running.specs)
    exit = Exit(code, running.told, seconds, killed_for_memory() > running.killed_before)
    found = [read(lease.folder) for lease in running.leases]
    said = tail(running.leases[0].folder)
    if code is not None:
        running.process.close()
    records, taken = [], []
    for spec, lease, left in zip(running.specs, running.leases, found, strict=True):
        is_ours = lease.file.exists()
        goes_on = exit.is_suspension and left.status is None
        if found[0].apart is not None or goes_on or not is_ours:
            give_back(lease)
            if running.told is Told.taken or not is_ours:
                taken.append(spec)
        else:
            records.append(record_and_leave(spec, lease, left, cause(exit, said), order))
    return Ended(records, found[0].apart, taken)


def record_and_leave(spec: RunSpec, lease: Lease, left: Left, why: End, order: Order) -> RunRecord:
    """The record. If it cannot be written the folder stays, for whoever comes by when it can."""
    try:
        record = conclude(spec, lease, left, why, order)
    except OSError as problem:
        return unwritten(spec, problem, order)
    give_back(lease)
    return record


def conclude(
    spec: RunSpec,
    lease: Lease,
    left: Left,
    why: End,
    order: Order,
    made_by: Mapping[str, Any] | None = None,
) -> RunRecord:
    """The record of a run, written: as the run itself said that it ended, else for that reason."""
    end = why if left.status is None else End(left.status, left.error)
    record = RunRecord(
        spec=spec,
        status=end.status,
        error=end.error,
        versions=made_by or versions(),
        environment=order.told,
        facts=left.facts,
        measurements=left.measurements,
    )
    keep_record(record, order.results, lease.folder)
    _drop_checkpoint(lease.folder, record.status)
    return record


def _drop_checkpoint(folder: Path, status: Status) -> None:
    """Removes the checkpoint of a run that ended so, if it does not go on from there."""
    if status not in GOES_ON:
        with suppress(OSError):
            checkpoint_file(folder).unlink(missing_ok=True)


def unwritten(spec: RunSpec, problem: OSError, order: Order) -> RunRecord:
    """What stands in for a record that no file holds."""
    why = f"nothing could be written below {order.results}: {problem.strerror or problem}"
    return RunRecord(spec=spec, status=Status.error, error=why, environment=order.told)


def inherit(spec: RunSpec, lease: Lease, order: Order) -> RunRecord:
    """The record of a run whose supervisor died, whose folder has been taken over: as the run
    ended, if it had, else `lost`. The folder is then that of a run to be begun."""
    _end_orphan(lease)
    folder = lease.folder
    made_by, told = read_header(folder)
    why = cause_of_loss(tail(folder))
    told_order = replace(order, environment=told or order.told)
    record = conclude(spec, lease, read(folder), why, told_order, made_by)
    for file in (folder / PROCESS, folder / STREAM, *folder.glob(f"{DRAFT}*")):
        file.unlink(missing_ok=True)
    (folder / HEADER).write_text(header(spec, versions(), order.told), encoding="utf-8")
    return record


def clear(results: Path) -> None:
    """Removes the folders of runs whose supervisors died after they had written the record."""
    for of, run_id, is_owned in under_way(results):
        folder = run_folder(results, of, run_id)
        status = None if is_owned else _recorded_status(folder, results)
        lease = take_over(folder) if status else None
        if status and lease:
            _drop_checkpoint(folder, status)
            give_back(lease)


def _recorded_status(folder: Path, results: Path) -> Status | None:
    """How the run of the folder ended, if its record was written after the last of its stream."""
    name = f"*/{folder.parent.name}/*-{folder.name}.jsonl"
    with suppress(OSError, BadRecord):
        written = (folder / STREAM).stat().st_mtime
        for file in results.glob(name):
            if file.stat().st_mtime >= written:
                return read_record(file).status
    return None


def _end_orphan(lease: Lease) -> None:
    """Kills the process of a run whose supervisor is dead, should it have outlived it."""
    process = who(lease.folder)
    if process is None or process.host != this_host():
        return
    patience = time.monotonic() + 10
    while is_alive(lease.folder, process) and time.monotonic() < patience:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.02)


def _kill_group(process: ForkServerProcess) -> None:
    """Kills the process, and all of its group, which is no longer there or not yet perhaps."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(cast(int, process.pid), signal.SIGKILL)
    process.kill()
