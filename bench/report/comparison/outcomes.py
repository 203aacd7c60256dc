"""How the two runs of a pair ended, and by which versions they were made."""

import math
from collections.abc import Iterator

from bench.records import FAILED, Status
from bench.report.comparison.pairs import Pair, Run
from bench.report.statistics import OK


def finite_score(run: Run, quantity: str) -> float | None:
    """The run's score, if it ended well and the score is a finite number."""
    score = run.scores.get(quantity, math.nan)
    return score if run.record.status in OK and math.isfinite(score) else None


def is_worse(pair: Pair, quantity: str) -> bool:
    """Whether B ended worse than A, the order being well, diverged, failed, or lost its score."""
    a, b = (_level(run) for run in pair)
    if a is None or b is None:
        return False
    scores = [finite_score(run, quantity) for run in pair]
    return b < a or (b == a and scores[0] is not None and scores[1] is None)


def change(pair: Pair, quantity: str) -> str:
    """What changed between A and B, and for which seed; empty where nothing did."""
    a, b = (_told(run, quantity) for run in pair)
    return f"seed {pair.a.record.spec.seed}: {a} → {b}" if a != b else ""


def versions(pair: Pair) -> Iterator[str]:
    """What is of another version in B than in A."""
    a, b = pair.a.record.spec, pair.b.record.spec
    if a.task_version != b.task_version:
        yield f"{a.task} version {a.task_version} → {b.task_version}"
    if a.model_version != b.model_version:
        yield f"{a.model} version {a.model_version} → {b.model_version}"
    if a.plugin != b.plugin:
        yield f"{a.model}: another source of a plug-in"


def _level(run: Run) -> int | None:
    """2 ended well, 1 diverged, 0 failed; None where that says nothing of the model."""
    status = run.record.status
    if status is Status.unsupported:
        return None
    return 2 if status in OK else 0 if status in FAILED else 1


def _told(run: Run, quantity: str) -> str:
    lacking = run.record.status in OK and quantity and finite_score(run, quantity) is None
    return f"{run.record.status}, no finite score" if lacking else str(run.record.status)
