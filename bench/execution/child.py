"""What the process of a launch does: it runs, and writes down what it finds as it finds it.

It is forked from a server that has torch imported, leads a process group of its own, and ends with
its supervisor. SIGTERM and SIGUSR2 ask it to keep what it has and to end by that signal: a run
alone does so after the update that it is at.
"""

import faulthandler
import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from multiprocessing import parent_process
from pathlib import Path

from bench.checkpoint import Progress, load, save
from bench.environment import versions
from bench.execution.exit_causes import UNWRITTEN
from bench.execution.lease import Lease
from bench.execution.order import Order
from bench.execution.run_folder import LOG, STREAM, Stream, checkpoint_file, draft_file, say_who
from bench.records import Measurement, RunSpec, canonical_json
from bench.rehearsal import Apart
from bench.runner import End, Found, Registry, follow, follow_together

Events = Iterator[tuple[int, Measurement | Progress | End]]
ROOT = Path(__file__).parents[2]


def carry_out(specs: Sequence[RunSpec], leases: Sequence[Lease], order: Order, gpu: str) -> None:
    """Does the runs that have these folders; what comes of them is in their streams. Where these
    cannot be written the process ends by that code; what a model raises is no such OSError."""
    try:
        _carry_out(specs, leases, order, gpu)
    except OSError as problem:
        _say(f"what was found could not be written: {problem}")
        os._exit(UNWRITTEN)


def _carry_out(specs: Sequence[RunSpec], leases: Sequence[Lease], order: Order, gpu: str) -> None:
    if not _are_ours(leases):
        return
    asked = _set_up(leases[0].folder / LOG, order, len(specs), gpu)
    for lease in leases:
        say_who(lease.folder)
    if not _are_ours(leases):  # taken before it was said who this is: no one will end it
        return
    founds = [Found(spec) for spec in specs]
    streams = [Stream(lease.folder / STREAM, order.flush) for lease in leases]
    try:
        if len(specs) == 1:
            events = _kept(founds[0], leases[0], order, asked)
        else:
            events = follow_together(founds, Registry(order.plugins), order.device)
        write_down(events, founds, streams, asked)
    except Apart as reason:
        streams[0].add({"apart": str(reason)})
        streams[0].flush()
    with suppress(OSError):
        sys.stdout.flush()


def _are_ours(leases: Sequence[Lease]) -> bool:
    """Whether no one has taken the runs over from a supervisor that died."""
    return all(lease.file.exists() for lease in leases)


def write_down(
    events: Events, founds: Sequence[Found], streams: Sequence[Stream], asked: list[int]
) -> None:
    """Streams the events, the facts before them; ends the process where it is asked to."""
    first = next(events)
    for found, stream in zip(founds, streams, strict=True):
        stream.add({"facts": found.facts})
        with suppress(OSError):
            stream.flush()
    for k, event in chain([first], events):
        if isinstance(event, End):
            streams[k].add({"status": str(event.status), "error": printable(event.error)})
            streams[k].flush()
        elif isinstance(event, Measurement):
            streams[k].add(event)
        if asked and (isinstance(event, Progress) or len(streams) > 1):
            _end_by(asked[0], streams)


def _kept(found: Found, lease: Lease, order: Order, asked: list[int]) -> Events:
    """The events of a run alone, which goes on from its checkpoint and makes others."""
    file, code = checkpoint_file(lease.folder), code_of(found.spec, order)
    saved = load(file, code)
    if saved is not None:
        _say(f"goes on after update {saved.done}")
    due = time.monotonic() + order.keep
    for event in follow(found, Registry(order.plugins), order.device, saved):
        if isinstance(event, Progress) and (asked or time.monotonic() >= due):
            try:
                save(file, draft_file(lease), code, event, found.measurements)
            except Exception as problem:  # whatever a full disk makes torch raise
                _say(f"no checkpoint after update {event.done}: {problem}")
            due = time.monotonic() + order.keep
        yield 0, event


def code_of(spec: RunSpec, order: Order) -> str:
    """The run and the code that does it: a checkpoint of other code is of no use."""
    code = {"stack": order.told.get("stack"), "versions": versions(), "sources": sources(ROOT)}
    return canonical_json({"run": spec.run_id, **code})


@cache
def sources(root: Path) -> str:
    """The sha256 of all Python below the folder that can decide a number."""
    digest = hashlib.sha256()
    for name in ("bench", "baselines", "roaf"):
        for file in sorted((root / name).rglob("*.py")):
            text = file.read_bytes()
            digest.update(f"{file.relative_to(root)} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def _say(line: str) -> None:
    """Prints a line, if the disk has room for it."""
    with suppress(OSError):
        print(line, flush=True)


def printable(text: str | None) -> str | None:
    """The text, without what no terminal can be sent."""
    return text and text.encode("utf-8", "backslashreplace").decode()


def _set_up(log: Path, order: Order, runs: int, gpu: str) -> list[int]:
    """Makes the process the launch's own; what it returns fills with the signals that ask."""
    os.setsid()
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, lambda number, _: asked.append(number))
    signal.alarm(int(min(order.timeout * runs + order.grace + 60, 1e9)))  # all else failing
    os.environ["BENCH_DATA"] = str(order.data)  # the fork server's may be of another time
    if gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    faulthandler.enable()
    return asked


def _end_with_supervisor() -> None:
    """Kills this process and all that it started as soon as the supervisor is gone."""
    supervisor = parent_process()
    if supervisor is not None:
        supervisor.join()
    os.killpg(0, signal.SIGKILL)


def _end_by(number: int, streams: Sequence[Stream]) -> None:
    """Ends the process by the signal, what was measured written down."""
    for stream in streams:
        with suppress(OSError):
            stream.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
