"""How runs ended, in words, and what counts as solved."""

from collections import Counter
from collections.abc import Iterable

from bench.records import Status

OK = (Status.ok, Status.solved_early)


def failures(statuses: Iterable[str]) -> str:
    """The outcomes other than ok by kind, such as `2 timeout, 1 diverged`; empty without any."""
    kinds = Counter(str(status) for status in statuses if status not in OK)
    ordered = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {kind}" for kind, count in ordered)


def is_solved(score: float, threshold: float, direction: str) -> bool:
    """Whether the score reaches the threshold; NaN never does."""
    return score <= threshold if direction == "min" else score >= threshold
