"""Which run of one side belongs to which of the other, and what each measured.

Two runs are a pair where all that decides the numbers agrees but the versions: of the task, of the
model, of a plug-in. What was looked at on the way need not agree either. Where a side has several
versions of a run, its newest counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from bench.records import RunRecord
from bench.report.comparison.sides import Side, Unusable
from bench.report.groups import labelled_runs, narrow_measurements, natural
from bench.report.statistics import last_values, seconds_per_update

SCORES = ("test_score", "validation_loss")
PASSES = ("forward_seconds", "backward_seconds")
"""What is timed of a model that is not trained."""
READ = frozenset((*SCORES, *PASSES, "step_seconds"))


@dataclass(frozen=True)
class Run:
    """A record, the last value of each of SCORES that it has, and the seconds of an update."""

    record: RunRecord
    scores: Mapping[str, float]
    seconds: float | None


class Pair(NamedTuple):
    """The same run on both sides."""

    a: Run
    b: Run


class Name(NamedTuple):
    """Where a run is told of: all but its seed."""

    suite: str
    stack: str
    group: str
    label: str

    @property
    def order(self) -> tuple:
        """The order of the report."""
        return self.suite, self.stack, natural(self.group), natural(self.label)


@dataclass(frozen=True)
class Match:
    """The pairs by name, and the seeds of what one side has alone."""

    pairs: Mapping[Name, Sequence[Pair]]
    only_a: Mapping[Name, Sequence[int]]
    only_b: Mapping[Name, Sequence[int]]


class Key(NamedTuple):
    """What the two runs of a pair have in common."""

    suite: str
    stack: str
    identity: str


def match(a: Side, b: Side) -> Match:
    """The runs of both sides, put together; Unusable where no stack has its like."""
    stacks = _stacks(a, b)
    labels = _labels([*a.records, *b.records])
    ours, theirs = _runs(a, stacks), _runs(b, stacks)

    def by_name(keys: Iterable[Key]) -> dict[Name, list[Key]]:
        found: dict[Name, list[Key]] = {}
        for key in keys:
            name = Name(key.suite, key.stack, *labels[key.suite, key.identity])
            found.setdefault(name, []).append(key)
        return {name: found[name] for name in sorted(found, key=lambda name: name.order)}

    def alone(runs: Mapping[Key, Run], others: Mapping[Key, Run]) -> dict[Name, list[int]]:
        only = by_name(key for key in runs if key not in others)
        return {n: sorted(runs[key].record.spec.seed for key in keys) for n, keys in only.items()}

    both = by_name(key for key in ours if key in theirs)
    pairs = {n: [Pair(ours[key], theirs[key]) for key in keys] for n, keys in both.items()}
    return Match(pairs, alone(ours, theirs), alone(theirs, ours))


def identity(record: RunRecord) -> str:
    """The run's name without versions and looks."""
    return _plain(record).spec.run_id


def _plain(record: RunRecord) -> RunRecord:
    """The record's spec on no stack, without versions and looks."""
    unseen = record.spec.without_looks()
    spec = replace(unseen, task_version=0, model_version=0, plugin=None)
    return RunRecord(spec=spec, status=record.status)


def _stacks(a: Side, b: Side) -> Mapping[str, str]:
    """How each stack is called: by its name, or both by "one → other" where each side has one."""
    if set(a.stacks) & set(b.stacks):
        return {stack: stack for stack in (*a.stacks, *b.stacks)}
    if len(a.stacks) == len(b.stacks) == 1:
        return dict.fromkeys((*a.stacks, *b.stacks), f"{a.stacks[0]} → {b.stacks[0]}")
    raise Unusable(
        f"{a.name} and {b.name} have no stack in common and one has several; name one each, such "
        f"as {a.name}@{a.stacks[0]} and {b.name}@{b.stacks[0]}"
    )


def _labels(records: Sequence[RunRecord]) -> dict[tuple[str, str], tuple[str, str]]:
    """Group and label by suite and identity, such that both sides have the same."""
    plain = {record.spec.run_id: record for record in map(_plain, records)}
    suites: dict[str, list[RunRecord]] = {}
    for record in plain.values():
        suites.setdefault(record.spec.suite, []).append(record)
    return {
        (suite, str(run["run_id"])): (str(run["group"]), str(run["label"]))
        for suite, same in suites.items()
        for run in labelled_runs(same).to_dict("records")
    }


def _runs(side: Side, stacks: Mapping[str, str]) -> dict[Key, Run]:
    """The newest version of each run."""
    read = [
        replace(r, measurements=tuple(m for m in r.measurements if m.quantity in READ))
        for r in side.records
    ]
    rows = narrow_measurements(read)
    scores = {name: last_values(rows, name) for name in SCORES}
    seconds = seconds_per_update(rows)
    found = {}
    for record in sorted(read, key=lambda r: (r.spec.task_version, r.spec.model_version)):
        of = record.stack, record.spec.run_id
        own = {name: values[of] for name, values in scores.items() if of in values}
        pace = seconds.get(of, _fastest(record))
        key = Key(record.spec.suite, stacks[record.stack], identity(record))
        found[key] = Run(record, own, pace)
    return found


def _fastest(record: RunRecord) -> float | None:
    """Forward and backward pass, a median each, of the model's fastest way, where it was timed."""
    passes: dict[str, dict[str, list[float]]] = {}
    for m in record.measurements:
        if m.quantity in PASSES and m.where.startswith(f"{record.spec.model}/") and m.value:
            passes.setdefault(m.where, {}).setdefault(m.quantity, []).append(m.value)
    ways = [map(median, of.values()) for of in passes.values() if len(of) == len(PASSES)]
    return min(map(sum, ways), default=None)
