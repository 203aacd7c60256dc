"""What is wrong in a results folder: every bad file and line, and what unfinished work left."""

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.execution.lease import FOLDER, run_folder, under_way
from bench.record_text import parse_record
from bench.records import RunRecord
from bench.store import WRITING, BadRecord, read_text, record_path, shown, survey

MOST_FAULTS = 10
"""So many are named of one file."""
STALE_SECONDS = 300.0
"""A file that has been in the writing for so long has no writer any more."""


@dataclass(frozen=True)
class Findings:
    """How many records there are of each status, and a sentence for everything that is wrong."""

    statuses: Mapping[str, int]
    problems: Sequence[str]

    @property
    def summary(self) -> str:
        """The counts in one line."""
        told = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        total = sum(self.statuses.values())
        return f"{total} records ({told or 'none'}), {len(self.problems)} problems"


def validate(folder: Path) -> Findings:
    """What is found in the folder and below."""
    statuses, problems = Counter(), []
    files, hidden = survey(folder)
    for path in files:
        record, found = examine(path)
        problems += found
        if record is not None:
            statuses[str(record.status)] += 1
    left = (sentence for path in hidden for sentence in _left_behind(path))
    return Findings(statuses, [*problems, *left])


def examine(path: Path) -> tuple[RunRecord | None, list[str]]:
    """The record in the file, if it is one, and what is wrong with it or its place."""
    name = shown(path)
    try:
        record, faults = parse_record(read_text(path), MOST_FAULTS + 1)
    except BadRecord as error:
        return None, [str(error)]
    if record is not None:
        return record, [f"{name}{fault}" for fault in (*_misplaced(record, path), *_order(record))]
    named = [f"{name}, line {fault.line}: {fault.sentence}" for fault in faults[:MOST_FAULTS]]
    return None, named + [f"{name}: and further lines"] * (len(faults) > MOST_FAULTS)


def _misplaced(record: RunRecord, path: Path) -> Iterator[str]:
    """A replicate has the name of its run with a number behind it."""
    expected = record_path(record, Path())
    stem = re.sub(r"-r[0-9]+$", "", path.stem)
    if path.absolute().with_stem(stem).parts[-3:] != expected.parts:
        yield f": what it holds belongs in {expected}"


def _order(record: RunRecord) -> Iterator[str]:
    """The first measurement of fewer updates than the one before."""
    steps = enumerate(pairwise(row.step for row in record.measurements), start=3)
    for line, (before, after) in steps:
        if after < before:
            yield f", line {line}: update {after} comes after update {before}"
            return


def _left_behind(path: Path) -> Iterator[str]:
    """What a hidden file or folder says of work that ended on the way."""
    if path.name.startswith(WRITING) and _age(path) > STALE_SECONDS:
        yield f"{shown(path)}: was being written when its writer ended; it can be deleted"
    if path.name == FOLDER:
        for stack, run_id, alive in under_way(path.parent):
            if not alive:
                left = run_folder(path.parent, stack, run_id)
                yield f"{shown(left)}: its run ended on the way; the next `run` takes it up"


def _age(path: Path) -> float:
    """Seconds since the file was changed; 0 if it is gone."""
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0
