"""One launch in one process: started, watched, and recorded whatever becomes of it.

A launch is a run, or several that go together. The child is forked from a server that has torch
imported, leads a process group of its own, writes each record and sends its path. What a child
leaves without a record when it ends is recorded by its parent.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from bench.datasets import data_folder
from bench.environment import environment, versions
from bench.records import RunRecord, RunSpec, Status
from bench.store import keep_record, read_record

GRACE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a run needs beside its spec: where it runs and where its record goes."""

    results: Path
    device: str = "cpu"
    plugins: Sequence[Path] = ()
    timeout: float = 7200.0
    data: Path = field(default_factory=data_folder)
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A launch under way."""

    specs: Sequence[RunSpec]
    process: ForkServerProcess
    answer: Any
    deadline: float
    log: Path


@dataclass(frozen=True)
class Ended:
    """The records of a launch; or, without any, why its runs are to be done apart."""

    records: Sequence[RunRecord] = ()
    apart: str | None = None


def start(specs: Sequence[RunSpec], order: Order) -> Running:
    """The runs, begun; together they have the time that they would have apart."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["bench.execution.preload"])
    receive, send = context.Pipe(duplex=False)
    log = order.results / ".logs" / f"{specs[0].run_id}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    process = context.Process(target=_child, args=(specs, order, send, log), daemon=False)
    process.start()
    send.close()
    deadline = time.monotonic() + order.timeout * len(specs)
    return Running(specs, process, receive, deadline, log)


def finish(running: Running, order: Order) -> Ended:
    """What came of a launch that ended or whose time is up; its records are on disk."""
    overrun = running.process.is_alive()
    if overrun:
        stop(running)
    running.process.join()
    sent = list(_sent(running))
    apart = next((message for message in sent if isinstance(message, str)), None)
    records = [read_record(path) for path in sent if isinstance(path, Path)]
    if apart is None:
        written = {record.spec.run_id for record in records}
        missing = [spec for spec in running.specs if spec.run_id not in written]
        records += [_post_mortem(spec, running, order, overrun) for spec in missing]
    running.answer.close()
    running.process.close()
    running.log.unlink(missing_ok=True)
    return Ended(records, apart)


def stop(running: Running) -> None:
    """Ends the run and everything it started: first asked, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(running.process.pid or 0, number)
        except (ProcessLookupError, PermissionError):
            running.process.kill()  # it had not become a group leader yet
        running.process.join(GRACE_SECONDS)
        if not running.process.is_alive():
            return


def _child(specs: Sequence[RunSpec], order: Order, send: Any, log: Path) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    signal.alarm(int(order.timeout * len(specs)) + 60)  # should the driver be gone by then
    os.environ["BENCH_DATA"] = str(order.data)  # the fork server's may be of another time
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    for message in _messages(specs, order):
        send.send(message)
    send.close()
    sys.stdout.flush()


def _messages(specs: Sequence[RunSpec], order: Order) -> Iterator[Path | str]:
    """The path of each record, written; or the reason why these runs cannot go together."""
    from bench.rehearsal import Apart
    from bench.runner import Registry, run, run_together

    where = (Registry(order.plugins), order.device)
    try:
        for record in run_together(specs, *where) if len(specs) > 1 else [run(specs[0], *where)]:
            record = replace(record, environment=order.environment or record.environment)
            yield keep_record(record, order.results)
    except Apart as reason:
        yield str(reason)


def _sent(running: Running) -> Iterator[Path | str]:
    """What the child sent, as far as it got."""
    with suppress(EOFError, OSError):
        while running.answer.poll():
            yield running.answer.recv()


def _post_mortem(spec: RunSpec, running: Running, order: Order, overrun: bool) -> RunRecord:
    """The record, written, of a run that the child left without one."""
    seconds = order.timeout * len(running.specs)
    status, error = _cause(running.process.exitcode or 0, seconds, overrun)
    said = _tail(running.log)
    record = RunRecord(
        spec=spec,
        status=status,
        error=f"{error}\n{said}" if said else error,
        versions=versions(),
        environment=order.environment or environment(order.device),
    )
    keep_record(record, order.results)
    return record


def _cause(code: int, timeout: float, overrun: bool) -> tuple[Status, str]:
    if overrun:
        return Status.timeout, f"stopped after its {timeout:g} seconds were up"
    if code < 0:
        return Status.killed, f"the process was ended by {signal.Signals(-code).name}"
    return Status.error, f"the process ended with code {code} and left no record"


def _tail(log: Path, characters: int = 2000) -> str:
    try:
        return log.read_text(errors="replace")[-characters:].strip()
    except OSError:
        return ""
