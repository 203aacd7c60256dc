"""Models that die in every way: each of their runs is a row with its cause."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.records import Status
from bench.selftest.disk import said
from bench.selftest.trial import LONG, NOTHING, Place, Row, Work

GROUP_BYTES = 2**26
GROUPS = (
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
    ("/sys/fs/cgroup", "memory.max"),
)
"""Where control groups of the first and of the second version are made, and limited."""


@dataclass(frozen=True)
class Faulty:
    """A model and how its runs should end."""

    model: str
    planted: str
    expected: Status
    cause: str
    code: int = 2
    options: tuple[str, ...] = ()


FAULTY = (
    Faulty("raising", "an exception", Status.error, "broken on purpose"),
    Faulty("nan", "a weight that is not a number", Status.diverged, "", code=0),
    Faulty("segfault", "a read at address 0", Status.killed, "SIGSEGV"),
    Faulty("leaving", "an exit with code 7", Status.error, "code 7"),
    Faulty("forking", "a copy and a program left behind", Status.ok, "", code=0),
    Faulty(
        "hanging", "ten minutes of sleep", Status.timeout, "2 seconds", options=("--timeout=2",)
    ),
    Faulty("bomb", "memory taken to the limit of the address space", Status.oom_host, ""),
)
GROUP_BOMB = Faulty(
    "group-bomb", "memory taken until the kernel kills", Status.oom_host, "no memory was left"
)


class NoGroup(Exception):
    """Why no control group can be had here."""


def faulty_models(seeds: int, place: Place) -> Iterator[Row]:
    """A row for each faulty model."""
    for faulty in FAULTY:
        yield faulty_row(faulty, seeds, place)
    try:
        with control_group() as group:
            yield faulty_row(GROUP_BOMB, seeds, place, {"BENCH_SELFTEST_GROUP": str(group)})
    except NoGroup as problem:
        yield Row(_scenario(GROUP_BOMB), GROUP_BOMB.planted, skipped=str(problem))


def faulty_row(
    faulty: Faulty, seeds: int, place: Place, variables: Mapping[str, str] = NOTHING
) -> Row:
    """The row of runs of the model, beside each other."""
    work = Work(LONG, seeds, f"planted-{faulty.model}", faulty.expected)
    ground = place.ground(faulty.model)
    code = ground.run(work, "--jobs", "4", *faulty.options, variables=variables)
    told = ground.printed.replace("Traceback", "")
    found = said(code, faulty.code, told, faulty.cause) + ground.count(work, place.undisturbed)
    return Row(_scenario(faulty), faulty.planted, seeds, seeds, found)


def _scenario(faulty: Faulty) -> str:
    return f"model: {faulty.model}"


@contextmanager
def control_group() -> Iterator[Path]:
    """A control group of little memory, for a while; NoGroup if that is not allowed."""
    for root, limit in GROUPS:
        group = Path(root) / f"roaf-selftest-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / limit).exists():
                (group / limit).write_text(str(GROUP_BYTES))
                yield group
                return
        finally:
            with suppress(OSError):
                group.rmdir()
    raise NoGroup("no control group can be made")
