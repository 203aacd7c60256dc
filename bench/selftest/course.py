"""All faults, one after another, and the record of that."""

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from bench.environment import environment, versions
from bench.records import Status
from bench.selftest.clock import clock_steps
from bench.selftest.crowd import crowds
from bench.selftest.disk import full_disks, short_files, unwritable
from bench.selftest.driver import prepare
from bench.selftest.kills import WORK as KILLED
from bench.selftest.kills import blows
from bench.selftest.models import faulty_models
from bench.selftest.page import page
from bench.selftest.processes import adopt
from bench.selftest.tally import Tally, measured, read
from bench.selftest.trial import LONG, SHORT, Ground, Place, Row, Undisturbed, Work

SCHEMA = 1
MOST_SENTENCES = 20
"""So many are kept of what is wrong in a row."""


class Impossible(Exception):
    """Why there can be no selftest here."""


@dataclass(frozen=True)
class Sizes:
    """How often each kind of blow falls, and on fresh drivers; how often the disk is full and the
    clock jumps; the runs of each faulty model; and the drivers and runs of the crowd and how many
    drivers are killed."""

    blows: int
    fresh: int
    full_disks: int
    clocks: int
    faulty: int
    drivers: int
    runs: int
    killed: int


FULL = Sizes(blows=50, fresh=5, full_disks=20, clocks=10, faulty=4, drivers=8, runs=3000, killed=50)
SLICE = Sizes(blows=1, fresh=0, full_disks=3, clocks=1, faulty=1, drivers=3, runs=60, killed=3)


def selftest(sizes: Sizes, where: Path | None, out: Path, say: Callable[[str], None]) -> bool:
    """Whether every number that must be zero is; the record of it and the page are in `out`.

    The trials are made below `where`, by default in a folder that is then removed. A system that
    is not Linux raises Impossible.
    """
    if sys.platform != "linux":
        raise Impossible("the selftest needs Linux, which lets a process adopt orphans")
    began = time.monotonic()
    adopt()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="selftest-") as temporary:
        prepare(temporary)
        folder = where or Path(temporary, "trials")
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for row in scenarios(sizes, folder.resolve()):
            rows.append(told(row))
            say(line(rows[-1], time.monotonic() - began))
    record = described(sizes, rows, time.monotonic() - began)
    (out / "reliability.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    (out / "reliability.md").write_text(page(record))
    return not any(sum(row["found"].values()) for row in rows)


def scenarios(sizes: Sizes, folder: Path) -> Iterator[Row]:
    """A row for each scenario, the undisturbed runs first."""
    calm = {SHORT: Work(SHORT, sizes.runs), LONG: Work(LONG, max(KILLED.seeds, sizes.faulty))}
    numbers, seconds = {}, {}
    for suite, work in calm.items():
        row, numbers[suite], seconds[suite] = undisturbed(work, folder)
        yield row
    slow = Work(LONG, KILLED.seeds, KILLED.model)
    row, _, seconds[LONG] = undisturbed(slow, folder)
    yield row
    place = Place(folder, Undisturbed(numbers, seconds), random.Random(0))
    yield from chain(
        blows(sizes.blows, sizes.fresh, place),
        full_disks(sizes.full_disks, place),
        short_files(place),
        unwritable(place),
        faulty_models(sizes.faulty, place),
        clock_steps(sizes.clocks, place),
        crowds(sizes.drivers, sizes.runs, sizes.killed, place),
    )


def undisturbed(work: Work, folder: Path) -> tuple[Row, dict[int, str], float]:
    """The row of runs that nothing happens to, what each measured by its seed, and the seconds that
    they took."""
    ground = Ground(folder / f"calm-{work.suite}-{work.model}")
    ground.folder.mkdir()
    began = time.monotonic()
    code = ground.run(work, "--jobs=2")
    seconds = time.monotonic() - began
    records, _, _ = read(ground.results)
    numbers = {seed: measured(r) for (_, seed), r in records.items() if r.status is Status.ok}
    found = ground.count(work, Undisturbed({work.suite: numbers}, {}))
    if code:
        found += Tally(wrong=(f"the exit code is {code}",))
    planted = f"nothing: `{work.model}` in `{work.suite}`"
    return Row("undisturbed", planted, 0, work.seeds, found), numbers, seconds


def told(row: Row) -> dict[str, Any]:
    """The row as the record has it: the numbers, and some of the sentences."""
    sentences = {name: list(found) for name, found in asdict(row.tally).items()}
    return {
        "scenario": row.scenario,
        "planted": row.planted,
        "times": row.times,
        "runs": row.runs,
        "skipped": row.skipped,
        "found": {name: len(found) for name, found in sentences.items()},
        "sentences": [text for found in sentences.values() for text in found][:MOST_SENTENCES],
    }


def line(row: dict[str, Any], seconds: float) -> str:
    """The row as it is printed."""
    if row["skipped"]:
        return f"{seconds:6.0f} s  {row['scenario']}: skipped, {row['skipped']}"
    found = ", ".join(f"{count} {name}" for name, count in row["found"].items() if count)
    text = f"{seconds:6.0f} s  {row['scenario']}: {row['runs']} runs, {found or 'nothing lost'}"
    return "\n".join([text, *(f"          {sentence}" for sentence in row["sentences"])])


def described(sizes: Sizes, rows: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """The record of the selftest."""
    return {
        "schema": SCHEMA,
        "sizes": asdict(sizes),
        "rows": rows,
        "seconds": round(seconds),
        "versions": versions(),
        "environment": environment("cpu"),
    }
