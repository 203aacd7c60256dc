"""Every label of a group against one: against the reference ROAF, or against the best."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.statistics.outcomes import six_digits
from bench.report.statistics.pairs import Difference, difference, holm, improvement
from bench.report.statistics.scores import GROUP, final_scores, references, scale

ALPHA = 0.05
COLUMNS = [
    "stack",
    "group",
    "reference",
    "label",
    "test",
    "n",
    "n_reference",
    "failed",
    "failed_reference",
    "all_failed",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
    "smallest_p",
    "improvement",
    "better",
    "worse",
    "reason",
]
SIDE = ["label", "seed", "value", "failed"]
Key = tuple[str, str]


def compare(
    runs: pd.DataFrame, measurements: pd.DataFrame, excluded_failures: bool = False
) -> pd.DataFrame:
    """One row a (stack, group, label) other than the group's reference (see `references`), in the
    report's order; none for groups in which nothing was tested.

    test: "paired permutation" over the `n` seeds that both have, "Welch" where fewer than two are
    shared, None where there is no test; then `reason` says why: "no reference" (no proposed model),
    "reference not run", "not run" (unsupported or not tested), "all failed" and "reference failed"
    (failures excluded; counted, when both failed throughout), "one seed", "all equal".
    n, n_reference: seeds that enter; failed, failed_reference: how many of these are failed runs,
    which count as the worst score of the group (see `scores`), or are left out. Scores are compared
    to six significant digits. all_failed: whether each of the label's runs failed.
    difference: mean of the label's score minus the reference's, in the unit of the score, below 0
    where the label's is the lower, good or bad; low, high: its 95 % interval.
    p, p_holm: two-sided, and corrected for all the tests of the group; smallest_p: the least p_holm
    that so many seeds and tests can give.
    improvement: the probability that a run of the label is better than one of the reference.
    better, worse: significantly, p_holm < ALPHA.
    """
    return _compared(runs, measurements, references(runs, measurements), excluded_failures)


def compare_with_best(
    runs: pd.DataFrame, measurements: pd.DataFrame, excluded_failures: bool = False
) -> pd.DataFrame:
    """The rows of `compare` with the label of the best mean test score as each group's reference,
    of those of which not every run failed: whoever of these is not `worse` shares its place."""
    scores = final_scores(runs, measurements, excluded_failures)
    best: dict[Key, str] = {}
    for (stack, group), same in scores.groupby(GROUP, sort=False):
        ended = same[~same["failed"].groupby(same["label"]).transform("all")]
        means = ended.groupby("label", sort=False)["value"].mean().map(six_digits)
        best[str(stack), str(group)] = str((scale(same).sign * means).idxmax())
    return _compared(runs, measurements, best, excluded_failures)


def _compared(
    runs: pd.DataFrame, measurements: pd.DataFrame, chosen: Mapping[Key, str], excluded: bool
) -> pd.DataFrame:
    scores = dict(iter(final_scores(runs, measurements).groupby(GROUP)))
    rows: list[dict[str, Any]] = []
    for (stack, group), same in runs.groupby(GROUP, sort=False):
        key = str(stack), str(group)
        if key in scores:
            known = dict(iter(scores[key][SIDE].groupby("label")))
            sides = {
                label: _Side.of(known.get(label), excluded) for label in same["label"].unique()
            }
            keys = dict(zip(GROUP, key, strict=True))
            rows += [keys | row for row in _group(sides, chosen.get(key), scale(same).sign)]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


@dataclass(frozen=True)
class _Side:
    """The scores of a label by seed, those that enter, and of how many runs how many failed."""

    scores: Mapping[int, float]
    failed: int
    runs: int

    @classmethod
    def of(cls, rows: pd.DataFrame | None, excluded: bool) -> "_Side":
        if rows is None:
            return cls({}, 0, 0)
        kept = rows[~rows["failed"]] if excluded else rows
        scores = dict(zip(kept["seed"], kept["value"].map(six_digits), strict=True))
        return cls(scores, int(rows["failed"].sum()), len(rows))


def _group(sides: Mapping[str, _Side], reference: str | None, sign: int) -> list[dict[str, Any]]:
    """The rows of one group, its p values corrected together."""
    other = None if reference is None else sides[reference]
    rows = [
        {"reference": reference, "label": label, **_row(side, other, sign)}
        for label, side in sides.items()
        if label != reference
    ]
    tested = [row for row in rows if row["p"] is not None]
    corrected, least = (holm([row[name] for row in tested]) for name in ("p", "smallest_p"))
    for row, p, smallest in zip(tested, corrected, least, strict=True):
        row["p_holm"], row["smallest_p"] = p, smallest
        row["better"] = p < ALPHA and sign * row["difference"] > 0
        row["worse"] = p < ALPHA and sign * row["difference"] < 0
    return rows


def _row(side: _Side, reference: _Side | None, sign: int) -> dict[str, Any]:
    """What is known of one label before the correction."""
    other = reference or _Side({}, 0, 0)
    reason = _missing(side, reference)
    if reason:
        found, chance = Difference(None, len(side.scores), len(other.scores), reason=reason), None
    else:
        found = difference(side.scores, other.scores)
        chance = improvement([*side.scores.values()], [*other.scores.values()], sign)
    counts = {"failed": side.failed, "failed_reference": other.failed}
    counts |= {"all_failed": 0 < side.failed == side.runs}
    verdict = {"p_holm": None, "improvement": chance, "better": False, "worse": False}
    return found._asdict() | counts | verdict


def _missing(side: _Side, reference: _Side | None) -> str:
    """Why the two cannot be compared; nothing where they can."""
    if reference is None:
        return "no reference"
    if not (side.runs and reference.runs):
        return "reference not run" if side.runs else "not run"
    if not side.scores or (side.failed == side.runs and reference.failed == reference.runs):
        return "all failed"
    return "" if reference.scores else "reference failed"
