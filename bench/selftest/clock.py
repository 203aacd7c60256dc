"""Clocks that jump: deadlines and leases must not care."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.execution.lease import FOLDER
from bench.selftest.driver import wait
from bench.selftest.kills import PATIENCE
from bench.selftest.processes import living
from bench.selftest.tally import Tally
from bench.selftest.trial import LONG, Place, Row, Work

DAY = 86400.0
PLANTED = "the wall's clock and the times of the leases, by up to a day at each look, two drivers"


def clock_steps(times: int, place: Place) -> Iterator[Row]:
    """The row of commands whose clock, and whose disk's clock, jump."""
    work = Work(LONG, seeds=4, model="planted-slow")
    found = Tally()
    for _ in range(times):
        ground = place.ground("clock")
        drivers = [
            ground.begin(
                work, "--jobs=1", "--timeout=60", variables={"BENCH_SELFTEST_CLOCK": "yes"}
            )
            for _ in range(2)
        ]
        deadline = time.monotonic() + PATIENCE
        while living().keys() & {*drivers} and time.monotonic() < deadline:
            for lease in leases(ground.results):
                when = time.time() + place.draw.uniform(-DAY, DAY)
                with suppress(OSError):
                    os.utime(lease, (when, when))
            time.sleep(0.02)
        codes = [wait(driver, PATIENCE) for driver in drivers]
        if codes != [0, 0]:
            found += Tally(wrong=(f"the exit codes are {codes}",))
        found += ground.count(work, place.undisturbed)
    yield Row("clock steps", PLANTED, times, times * work.seeds, found)


def leases(results: Path) -> list[Path]:
    """The files that say who does a run; none where a folder goes while it is looked into."""
    with suppress(OSError):
        return list((results / FOLDER).glob("*/*/owner-*"))
    return []
