"""How far a suite is on a stack: what is recorded, running, lost and missing, and what is left."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.cost import medians, pace, same_cost, seconds_at
from bench.records import RunSpec, Status
from bench.store import BadRecord, read_record, record_files

RUNNING, LOST, MISSING = "running", str(Status.lost), "missing"
LEFT = (RUNNING, LOST, MISSING, str(Status.killed))
"""The states of runs that are still to be done; all other states are how a run ended. What is
unsupported here runs again, too, once its data are there: nobody can say when."""


@dataclass(frozen=True)
class Seen:
    """What a file says of its run; `stamp` changes when the file does, `used` are the seconds of
    its training, `problem` says why the file is no record."""

    stamp: tuple[int, int]
    run_id: str = ""
    status: str = ""
    cost: tuple = ()
    pace: float | None = None
    used: float = 0.0
    problem: str | None = None


@dataclass(frozen=True)
class Progress:
    """The states of a suite's runs on a stack, by task and model.

    `further` counts the records of runs that are not the suite's own, `used` the seconds of
    training that all records tell of, `left` those that the runs to do may take, without `unknown`
    runs of whose like there is no record.
    """

    suite: str
    stack: str
    states: Mapping[tuple[str, str], Counter[str]]
    further: int
    used: float
    left: float
    unknown: int
    problems: Sequence[str]

    @property
    def counts(self) -> Counter[str]:
        """How many runs are in each state."""
        return sum(self.states.values(), Counter())

    @property
    def is_over(self) -> bool:
        """Whether no run is missing or under way; the lost and the killed wait for a new start."""
        return not (self.counts[MISSING] or self.counts[RUNNING])


def read_files(folder: Path, before: Mapping[Path, Seen]) -> dict[Path, Seen]:
    """The record files of the folder; one that has not changed since `before` is not read again."""
    found = {}
    for path in record_files(folder):
        with suppress(FileNotFoundError):
            stat = path.stat()
            stamp = stat.st_mtime_ns, stat.st_size
            known = before.get(path)
            found[path] = known if known and known.stamp == stamp else _read(path, stamp)
    return found


def _read(path: Path, stamp: tuple[int, int]) -> Seen:
    try:
        record = read_record(path)
    except BadRecord as error:
        return Seen(stamp, problem=str(error))
    spec, seconds = record.spec, pace(record)
    done = max((m.step for m in record.measurements if m.quantity == "step_seconds"), default=0)
    used = seconds * done if seconds else 0.0
    return Seen(stamp, spec.run_id, str(record.status), same_cost(spec), seconds, used)


def progress(
    suite: str,
    stack: str,
    specs: Sequence[RunSpec],
    files: Iterable[Seen],
    underway: Mapping[str, str],
    earlier: Iterable[Seen] = (),
) -> Progress:
    """The states of the suite's runs, from what the files and the leases say; `underway` holds
    RUNNING or LOST by run_id. `earlier` files only tell how long a run takes."""
    seen = list(files)
    ended = {file.run_id: file.status for file in seen if file.problem is None}
    paces = medians((file.cost, file.pace) for file in (*earlier, *seen))
    states: dict[tuple[str, str], Counter[str]] = {}
    todo: list[RunSpec] = []
    for spec in specs:
        state = state_of(spec.run_id, ended, underway)
        states.setdefault((task_text(spec), spec.model), Counter())[state] += 1
        todo += [spec] if state in LEFT else []
    known = seconds_at(paces, todo)
    return Progress(
        suite=suite,
        stack=stack,
        states=states,
        further=len(ended.keys() - {spec.run_id for spec in specs}),
        used=float(sum(file.used for file in seen)),
        left=float(sum(known.values())),
        unknown=len(todo) - len(known),
        problems=[file.problem for file in seen if file.problem],
    )


def state_of(run_id: str, ended: Mapping[str, str], underway: Mapping[str, str]) -> str:
    """How the run ended, or how it is under way; one that runs again is running."""
    if underway.get(run_id) == RUNNING:
        return RUNNING
    status = ended.get(run_id) or underway.get(run_id, MISSING)
    return str(Status.ok) if status == Status.solved_early else status


def task_text(spec: RunSpec) -> str:
    """The task with its arguments and depth."""
    arguments = [f"{name} {value}" for name, value in sorted(spec.task_args.items())]
    depth = [] if spec.depth is None else [f"depth {spec.depth}"]
    return ", ".join((spec.task, *arguments, *depth))
