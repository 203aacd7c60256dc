"""One run in one process: started, watched, and recorded whatever becomes of it.

The child is forked from a server that has torch imported, leads a process group of its own, writes
its record and sends the path. A child that ends without one is recorded by its parent.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
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
    """A run under way."""

    spec: RunSpec
    process: ForkServerProcess
    answer: Any
    deadline: float
    log: Path


def start(spec: RunSpec, order: Order) -> Running:
    """The run, begun."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["bench.execution.preload"])
    receive, send = context.Pipe(duplex=False)
    log = order.results / ".logs" / f"{spec.run_id}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    process = context.Process(target=_child, args=(spec, order, send, log), daemon=False)
    process.start()
    send.close()
    return Running(spec, process, receive, time.monotonic() + order.timeout, log)


def finish(running: Running, order: Order) -> RunRecord:
    """The record of a run that ended or whose time is up; it is on disk when this returns."""
    overrun = running.process.is_alive()
    if overrun:
        stop(running)
    running.process.join()
    record = _sent(running)
    if record is None:
        record = _post_mortem(running, order, overrun)
        keep_record(record, order.results)
    running.answer.close()
    running.process.close()
    running.log.unlink(missing_ok=True)
    return record


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


def _child(spec: RunSpec, order: Order, send: Any, log: Path) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    signal.alarm(int(order.timeout) + 60)  # should the driver be gone by then
    os.environ["BENCH_DATA"] = str(order.data)  # the fork server's may be of another time
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    from bench.runner import Registry, run

    record = run(spec, Registry(order.plugins), order.device)
    record = replace(record, environment=order.environment or record.environment)
    send.send(str(keep_record(record, order.results)))
    send.close()
    sys.stdout.flush()


def _sent(running: Running) -> RunRecord | None:
    """The record the child wrote, if it got that far."""
    try:
        return read_record(Path(running.answer.recv())) if running.answer.poll() else None
    except (EOFError, OSError):
        return None


def _post_mortem(running: Running, order: Order, overrun: bool) -> RunRecord:
    status, error = _cause(running.process.exitcode or 0, order.timeout, overrun)
    said = _tail(running.log)
    return RunRecord(
        spec=running.spec,
        status=status,
        error=f"{error}\n{said}" if said else error,
        versions=versions(),
        environment=order.environment or environment(order.device),
    )


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
