"""The folder of a run under way: what was measured so far, and how the run ended.

    header.json     spec, versions, environment: what a record begins with
    stream.jsonl    an object of facts, then measurements, `[step, quantity, where, value]`, and at
                    the end an object with the status; written every few seconds
    output.log      what the run printed
    process         the process that computes it
    draft-<nonce>   a checkpoint that is being written

Beside the folder lies the run's checkpoint, which outlives it. Whoever holds the run's lease makes
its record from these.
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.execution.lease import Lease, Owner, this_process
from bench.record_text import measurement_line, parse_measurement
from bench.records import Measurement, RunSpec, Status, canonical_json

FLUSH_SECONDS = 3.0
HEADER, STREAM, LOG, PROCESS = "header.json", "stream.jsonl", "output.log", "process"
DRAFT = "draft-"


def checkpoint_file(folder: Path) -> Path:
    """The run's checkpoint, beside the folder, since it outlives it."""
    return folder.with_name(f"{folder.name}.checkpoint")


def draft_file(lease: Lease) -> Path:
    """Where a holder of the lease writes a checkpoint first. No other opens it, not even on another
    machine while this one only seems dead."""
    return lease.folder / f"{DRAFT}{lease.owner.nonce}"


def header(spec: RunSpec, versions: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """The text of a header."""
    content = {"spec": spec.written(), "versions": versions, "environment": environment}
    return canonical_json(content)


def read_header(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(versions, environment) of who did the run; empty where that cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        content = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        return dict(content["versions"]), dict(content["environment"])
    return {}, {}


class Stream:
    """Lines of JSON, collected and written every few seconds.

    What could not be written, on a full disk, is tried again with the next lines at the same place.
    A copy of the process that made it, such as a model that forks, ends where it would write.
    """

    def __init__(self, file: Path, every: float = FLUSH_SECONDS) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._process, self._place, self._lines = os.getpid(), 0, list[str]()
        self._every, self._next = every, time.monotonic() + every

    def add(self, line: Any) -> None:
        """One more line, in the file within a few seconds if there are others to follow."""
        is_row = isinstance(line, Measurement)
        self._lines.append((measurement_line(line) if is_row else canonical_json(line)) + "\n")
        if time.monotonic() >= self._next:
            with suppress(OSError):
                self.flush()

    def flush(self) -> None:
        """Writes all lines; raises OSError where that cannot be."""
        if os.getpid() != self._process:
            os._exit(1)
        self._next = time.monotonic() + self._every
        data = memoryview("".join(self._lines).encode())
        done = 0
        while done < len(data):
            done += os.pwrite(self._file, data[done:], self._place + done)
        self._place += len(data)
        self._lines.clear()


@dataclass(frozen=True)
class Left:
    """What a run has left in its folder: `status` only if it came to its end, `apart` if its
    launch was refused, which says why."""

    measurements: tuple[Measurement, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: Status | None = None
    error: str | None = None
    apart: str | None = None


def read(folder: Path) -> Left:
    """What is in the folder, up to the first line that is not whole."""
    try:
        lines = (folder / STREAM).read_bytes().split(b"\n")[:-1]
    except OSError:
        return Left()
    rows, told = [], dict[str, Any]()
    with suppress(ValueError, TypeError, OverflowError, RecursionError):
        for line in lines:
            if line.startswith(b"{"):
                told |= json.loads(line)
            else:
                rows.append(parse_measurement(line.decode()))
        status = Status(told["status"]) if "status" in told else None
        ended = status, told.get("error"), told.get("apart")
        return Left(tuple(rows), told.get("facts", {}), *ended)
    return Left(tuple(rows), told.get("facts", {}))


def tail(folder: Path, characters: int = 2000) -> str:
    """The end of what the run printed, without the list of modules that a crash is followed by."""
    try:
        with (folder / LOG).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 16 * characters))
            text = log.read().decode(errors="replace")
            return text.partition("\nExtension modules: ")[0][-characters:].strip()
    except OSError:
        return ""


def say_who(folder: Path) -> None:
    """Leaves word of the process that computes the run, which is this one."""
    (folder / PROCESS).write_text(this_process().name, encoding="utf-8")


def who(folder: Path) -> Owner | None:
    """The process that computes the run, if it said so."""
    try:
        return Owner.of((folder / PROCESS).read_text(encoding="utf-8"))
    except OSError:
        return None
