"""Many drivers on one results folder, left alone or killed one after another."""

import os
import signal
import time
from collections.abc import Iterator

from bench.selftest.driver import wait
from bench.selftest.processes import living
from bench.selftest.tally import Tally
from bench.selftest.trial import SHORT, Place, Row, Work

KILL_EVERY = 0.5
"""Seconds between two kills."""


def crowds(drivers: int, runs: int, kills: int, place: Place) -> Iterator[Row]:
    """The row of drivers that share the runs in peace, and of drivers that are killed at it."""
    work = Work(SHORT, runs)
    ground = place.ground("crowd")
    crowd = [ground.begin(work, "--jobs=1") for _ in range(drivers)]
    codes = [wait(driver, 3600) for driver in crowd]
    found = Tally(wrong=() if set(codes) == {0} else (f"the exit codes are {codes}",))
    found += ground.count(work, place.undisturbed)
    yield Row("crowd", f"{drivers} drivers on one folder", 1, runs, found)
    yield dying_crowd(drivers, runs, kills, place)


def dying_crowd(drivers: int, runs: int, kills: int, place: Place) -> Row:
    """Of the drivers one is killed every half second, and another begun in its place."""
    work = Work(SHORT, runs)
    ground = place.ground("dying-crowd")
    crowd = [ground.begin(work, "--jobs=1") for _ in range(drivers)]
    killed = 0
    while killed < kills and living().keys() & {*crowd}:
        time.sleep(place.draw.uniform(0, 2 * KILL_EVERY))
        number = place.draw.randrange(drivers)
        if crowd[number] in living():
            os.kill(crowd[number], signal.SIGKILL)
            wait(crowd[number])
            crowd[number] = ground.begin(work, "--jobs=1")
            killed += 1
    codes = [wait(driver, 3600) for driver in crowd]
    found = Tally(wrong=("a driver did not end",) if None in codes else ())
    found += ground.finish(work) + ground.count(work, place.undisturbed)
    planted = f"kill -9 of one of {drivers} drivers on one folder, another in its place"
    return Row("crowd with kills", planted, killed, runs, found)
