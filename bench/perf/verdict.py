"""Is a commit slower than another? From rounds of before, after, and before again.

    ratio = after / sqrt(before * again)        spread = max(again / before, before / again) - 1

The mean of two measurements, one on either side, takes a steady drift of the machine out of the
ratio; the spread is what the same code differs from itself by. A point is slower where the median
ratio of several rounds exceeds 1 by more than the largest spread, and by more than a least margin.
It is lost where the old commit could be measured and the new one could not.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Points = Mapping[str, float]


@dataclass(frozen=True)
class Round:
    """The value of every point that has one, three times in a row; less is better."""

    before: Points
    after: Points
    again: Points

    def ratio(self, point: str) -> float:
        """How much more the new commit takes; infinity where it gives nothing."""
        old = math.sqrt(self.before[point] * self.again[point])
        return _quotient(self.after[point], old) if point in self.after else math.inf

    def spread(self, point: str) -> float:
        """By how much the old commit differs from itself."""
        quotients = sorted((self.before[point], self.again[point]))
        return _quotient(quotients[1], quotients[0]) - 1


@dataclass(frozen=True)
class Row:
    """What is said of a point."""

    point: str
    before: float
    after: float
    ratio: float
    margin: float

    @property
    def verdict(self) -> str:
        """`slower`, `lost`, or nothing."""
        if math.isinf(self.after):
            return "lost"
        return "slower" if self.ratio > 1 + self.margin else ""


def judge(rounds: Sequence[Round], least: float) -> list[Row]:
    """A row for every point that the old commit has in all rounds."""
    common = set.intersection(*({*r.before} & {*r.again} for r in rounds))
    return [_row(point, rounds, least) for point in sorted(common)]


def suspects(first: Round, least: float) -> list[str]:
    """The points that one round speaks against, however much the old commit differs from itself."""
    return [row.point for row in judge([first], least) if row.ratio > 1 + least]


def _row(point: str, rounds: Sequence[Round], least: float) -> Row:
    return Row(
        point,
        before=median(r.before[point] for r in rounds),
        after=median(r.after.get(point, math.inf) for r in rounds),
        ratio=median(r.ratio(point) for r in rounds),
        margin=max(least, *(r.spread(point) for r in rounds)),
    )


def _quotient(above: float, below: float) -> float:
    """Their quotient; 1 for two zeros, which a meter of memory may read."""
    return 1.0 if above == below else above / below if below else math.inf
