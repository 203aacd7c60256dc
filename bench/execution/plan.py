"""Which runs there are to do: the suite's, narrowed by the user, without those recorded."""

import difflib
import fnmatch
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.records import RUN_AGAIN, RunRecord, RunSpec, Status
from bench.store import read_folder, slug


class UnknownName(Exception):
    """A name that nothing has, with what is near or allowed."""


@dataclass(frozen=True)
class Plan:
    """The runs to do and the records of those done, and what was unreadable."""

    todo: tuple[RunSpec, ...]
    recorded: tuple[RunRecord, ...]
    problems: tuple[str, ...]


def make_plan(
    specs: Iterable[RunSpec],
    results: Path,
    stack: str,
    retry: Collection[Status] = (),
    force: bool = False,
) -> Plan:
    """The suite's runs, split by whether this stack has an accepted record of them."""
    specs = tuple(specs)
    folders = {results / slug(spec.suite) / stack for spec in specs}
    records, problems = [], []
    for folder in sorted(folders):
        found, bad = read_folder(folder)
        records, problems = records + found, problems + bad
    again = RUN_AGAIN | set(retry)
    kept = {r.spec.run_id: r for r in records if r.status not in again and not force}
    todo = tuple(spec for spec in specs if spec.run_id not in kept)
    recorded = tuple(kept[spec.run_id] for spec in specs if spec.run_id in kept)
    return Plan(todo, recorded, tuple(problems))


def choose(kind: str, wanted: str | None, known: Sequence[str]) -> list[str]:
    """The known names that match a comma-separated list of names and globs; None means all."""
    if wanted is None:
        return list(known)
    chosen: list[str] = []
    for pattern in filter(None, (part.strip() for part in wanted.split(","))):
        found = fnmatch.filter(known, pattern)
        if not found:
            raise UnknownName(unknown(kind, pattern, known))
        chosen += [name for name in found if name not in chosen]
    return chosen


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One sentence: what is unknown, what was perhaps meant, what there is."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{kind} {name!r} is unknown; {hint}There are: {', '.join(known)}"


def seeds(text: str) -> tuple[int, ...]:
    """The seeds that "0-9" or "0,2,5" names."""
    chosen: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not (first.isdigit() and (last.isdigit() or not last)):
            raise UnknownName(f"seeds {text!r} cannot be read; write 0-9 or 0,2,5")
        chosen += range(int(first), int(last or first) + 1)
    return tuple(dict.fromkeys(chosen))
