"""Who is alive, and below whom, as Linux tells it."""

import ctypes
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SUBREAPER = 36
"""prctl's PR_SET_CHILD_SUBREAPER: whoever loses its parent below this process becomes its child."""


class Process(NamedTuple):
    """A living process: its parent, its session."""

    parent: int
    session: int


def adopt() -> None:
    """From now on no process that comes from this one can get out of sight."""
    if ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0):
        raise OSError("this system does not let a process adopt orphans")


def living() -> dict[int, Process]:
    """Every process but the dead that no one has asked after."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent, _, session, *_ = file.read_text().rpartition(")")[2].split()
            if state not in "ZX":
                found[int(file.parent.name)] = Process(int(parent), int(session))
    return found


def below(pid: int, among: Mapping[int, Process]) -> list[int]:
    """The descendants of the process."""
    children = [other for other, process in among.items() if process.parent == pid]
    return children + [further for child in children for further in below(child, among)]


def runs_of(driver: int) -> dict[int, int]:
    """By the processes that do a driver's runs, which lead sessions, their fork server."""
    among = living()
    return {pid: among[pid].parent for pid in below(driver, among) if among[pid].session == pid}


def left_over(seconds: float = 15.0) -> list[int]:
    """What is still alive below this process after so many seconds."""
    deadline = time.monotonic() + seconds
    while (alive := below(os.getpid(), living())) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def bury() -> None:
    """Asks after the dead."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
