"""The count of a trial: what is wrong in its folder, its log and among the processes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from bench.execution.lease import FOLDER
from bench.records import RunRecord, Status, canonical_json, is_timing
from bench.store import WRITING, record_files
from bench.validation import examine

Run = tuple[str, int]
"""A model and a seed."""
Numbers = Mapping[int, str]
"""By seed, what an undisturbed run measured, times and memory aside."""


@dataclass(frozen=True)
class Tally:
    """A sentence for each run that was lost, done twice, and so on. All should be empty."""

    lost: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    torn: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, name) + getattr(other, name) for name in COLUMNS))


COLUMNS = tuple(field.name for field in fields(Tally))


def tally(results: Path, log: Path, planned: Mapping[Run, Status], numbers: Numbers) -> Tally:
    """What is wrong in the results folder, of the runs that should have ended so, and in the log
    that they kept."""
    records, torn, extra = read(results)
    wrong = [
        f"{model} seed {seed} ended {records[model, seed].status}, not {expected}"
        for (model, seed), expected in planned.items()
        if (model, seed) in records and records[model, seed].status is not expected
    ]
    unplanned = [
        f"{model} seed {seed} was not asked for" for model, seed in {*records} - {*planned}
    ]
    changed = [
        f"{model} seed {seed} has other numbers than the undisturbed run"
        for (model, seed), record in sorted(records.items())
        if record.status is Status.ok and measured(record) != numbers.get(seed)
    ]
    return Tally(
        lost=tuple(f"{model} seed {seed} has no record" for model, seed in {*planned} - {*records}),
        twice=tuple(done_twice(log)),
        torn=tuple(torn),
        wrong=(*wrong, *unplanned, *extra),
        changed=tuple(changed),
        left=tuple(left_in(results)),
    )


def read(results: Path) -> tuple[dict[Run, RunRecord], list[str], list[str]]:
    """The records, what is wrong with their files, and those that are there more than once."""
    records, torn, extra = {}, [], []
    for path in record_files(results):
        record, problems = examine(path)
        torn += problems[:1]
        if record is not None:
            run = record.spec.model, record.spec.seed
            extra += [f"{path.name} is another record of one run"] * (run in records)
            records[run] = record
    return records, torn, extra


def measured(record: RunRecord) -> str:
    """What the run measured, in order, without times and memory."""
    return canonical_json([row for row in record.measurements if not is_timing(row)])


def done_twice(log: Path) -> list[str]:
    """The runs that came to their end more than once, or were done by two processes at once."""
    lines = log.read_text().splitlines() if log.exists() else []
    counts = Counter(lines)
    often = [line for line, count in counts.items() if count > 1 and line.endswith(" finished")]
    return [f"{line} {counts[line]} times" for line in often] + [
        line for line in counts if line.endswith(" beside")
    ]


def left_in(results: Path) -> list[str]:
    """The folders of runs under way, checkpoints and half-written files that are still there."""
    under_way = sorted((results / FOLDER).glob("*/*"))
    writing = sorted(results.rglob(f"{WRITING}*"))
    return [str(path.relative_to(results)) for path in (*under_way, *writing)]
