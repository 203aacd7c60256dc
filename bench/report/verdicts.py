"""Whether what is claimed holds: a number a seed from the records, its interval, and a word.

    holds               at least three seeds, and the whole 95 % interval of the mean is on the
                        claim's side
    holds partly        the mean is on its side, but the interval is not or there is none
    does not hold here  the mean is on the other side
    not tested here     there is no such run

A run that failed has no number; it is named, and where there is one the claim holds partly at most.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.derived import DERIVED
from bench.report.statistics import OK, RUN, Summary, finite_rows, present, summarise
from bench.report.statistics.outcomes import six_digits
from bench.rows import plain
from bench.suites.claim import Claim, Fields

FEWEST_SEEDS = 3
UNTESTED = "not tested here"


@dataclass(frozen=True)
class Verdict:
    """The claim, the stack, and by seed what was measured; a failed run has None."""

    claim: Claim
    stack: str
    values: dict[int, float | None]
    run_ids: tuple[str, ...]

    @property
    def summary(self) -> Summary:
        """Of the runs that ended well."""
        return summarise(present(self.values.values()))

    @property
    def failed(self) -> int:
        """How many runs have no number."""
        return sum(value is None for value in self.values.values())

    @property
    def word(self) -> str:
        """The verdict, as the file's docstring defines it."""
        found = self.summary
        if not self.values:
            return UNTESTED
        if not self._allows(found.mean):
            return "does not hold here"
        equal = found.low is None and found.n > 1
        sure = equal or (self._allows(found.low) and self._allows(found.high))
        enough = found.n >= FEWEST_SEEDS and not self.failed
        return "holds" if sure and enough else "holds partly"

    def _allows(self, value: float | None) -> bool:
        return value is not None and self.claim.allows(six_digits(value))


def verdicts(
    claims: Sequence[Claim], runs: pd.DataFrame, measurements: pd.DataFrame
) -> list[Verdict]:
    """A verdict a claim and stack, from labelled runs; of a claim without one, one of no stack."""
    found = []
    for claim in claims:
        own = runs[_having(runs, claim.runs)]
        read = _values(claim, measurements)
        stacks = own.groupby("stack")
        told = [_verdict(claim, str(stack), same, runs, read) for stack, same in stacks]
        found += told or [Verdict(claim, "", {}, ())]
    return found


def _verdict(
    claim: Claim, stack: str, own: pd.DataFrame, runs: pd.DataFrame, read: dict[Any, float]
) -> Verdict:
    own = _newest(own)
    values, used = _by_seed(own, read), own
    if claim.rival:
        rivals = _newest(runs[_having(runs, claim.rival) & (runs["stack"] == stack)])
        others = _by_seed(rivals, read)
        values = {seed: _less(values[seed], others[seed]) for seed in values if seed in others}
        used = pd.concat([own, rivals])
    return Verdict(claim, stack, values, tuple(used.loc[used["seed"].isin(values), "run_id"]))


def _newest(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of the newest version of the task, and of these of the newest of the model."""
    for version in ("task_version", "model_version"):
        runs = runs[runs[version] == runs[version].max()]
    return runs


def _by_seed(runs: pd.DataFrame, read: dict[Any, float]) -> dict[int, float | None]:
    """The number of each seed; more than one run of a seed raises ValueError."""
    if runs["seed"].duplicated().any():
        labels = ", ".join(runs["label"].unique())
        raise ValueError(f"a claim's number is of one run a seed, but these have more: {labels}")
    ended = runs["status"].isin(OK)
    keys = zip(runs["seed"], runs["stack"], runs["run_id"], ended, strict=True)
    return {seed: read.get((stack, run)) if well else None for seed, stack, run, well in keys}


def _values(claim: Claim, measurements: pd.DataFrame) -> dict[Any, float]:
    """The claim's quantity at its step, by stack and run, where it is finite."""
    derive = DERIVED.get(claim.quantity)
    rows = derive(measurements) if derive else finite_rows(measurements, claim.quantity)[0]
    rows = rows if claim.after is None else rows[rows["step"] == claim.after]
    last = rows.drop_duplicates(RUN, keep="last")
    return dict(zip(zip(last["stack"], last["run_id"], strict=True), last["value"], strict=True))


def _less(value: float | None, other: float | None) -> float | None:
    """A failed rival is no win: what is not there decides nothing."""
    return None if value is None or other is None else value - other


def _having(runs: pd.DataFrame, fields: Fields) -> pd.Series:
    """Which runs have these fields, and of a mapping these entries; both are text in the table."""
    entries = {name: value for name, value in fields.items() if isinstance(value, Mapping)}
    wanted = {name: plain(value) for name, value in fields.items() if name not in entries}
    having = (runs[list(wanted)] == pd.Series(wanted, dtype=object)).all(axis="columns")
    for name, some in entries.items():
        found = [some.items() <= json.loads(str(text)).items() for text in runs[name]]
        having &= pd.Series(found, index=runs.index, dtype=bool)
    return having
