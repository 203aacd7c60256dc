"""What differs between the pairs of runs of two sides, A and B, and what of it is a regression.

Of every model in every group, over its pairs:

    difference = mean of (score of B - score of A)      its 95 % interval is that of `summarise`
    ratio = geometric mean of (seconds an update of B / of A), its interval that of the logarithms

The score is the last of the test set; the last validation loss where nothing was tested. A run that
did not end well has none. B is worse

* in its score where the mean is worse by more than is allowed and the interval excludes 0. Where
  there is none, for one pair and for differences that are all equal, the mean alone decides.
  Allowed is the margin itself for an accuracy (0.05 is five points), that part of the way from
  chance to the task's target for any other score, of chance's loss for a loss, and of A's own mean
  where these are not known;
* in its outcome where a run that ended well diverged or failed, one that diverged failed, or a
  finite score is lost. `unsupported` says nothing of a model;
* in its speed where the ratio exceeds 1 + margin and its interval lies above 1, so of two pairs at
  the least, and on one stack and processor alone. On different ones it is an indication.

Every row is judged by itself: among very many some are worse by chance.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.records import RunRecord
from bench.report.comparison.outcomes import change, finite_score, is_worse, versions
from bench.report.comparison.pairs import SCORES, Name, Pair, match
from bench.report.comparison.sides import Side, Unusable
from bench.report.formats import is_accuracy
from bench.report.leaderboard import task_facts
from bench.report.statistics import summarise
from bench.store import run_rows


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of the pairs in which both have one. `sign` is 1 where a high score is good and -1
    where a low one is; `allowed` is by how much the mean may be worse."""

    metric: str
    sign: int
    n: int
    mean_a: float | None = None
    mean_b: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    allowed: float | None = None

    @property
    def worse(self) -> bool:
        """Whether B is worse by more than is allowed."""
        if self.difference is None or self.allowed is None:
            return False
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        return -self.sign * self.difference > self.allowed and all(
            self.sign * bound < 0 for bound in bounds
        )


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The ratio of the seconds of an update, over the pairs in which both were timed; it `counts`
    on one stack and processor alone."""

    n: int
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    counts: bool = False
    allowed: float

    @property
    def worse(self) -> bool:
        """Whether B is slower by more than is allowed."""
        if not self.counts or self.ratio is None or self.low is None:
            return False
        return self.ratio > self.allowed and self.low > 1


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model in a group: what changed in the outcomes of its pairs, in versions and numbers."""

    name: Name
    pairs: int
    scores: Scores
    speed: Speed
    changes: Sequence[str]
    versions: Sequence[str]
    outcome_worse: bool

    @property
    def worse(self) -> list[str]:
        """In what B is worse."""
        found = {
            "score": self.scores.worse,
            "outcome": self.outcome_worse,
            "speed": self.speed.worse,
        }
        return [name for name, is_so in found.items() if is_so]


@dataclass(frozen=True)
class Comparison:
    """Two sides, a row a model and group, and the seeds of what one side has alone."""

    a: Side
    b: Side
    margin: float
    rows: Sequence[Row]
    only_a: Mapping[Name, Sequence[int]]
    only_b: Mapping[Name, Sequence[int]]

    @property
    def regressions(self) -> list[Row]:
        """The rows in which B is worse."""
        return [row for row in self.rows if row.worse]


def compare(a: Side, b: Side, margin: float) -> Comparison:
    """A against B; Unusable where they have no run in common."""
    if not math.isfinite(margin):
        raise Unusable(f"--margin {margin} is no finite number; write such as 0.05")
    found = match(a, b)
    if not found.pairs:
        raise Unusable(f"no run of {a.name} is in {b.name}, so there is nothing to compare")
    rows = [_row(name, pairs, margin) for name, pairs in found.pairs.items()]
    return Comparison(a, b, margin, rows, found.only_a, found.only_b)


def _row(name: Name, pairs: Sequence[Pair], margin: float) -> Row:
    quantity = next(
        (q for q in SCORES if any(q in run.scores for pair in pairs for run in pair)), ""
    )
    return Row(
        name=name,
        pairs=len(pairs),
        scores=_scores(pairs, quantity, margin),
        speed=_speed(pairs, margin),
        changes=[text for pair in pairs if (text := change(pair, quantity))],
        versions=sorted({text for pair in pairs for text in versions(pair)}),
        outcome_worse=any(is_worse(pair, quantity) for pair in pairs),
    )


def _scores(pairs: Sequence[Pair], quantity: str, margin: float) -> Scores:
    facts = _facts(pairs, quantity)
    both = [
        (a, b)
        for a, b in (
            (finite_score(pair.a, quantity), finite_score(pair.b, quantity)) for pair in pairs
        )
        if a is not None and b is not None
    ]
    own = {"metric": facts["metric"], "sign": -1 if facts["direction"] == "min" else 1}
    if not both:
        return Scores(**own, n=0)
    mean_a, mean_b = (sum(values) / len(both) for values in zip(*both, strict=True))
    found = summarise([_rounded(b - a) for a, b in both])
    return Scores(
        **own,
        n=found.n,
        mean_a=mean_a,
        mean_b=mean_b,
        difference=found.mean,
        low=found.low,
        high=found.high,
        allowed=margin * _unit(facts, mean_a),
    )


def _rounded(difference: float) -> float:
    """To twelve digits, so that differences that are equal are so after rounding errors, too."""
    return float(f"{difference:.12g}")


def _facts(pairs: Sequence[Pair], quantity: str) -> dict[str, Any]:
    """What the records say of the task, and of its loss where that is the score."""
    facts = task_facts(run_rows([run.record for pair in pairs for run in pair]))
    if quantity != "validation_loss":
        return facts
    loss = {"metric": "validation loss", "direction": "min", "chance": 0.0}
    return facts | loss | {"solved": facts["chance_loss"]}


def _unit(facts: Mapping[str, Any], mean: float) -> float:
    """What a margin of 1 is in the score's own unit."""
    if is_accuracy(facts["metric"]):
        return 1.0
    if facts["chance"] is None or facts["solved"] is None:
        return abs(mean)
    way = abs(facts["solved"] - facts["chance"])
    return way if 0 < way < math.inf else abs(mean)


def _speed(pairs: Sequence[Pair], margin: float) -> Speed:
    timed = [(pair, log) for pair in pairs if (log := _log_ratio(pair)) is not None]
    if not timed:
        return Speed(n=0, allowed=1 + margin)
    found = summarise([log for _, log in timed])
    ratio, low, high = (
        None if x is None else math.exp(x) for x in (found.mean, found.low, found.high)
    )
    counts = all(_machine(pair.a.record) == _machine(pair.b.record) for pair, _ in timed)
    return Speed(n=found.n, ratio=ratio, low=low, high=high, counts=counts, allowed=1 + margin)


def _log_ratio(pair: Pair) -> float | None:
    """The logarithm of the seconds of B over those of A, where both were timed."""
    a, b = (run.seconds for run in pair)
    if a is None or b is None or not (0 < a < math.inf and 0 < b < math.inf):
        return None
    return math.log(b) - math.log(a)


def _machine(record: RunRecord) -> tuple:
    """On what a speed was measured."""
    return record.stack, record.environment.get("processor")
