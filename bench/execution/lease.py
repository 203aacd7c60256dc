"""Who does a run: one process, whose name stands in the run's folder.

A run under way has the folder `<results>/.inflight/<stack>/<run_id>`, and in it an empty file
`owner-<host>-<pid>-<start>-<nonce>`, whose time is the owner's heartbeat. Several drivers that
share a results folder need no lock, for each change of hands is one rename, which one process
alone can bring about:

    claim       a prepared folder -> the run's       fails where that is there and not empty
    take over   the stale owner's file -> the own    fails where that is no longer there
    give back   the own file -> another name of it, then the folder -> aside

Names are never used twice, so that no late rename meets what it was not meant for.
"""

import errno
import hashlib
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = ".inflight"
BEAT_SECONDS = 20.0
STALE_SECONDS = 300.0
"""An owner on another machine that has not been heard of for so long is taken for dead. One on this
machine is asked for."""


class Owner(NamedTuple):
    """A process: its machine as a hash, its number, when it began by the kernel's clock."""

    host: str
    pid: int
    start: int
    nonce: str = ""

    @property
    def name(self) -> str:
        """The name of the file that stands for it."""
        return f"owner-{self.host}-{self.pid}-{self.start}-{self.nonce}"

    @classmethod
    def of(cls, name: str) -> "Owner | None":
        """The owner that a file's name, or the end of it, stands for."""
        match = re.search(r"owner-([0-9a-f]{12})-(\d{1,10})-(\d{1,20})-([0-9a-f]{8})$", name)
        return match and cls(match[1], int(match[2]), int(match[3]), match[4])


class Lease(NamedTuple):
    """A run that is this process's to do, and the folder it may use for that."""

    folder: Path
    owner: Owner

    @property
    def file(self) -> Path:
        """The file that says so."""
        return self.folder / self.owner.name


def run_folder(results: Path, stack: str, run_id: str) -> Path:
    """Where a run under way has its folder."""
    return results / FOLDER / stack / run_id


def claim(folder: Path, files: Mapping[str, str]) -> Lease | None:
    """The lease of a run that no one does, its folder made with these texts by their names; None
    where someone does it, or died doing it. Raises OSError where nothing can be written."""
    if _has_content(folder):
        return None
    owner = this_process()
    prepared = folder.with_name(f".new-{owner.name}")
    prepared.mkdir(parents=True)
    try:
        for name, text in {**files, owner.name: ""}.items():
            (prepared / name).write_text(text, encoding="utf-8")
        prepared.rename(folder)
    except OSError as problem:
        shutil.rmtree(prepared, ignore_errors=True)
        if problem.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return None
        raise
    return Lease(folder, owner)


def take_over(folder: Path) -> Lease | None:
    """The lease of a run whose owner is dead; None where it lives, or another was quicker."""
    found = owner_of(folder)
    if found is None:
        _set_aside_if_unowned(folder)
        return None
    lease = Lease(folder, this_process())
    if is_alive(folder, found) or not _pass_on(folder / found.name, lease.file):
        return None
    return lease


def beat(lease: Lease) -> bool:
    """Whether the run is still this process's; who looks sees from now on that it lives."""
    try:
        os.utime(lease.file)
    except FileNotFoundError:
        return False
    except OSError:  # a disk that is full or away says nothing about the owner
        return True
    return True


def give_back(lease: Lease) -> None:
    """Removes the run's folder and what is in it, unless another process has taken it over."""
    leaving = this_process()
    aside = lease.folder.with_name(f".gone-{leaving.name}")
    if _pass_on(lease.file, lease.folder / leaving.name):
        with suppress(OSError):
            lease.folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def owner_of(folder: Path) -> Owner | None:
    """The owner that the folder names."""
    with suppress(OSError):
        return next(filter(None, (Owner.of(file.name) for file in folder.iterdir())), None)
    return None


def is_alive(folder: Path, owner: Owner) -> bool:
    """Whether the owner lives, as far as can be told from here."""
    return _lives(owner, folder / owner.name)


def under_way(results: Path) -> Iterator[tuple[str, str, bool]]:
    """(stack, run_id, whether its owner lives) of every run that has a folder."""
    for folder in sorted((results / FOLDER).glob("*/*/")):
        owner = None if folder.name.startswith(".") else owner_of(folder)
        if owner is not None:
            yield folder.parent.name, folder.name, is_alive(folder, owner)


def sweep(results: Path) -> None:
    """Removes what processes that died had prepared or set aside."""
    for folder in (results / FOLDER).glob("*/.*"):
        owner = Owner.of(folder.name)
        if owner is not None and not _lives(owner, folder):
            shutil.rmtree(folder, ignore_errors=True)


def this_process() -> Owner:
    """This process, under a name that it has never had."""
    pid = os.getpid()
    return Owner(this_host(), pid, process_start(pid) or 0, secrets.token_hex(4))


@cache
def this_host() -> str:
    """The machine, and the container in it, as twelve digits from which no name can be read."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        known = boot + str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        known = platform.node()
    return hashlib.sha256(known.encode()).hexdigest()[:12]


def process_start(pid: int) -> int | None:
    """When a process of this machine began, in ticks since the machine did; None of a dead one."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _answers(pid)
    return None if state in "ZX" else int(fields[18])


def _answers(pid: int) -> int | None:
    """0 if there is such a process, where the system says no more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0


def _pass_on(before: Path, after: Path) -> bool:
    """Whether the file was there to be renamed; its heartbeat is then of now."""
    try:
        os.utime(before)
        before.rename(after)
    except OSError:
        return False
    return True


def _set_aside_if_unowned(folder: Path) -> None:
    """Clears the way of a folder that names no one, which no process of ours leaves."""
    if _has_content(folder) and owner_of(folder) is None:
        with suppress(OSError):
            folder.rename(folder.with_name(f".gone-{this_process().name}"))


def _has_content(folder: Path) -> bool:
    try:
        return any(True for _ in folder.iterdir())
    except FileNotFoundError:
        return False


def _lives(owner: Owner, last: Path) -> bool:
    """Whether the owner does: one on another machine if what it touched last is young, or is no
    longer there."""
    if owner.host == this_host():
        return process_start(owner.pid) == owner.start
    return _age(last) < STALE_SECONDS


def _age(path: Path) -> float:
    """Seconds since the path was touched. If it is not young by the clock here, that of its disk is
    asked by a new file; 0 where there can be none, or the path has just changed hands."""
    with suppress(OSError):
        touched = path.stat().st_mtime
        if abs(time.time() - touched) < STALE_SECONDS:
            return 0.0
        with tempfile.TemporaryFile(dir=path.parent.parent) as probe:
            return os.fstat(probe.fileno()).st_mtime - touched
    return 0.0
