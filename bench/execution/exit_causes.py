"""Why a run ended that did not say so itself: from its process's end to a status and a sentence."""

import signal
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bench.records import Status
from bench.runner import End


class Told(Enum):
    """Why the supervisor told a run to end."""

    overrun = "overrun"
    stopped = "stopped"
    suspended = "suspended"
    taken = "taken"


@dataclass(frozen=True)
class Exit:
    """How a process ended: its code, None if it does not end; why it was told to, None if it was
    not; the seconds that it had; whether the kernel killed for memory meanwhile."""

    code: int | None
    told: Told | None
    seconds: float
    out_of_memory: bool

    @property
    def is_suspension(self) -> bool:
        """Whether the run is to be gone on with, and has no end yet."""
        return self.told in (Told.suspended, Told.taken) or self.code == -signal.SIGUSR2


def cause(exit: Exit, said: str) -> End:
    """The end of a run without a word of its own, and below it the last that it printed."""
    status, why = _status(exit)
    return End(status, f"{why}\n{said}" if said else why)


def cause_of_loss(said: str) -> End:
    """The end of a run whose supervisor died."""
    why = "its supervisor ended without a word"
    return End(Status.lost, f"{why}\n{said}" if said else why)


def _status(exit: Exit) -> tuple[Status, str]:
    if exit.told is Told.overrun or exit.code == -signal.SIGALRM:
        return Status.timeout, f"stopped after its {exit.seconds:g} seconds were up"
    if exit.told is Told.stopped:
        return Status.killed, "stopped together with the command that had started it"
    if exit.code == LOST_SIGHT:
        return Status.lost, f"the process ended with code {exit.code}, or what forked it was killed"
    if exit.code == UNWRITTEN:
        return Status.lost, "the process could not write down what it found"
    if exit.code is None or exit.code >= 0:
        return Status.error, f"the process ended with code {exit.code} and left no record"
    name = signal_name(-exit.code)
    if exit.code == -signal.SIGKILL and exit.out_of_memory:
        return Status.oom_host, f"the kernel ended the process by {name}: no memory was left"
    return Status.killed, f"the process was ended by {name}"


UNWRITTEN = 74
"""The exit code of a process that could not write into its run's folder: EX_IOERR."""
LOST_SIGHT = 255
"""The exit code that multiprocessing gives where it cannot know: its fork server died."""


def signal_name(number: int) -> str:
    """SIGKILL for 9; of real-time signals the number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def killed_for_memory() -> int:
    """How many processes the kernel has killed for want of memory, by its own count or by that of
    the control group that this process is in, whichever knows of more."""
    return max(map(_count, ("/proc/vmstat", *_group_files())))


def _group_files() -> list[str]:
    """The files in which the control group counts, of its second and its first version."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = [line.split(":", 2) for line in lines]
    root = "/sys/fs/cgroup"
    unified = [f"{root}{path}/memory.events" for number, _, path in groups if number == "0"]
    first = [
        f"{root}/memory{path}/memory.oom_control"
        for _, kinds, path in groups
        if "memory" in kinds.split(",")
    ]
    return unified + first


def _count(file: str) -> int:
    """The number after the word oom_kill."""
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
