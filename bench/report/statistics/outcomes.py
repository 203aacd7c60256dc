"""How runs ended, in words, which scores are equal, and what counts as solved."""

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
    """Whether the score reaches the threshold, both to six digits; NaN never does."""
    own, line = six_digits(score), six_digits(threshold)
    return own <= line if direction == "min" else own >= line


def six_digits(value: float) -> float:
    """The value to six significant digits, so that equal counts are equal: the accuracy of as many
    right answers differs in the eighth digit with the parts in which float32 has averaged them, and
    990 of 1,000 are 0.98999998."""
    return float(f"{value:.6g}")
