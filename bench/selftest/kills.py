"""kill -9, of each process there is, at random moments; and the signals that ask to stop."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bench.selftest.driver import wait
from bench.selftest.processes import living, runs_of
from bench.selftest.tally import Tally
from bench.selftest.trial import LONG, Place, Row, Work

WORK = Work(LONG, seeds=4, model="planted-slow")
PATIENCE = 120.0
"""Seconds after which a driver that has not ended never will."""
SOONEST = 1e-3
"""Seconds; whom a blow misses so soon is never there."""
Victims = Callable[[int, Mapping[int, int]], Sequence[int]]
"""From a driver, and by the processes of its runs their fork server, to who is to die; no one as
long as it is not there yet."""


@dataclass(frozen=True)
class Blow:
    """A signal to some processes. Fresh drivers get it so long after their first run began."""

    scenario: str
    planted: str
    victims: Victims
    number: int = signal.SIGKILL
    drivers: int = 1
    fresh: bool = False


def driver_alone(driver: int, runs: Mapping[int, int]) -> Sequence[int]:
    """The driver, which is the supervisor too."""
    return [driver]


BLOWS = (
    Blow("child", "kill -9 of the process of a run", lambda driver, runs: sorted(runs)[-1:]),
    Blow("supervisor", "kill -9 of the driver, which supervises its runs", driver_alone),
    Blow(
        "one driver of two",
        "the same while another driver works on the same folder",
        driver_alone,
        drivers=2,
    ),
    Blow(
        "fork server",
        "kill -9 of what the runs are forked from",
        lambda driver, runs: sorted(set(runs.values())),
    ),
    Blow(
        "everything",
        "kill -9 of driver, fork server and runs at once",
        lambda driver, runs: [driver, *runs.values(), *runs] if runs else [],
    ),
)
FRESH = tuple(
    replace(
        blow,
        scenario=f"{blow.scenario}, fresh",
        planted=f"{blow.planted}; new interpreters",
        fresh=True,
    )
    for blow in BLOWS
    if blow.scenario in ("supervisor", "everything")
)
REQUESTS = tuple(
    Blow(f"asked to stop by {number.name}", f"{number.name} to the driver", driver_alone, number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)
)


def blows(times: int, fresh: int, place: Place) -> Iterator[Row]:
    """A row for each kind of blow, which falls so many times, on fresh drivers so many."""
    yield from (row(blow, times, place) for blow in (*BLOWS, *REQUESTS))
    yield from (row(blow, fresh, place) for blow in FRESH if fresh)


def row(blow: Blow, times: int, place: Place) -> Row:
    """The row of a kind of blow."""
    found = Tally()
    for moment in place.moments(times, place.undisturbed.seconds[LONG]):
        found += strike_once(blow, moment, place)
    return Row(blow.scenario, blow.planted, times, times * WORK.seeds, found)


def strike_once(blow: Blow, moment: float, place: Place) -> Tally:
    """What is wrong after the blow at that moment, or an earlier one if all was over by then, and
    after `run` again."""
    while True:
        ground = place.ground(blow.scenario.replace(" ", "-"))
        drivers = [ground.begin(WORK, "--jobs=2", fresh=blow.fresh) for _ in range(blow.drivers)]
        if blow.fresh:
            await_run(drivers[0])
        time.sleep(moment)
        struck = strike(blow, drivers[0])
        codes = [wait(driver, PATIENCE) for driver in drivers]
        if struck or None in codes or moment < SOONEST:
            break
        moment /= 2
    wrong = ("a driver did not end",) * codes.count(None)
    wrong += ("there was no one to strike",) * (not struck)
    return Tally(wrong=wrong) + ground.finish(WORK) + ground.count(WORK, place.undisturbed)


def await_run(driver: int) -> None:
    """Returns when a run of the driver has begun, or none will."""
    deadline = time.monotonic() + PATIENCE
    while driver in living() and not runs_of(driver) and time.monotonic() < deadline:
        time.sleep(0.01)


def strike(blow: Blow, driver: int) -> bool:
    """Whether there was someone to strike before the driver had ended."""
    deadline = time.monotonic() + PATIENCE
    while driver in living() and time.monotonic() < deadline:
        if victims := blow.victims(driver, runs_of(driver)):
            for pid in dict.fromkeys(victims):
                with suppress(ProcessLookupError):
                    os.kill(pid, blow.number)
            return True
        time.sleep(0.002)
    return False
