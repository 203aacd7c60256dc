"""Which runs there are to do: the suite's, narrowed by the user, without those recorded."""

import difflib
import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from bench.cost import Cost, paces, seconds_at
from bench.records import RUN_AGAIN, RunRecord, RunSpec, Status
from bench.store import read_folder, slug

MOST_SEEDS = 10_000
YEAR = 365 * 24 * 3600
RECORDED = Path("results/recorded")
"""The records that come with the code."""


class UnknownName(Exception):
    """A name that nothing has, with what is near or allowed."""


@dataclass(frozen=True)
class Plan:
    """The runs to do and the records of those done, and what was unreadable."""

    todo: tuple[RunSpec, ...]
    recorded: tuple[RunRecord, ...]
    problems: tuple[str, ...]


class Code(NamedTuple):
    """The code that made a record: its commit, whether that was changed, torch's release."""

    commit: str | None
    changed: bool | None
    torch: str

    @classmethod
    def of(cls, versions: Mapping[str, Any], environment: Mapping[str, Any]) -> "Code":
        """The code of a record with these."""
        release = ".".join(str(versions.get("torch")).split(".")[:2])
        return cls(environment.get("commit"), environment.get("changed"), release)


def make_plan(
    specs: Iterable[RunSpec],
    results: Path,
    stack: str,
    retry: Collection[Status] = (),
    force: bool = False,
    code: Code | None = None,
) -> Plan:
    """The suite's runs, split by whether this stack has an accepted record of them; if `code` is
    given, one that it made."""
    specs = tuple(specs)
    folders = {results / slug(spec.suite) / slug(stack) for spec in specs}
    records, problems = [], []
    for folder in sorted(folders):
        found, bad = read_folder(folder)
        records, problems = records + found, problems + bad
    again = RUN_AGAIN | set(retry)
    kept = {
        r.spec.run_id: r
        for r in records
        if r.status not in again
        and not force
        and code in (None, Code.of(r.versions, r.environment))
    }
    todo = tuple(spec for spec in specs if spec.run_id not in kept)
    recorded = tuple(kept[spec.run_id] for spec in specs if spec.run_id in kept)
    return Plan(todo, recorded, tuple(problems))


def launches(specs: Sequence[RunSpec], at_once: Mapping[str, int]) -> list[tuple[RunSpec, ...]]:
    """The runs by the process that does them, in the order of their first.

    Those that differ in seed and learning rate alone go together, at most as many as `at_once`
    says for their run_id.
    """
    families: dict[str, list[RunSpec]] = {}
    for spec in specs:
        alone = at_once[spec.run_id] == 1
        family = spec if alone else replace(spec, seed=0, learning_rate=0.0)
        families.setdefault(family.run_id, []).append(spec)
    sizes = [(family, at_once[family[0].run_id]) for family in families.values()]
    return [
        tuple(family[first : first + size])
        for family, size in sizes
        for first in range(0, len(family), size)
    ]


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


def check_known(kind: str, name: str, known: Collection[str]) -> None:
    """Raises UnknownName where nothing has that very name; it is no glob."""
    if name not in known:
        raise UnknownName(unknown(kind, name, known))


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One sentence: what is unknown, what was perhaps meant, what there is."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    there_are = f"did you mean {near[0]!r}? There are" if near else "there are"
    return f"{kind} {name!r} is unknown; {there_are}: {', '.join(known)}"


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds that "0-9" or "0,2,5" names."""
    chosen: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        seeds = range(int(match[1]), int(match[2] or match[1]) + 1) if match else ()
        if not 0 < len(seeds) <= MOST_SEEDS:
            allowed = f"0-9 or 0,2,5, at most {MOST_SEEDS:,}"
            raise UnknownName(f"--seeds {text!r} cannot be read; write {allowed}")
        chosen += seeds
    return tuple(dict.fromkeys(chosen))


def parse_statuses(text: str) -> set[Status]:
    """The statuses that "timeout,error" names."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    return {Status(name) for part in names for name in choose("status", part, list(Status))}


def parse_duration(text: str) -> float:
    """The seconds that "90", "90s", "30m" or "2h" names."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text)
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0
    if not 0 < seconds <= YEAR:
        raise UnknownName(f"--timeout {text!r} cannot be read; write 90, 90s, 30m or 2h")
    return seconds


def seconds_known(specs: Iterable[RunSpec], results: Path, stack: str) -> dict[str, float]:
    """What each run may take on this stack, by run_id, where a record of its suite tells: one of
    the results, else one of those that come with the code."""
    specs = tuple(specs)
    places = sorted({Path(slug(spec.suite), slug(stack)) for spec in specs})

    def told(folder: Path) -> dict[Cost, float]:
        return paces(record for place in places for record in read_folder(folder / place)[0])

    return seconds_at(told(RECORDED) | told(results), specs)
