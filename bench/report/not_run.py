"""What a suite asks for and no record of this folder has: how many hours, and the command."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from bench.cost import Cost, same_cost
from bench.records import RunRecord, RunSpec, canonical_json
from bench.report.failed_runs import shown_folder
from bench.report.formats import number_text, without_empty
from bench.report.groups import arguments_text

TITLE = "Not run here"
SENTENCE = (
    "Runs that the suite asks for and that are not recorded. Hours of one core, by the seconds of "
    "an update in recorded runs of that model at that size; none where it was never timed. The "
    "command runs what that model misses on that task, of all sizes, and nothing twice."
)


def not_run(
    wanted: Iterable[RunSpec],
    records: Sequence[RunRecord],
    stack: str,
    seconds: Mapping[Cost, float],
    results: Path,
) -> pd.DataFrame:
    """A row a task, model and size of which a seed has no record below `results`, of whatever
    outcome."""
    own = [record for record in records if record.stack == stack]
    kinds: dict[tuple[Cost, int], list[RunSpec]] = {}
    for spec in missing(wanted, own):
        kinds.setdefault((same_cost(spec), spec.updates), []).append(spec)
    rows = [_row(specs, seconds.get(cost), results) for (cost, _), specs in kinds.items()]
    return without_empty(pd.DataFrame(rows, dtype=object)) if rows else pd.DataFrame()


def missing(wanted: Iterable[RunSpec], records: Iterable[RunRecord]) -> list[RunSpec]:
    """The runs that are wanted and of which there is no record, of whatever outcome."""
    there: dict[tuple, list[RunSpec]] = {}
    for record in records:
        there.setdefault(_experiment(record.spec), []).append(record.spec)
    asked = {spec.run_id: spec for spec in wanted}
    for spec in sorted(asked.values(), key=lambda spec: -len(_arguments(spec))):
        own = there.get(_experiment(spec), [])
        done = next((other for other in own if _arguments(spec) <= _arguments(other)), None)
        if done is not None:  # the one that was asked for most closely is looked for first
            own.remove(done)
            del asked[spec.run_id]
    return list(asked.values())


def _experiment(spec: RunSpec) -> tuple:
    """What a suite says of a run before the models and tasks have filled it in."""
    trial = spec.learning_rate, spec.output_scale or 1.0, spec.optimiser, spec.gradient_clip
    return *same_cost(spec), spec.seed, spec.updates, *trial, spec.frozen


def _arguments(spec: RunSpec) -> set[str]:
    """Of the model and the optimiser, each one's text; a record has what was left open, too."""
    both = {"model": spec.model_args, "optimiser": spec.optimiser_args}
    return {
        canonical_json({f"{part}.{name}": value})
        for part, arguments in both.items()
        for name, value in arguments.items()
    }


def _row(specs: Sequence[RunSpec], seconds: float | None, results: Path) -> dict[str, str]:
    first = specs[0]
    hours = None if seconds is None else seconds * sum(s.updates for s in specs) / 3600
    return {
        "task": first.task,
        "setting": arguments_text(canonical_json(first.task_args)),
        "depth": number_text(first.depth),
        "model": first.model,
        "width": number_text(first.width),
        "updates": number_text(first.updates),
        "runs": number_text(len(specs)),
        "hours": "" if hours is None else f"{hours:.1f}",
        "command": _command(specs, results),
    }


def _command(specs: Sequence[RunSpec], results: Path) -> str:
    """What runs them, and every other size of that model and task that is missing."""
    first, seeds = specs[0], sorted({spec.seed for spec in specs})
    words = ["python", "-m", "bench", "run", "--suite", first.suite, "--tasks", first.task]
    words += ["--models", first.model, "--seeds", ",".join(map(str, seeds))]
    return shlex.join([*words, "--results", str(shown_folder(results))])
