"""Several results folders into one, by copying files.

Two records of one run on one stack are the same if they say the same. They differ too where only
timing, memory or environment do, for these were measured as well; the sentence tells which it is.
Different ones are refused, unless it is said what to keep:

first    the one that is there, or comes first in the order of the folders
newest   the one of a run that finished before that of one that failed; then by the time that the
         record gives, one without being older; then by the time of the file
both     the second becomes a replicate, `<name>-r2.jsonl`, which `load` reads and reports mention
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from bench.record_text import said
from bench.records import FINISHED, Measurement, RunRecord, canonical_json, is_timing
from bench.store import (
    BadRecord,
    read_record,
    record_files,
    record_path,
    shown,
    write_whole,
)

Keep = Literal["newest", "first", "both"]


class Conflict(ValueError):
    """Two different records of one run on one stack; the message names both files."""


@dataclass(frozen=True)
class Merged:
    """How many files were copied and how many there before, and a sentence for each pair that was
    different and each file that is no record."""

    copied: int
    present: int
    different: Sequence[str]
    problems: Sequence[str]


def merge(sources: Iterable[Path], out: Path, keep: Keep | None = None) -> Merged:
    """What came of bringing the sources' records into `out`.

    A source that is not a folder of its own raises ValueError and different records Conflict, both
    before any copy. A file that is not a record is left out, and named.
    """
    files = [path for source in sources for path in _files(source, out)]
    copies, merged = _plan(files, out, keep)
    if merged.different and keep is None:
        more = len(merged.different) - 1
        raise Conflict(merged.different[0] + (f"; and {more} pairs more" if more else ""))
    for target, path in copies.items():
        write_whole(target, [path.read_bytes()], out)
    return merged


def _files(source: Path, out: Path) -> list[Path]:
    if not source.is_dir():
        raise ValueError(f"{shown(source)} is not a results folder")
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise ValueError(f"{shown(source)} and --out {shown(out)} must be apart, none in the other")
    return record_files(source)


def _plan(files: Sequence[Path], out: Path, keep: Keep | None) -> tuple[dict[Path, Path], Merged]:
    """Which file is to be copied to which place, and what that will have done."""
    copies: dict[Path, Path] = {}
    present, different, problems = 0, [], []
    for path in files:
        try:
            record = read_record(path)
            target = record_path(record, out)
            standing = _standing(target, copies)
            unlike = [_difference(read_record(file), record) for file in standing.values()]
            if "" in unlike:
                present += 1
                continue
            if standing:
                names = f"{shown(standing[target])} and {shown(path)}"
                different.append(f"{names} are different records of one run: {unlike[0]}")
            place = _place(path, target, standing, keep)
        except BadRecord as error:
            problems.append(str(error))
        else:
            if place is not None:
                copies[place] = path
    return copies, Merged(len(copies), present, different, problems)


def _standing(target: Path, copies: Mapping[Path, Path]) -> dict[Path, Path]:
    """By place the files of the run that are there or will be copied: its own, then replicates."""
    found = {}
    for place in replicates(target):
        if place not in copies and not place.exists():
            break
        found[place] = copies.get(place, place)
    return found


def replicates(path: Path) -> Iterator[Path]:
    """The path of a record, then those of further different records of the same run."""
    yield path
    yield from (path.with_stem(f"{path.stem}-r{number}") for number in count(2))


def _place(
    path: Path, target: Path, standing: Mapping[Path, Path], keep: Keep | None
) -> Path | None:
    """Where the file goes that differs from all that stand; None where those stay alone."""
    if not standing:
        return target
    if keep == "both":
        return next(place for place in replicates(target) if place not in standing)
    newer = keep == "newest" and _age(path) > _age(standing[target])
    return target if newer else None


def _age(path: Path) -> tuple[bool, str, float]:
    """Larger for what `newest` prefers."""
    record = read_record(path)
    return record.status in FINISHED, record.recorded_at or "", path.stat().st_mtime


def _difference(one: RunRecord, other: RunRecord) -> str:
    """The first thing in which two records of a run differ; nothing if they say the same."""
    if said(one) == said(other):
        return ""
    if one.status != other.status:
        return f"{one.status}, and {other.status}"
    rows, others = _numbers(one), _numbers(other)
    for a, b in zip(rows, others, strict=False):
        if canonical_json(a) != canonical_json(b):
            return f"{_words(a)} = {a.value}, and {_words(b)} = {b.value}"
    if len(rows) != len(others):
        return f"{len(rows)} measurements, and {len(others)}, beside those of time and memory"
    return "they agree in all but timing, memory, environment or error text"


def _numbers(record: RunRecord) -> list[Measurement]:
    """What the same spec gives again on the same stack."""
    return [row for row in record.measurements if not is_timing(row)]


def _words(row: Measurement) -> str:
    return f"{row.quantity} of {row.where} at update {row.step}"
