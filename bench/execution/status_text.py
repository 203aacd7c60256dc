"""What `bench status` prints, once or until no run is missing or under way."""

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from bench.environment import stack
from bench.execution import session
from bench.execution.lease import under_way
from bench.execution.plan import RECORDED
from bench.execution.say import say
from bench.execution.status import (
    LEFT,
    LOST,
    MISSING,
    RUNNING,
    Progress,
    Seen,
    progress,
    read_files,
)
from bench.execution.wanted import Unusable, find_suite, suite_specs
from bench.records import RunSpec, Status
from bench.runner import Registry
from bench.store import slug
from bench.suites import all_suites

SECONDS_BETWEEN = 5.0
CLEAR = "\x1b[H\x1b[2J"
HEADS = ("task", "model", "runs", "ok", "failed", RUNNING, LOST, MISSING)


def status(
    suite: str | None, results: Path, device: str, plugins: Sequence[Path], watch: bool
) -> int:
    """Prints how far the suite is, or every suite of the folder; the exit code."""
    names = suites_of(suite, results, plugins)
    specs = {name: runs_of(name, plugins) for name in names}
    here = stack(session.device_name(device))
    found = readings(specs, results, here, is_alone=device != "auto")
    if watch:
        keep_showing(found)
    else:
        say(tables(next(found)))
    return 0


def suites_of(suite: str | None, results: Path, plugins: Sequence[Path]) -> list[str]:
    """The suite named, or those of which the folder has anything."""
    if suite is not None:
        return [suite]
    there = [name for name in all_suites(plugins).entries if (results / slug(name)).is_dir()]
    if not there:
        raise Unusable(f"no suite has records in {results}; name one by --suite")
    return there


def runs_of(suite: str, plugins: Sequence[Path]) -> list[RunSpec]:
    """The suite's own runs."""
    chosen = find_suite(suite, plugins)
    return suite_specs(suite, chosen, Registry(plugins), None, None, None)[0]


def readings(
    specs: Mapping[str, Sequence[RunSpec]], results: Path, here: str, is_alone: bool
) -> Iterator[list[Progress]]:
    """How far each suite is on this machine's stack, if it `is_alone` of interest, or on every one
    of which the folder has anything; read anew each time."""
    files: dict[Path, Seen] = {}
    while True:
        leases = [
            (slug(of), run, RUNNING if lives else LOST) for of, run, lives in under_way(results)
        ]
        found = []
        for name, runs in specs.items():
            there = [] if is_alone else stacks_of(name, runs, results, leases)
            for of in there or [slug(here)]:
                places = (folder / slug(name) / of for folder in (results, RECORDED))
                own, earlier = (read_files(place, files) for place in places)
                states = {run: state for other, run, state in leases if other == of}
                found += [progress(name, of, runs, own.values(), states, earlier.values())]
                files |= own | earlier
        yield found


def stacks_of(
    suite: str, specs: Sequence[RunSpec], results: Path, leases: Sequence[tuple[str, str, str]]
) -> list[str]:
    """The stacks on which runs of the suite are recorded or under way."""
    ids = {spec.run_id for spec in specs}
    recorded = {path.name for path in (results / slug(suite)).glob("*/")}
    return sorted(recorded | {stack for stack, run_id, _ in leases if run_id in ids})


def keep_showing(found: Iterator[list[Progress]]) -> None:
    """Shows what changes until all is over or the user has seen enough; the runs go on."""
    shown = ""
    try:
        for reading in found:
            text = screen(reading) if sys.stdout.isatty() else summaries(reading)
            if text != shown:
                say(text)
                shown = text
            if all(each.is_over for each in reading):
                return
            time.sleep(SECONDS_BETWEEN)
    except KeyboardInterrupt:
        say("")


def tables(found: Sequence[Progress]) -> str:
    """Every task and model of every suite."""
    return "\n\n".join("\n".join((*lines(each), summary(each))) for each in found)


def summaries(found: Sequence[Progress]) -> str:
    """A line a suite."""
    return "\n".join(map(summary, found))


def screen(found: Sequence[Progress]) -> str:
    """What is not done yet, as much of it as the terminal has lines for, and the summaries."""
    room = max(1, shutil.get_terminal_size().lines - 2 - len(found))
    whole = [line for each in found for line in lines(each, unfinished=True)]
    cut = [*whole[: room - 1], f"and {len(whole) - room + 1} more lines"]
    return CLEAR + "\n".join((*(whole if len(whole) <= room else cut), summaries(found)))


def lines(found: Progress, unfinished: bool = False) -> list[str]:
    """A line a task and model, perhaps without those of which nothing is left to do."""
    rows = [
        [task, model, *_cells(counts)]
        for (task, model), counts in found.states.items()
        if not unfinished or any(counts[state] for state in LEFT)
    ]
    table = tabulate(rows, HEADS, disable_numparse=True).splitlines() if rows else []
    unread = [f"unreadable: {problem}" for problem in found.problems]
    return [f"{found.suite} on {found.stack}", *table, *unread]


def summary(found: Progress) -> str:
    """The whole suite in a line."""
    counts = found.counts
    done = counts.total() - sum(counts[state] for state in LEFT)
    parts = [
        f"{found.suite} on {found.stack}: {done} of {counts.total()} runs done",
        _listed(counts, [Status.ok, *_kinds(counts), *LEFT]),
        f"{found.used / 3600:.2f} hours of training used",
        _to_go(found),
        f"{found.further} records of other runs" if found.further else "",
    ]
    return "; ".join(filter(None, parts))


def _cells(counts: Counter[str]) -> list[str]:
    numbers = [str(counts[state] or "") for state in (RUNNING, LOST, MISSING)]
    return [str(counts.total()), str(counts[Status.ok]), _listed(counts, _kinds(counts)), *numbers]


def _kinds(counts: Counter[str]) -> list[str]:
    """In what other ways than well the runs ended."""
    return sorted(counts.keys() - {str(Status.ok), *LEFT})


def _listed(counts: Counter[str], states: Sequence[str]) -> str:
    return ", ".join(f"{counts[state]} {state}" for state in states if counts[state])


def _to_go(found: Progress) -> str:
    """How long it may still take."""
    running, left = found.counts[RUNNING], sum(found.counts[state] for state in LEFT)
    if not left:
        return ""
    hours = found.left / 3600
    text = f"about {hours:.2f} hours of one core to go"
    text += f", {hours / running:.2f} with {running} at once" if running > 1 else ""
    return text + (f", and {found.unknown} runs never timed before" if found.unknown else "")
