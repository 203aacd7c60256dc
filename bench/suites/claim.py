"""A sentence about models that recorded runs can hold to: a paper's claim, or a promise of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ABSTRACT = "arXiv 2210.01245, abstract"
"""ROAF's paper, of which no more was at hand."""
THIS_PROJECT = "this project"
"""Who promises what no paper claims."""
Fields = Mapping[str, Any]
"""Which runs: fields of their spec with the value that each must have, of a mapping the entries."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is said, who said it, and the number that decides.

    The number of a seed is the `quantity`, measured or one of `bench.report.derived`, of the run
    that has the fields `runs`, after `after` updates or, for None, the last one; with a `rival` it
    is less the rival's of the same seed. The claim is that it is at least `least`, or at most
    `most`.
    """

    says: str
    source: str
    runs: Fields
    rival: Fields = field(default_factory=dict)
    quantity: str = "test_score"
    after: int | None = None
    least: float | None = None
    most: float | None = None

    def __post_init__(self) -> None:
        if (self.least is None) == (self.most is None):
            raise ValueError(f"the claim {self.says!r} needs either `least` or `most`")
        if lacking := {"model", "task"} - self.runs.keys():
            named = " and ".join(sorted(lacking))
            raise ValueError(f"the `runs` of the claim {self.says!r} need a {named}")

    @property
    def bound(self) -> float:
        """The number that is asked for."""
        return self.least if self.least is not None else self.most or 0.0

    def allows(self, value: float) -> bool:
        """Whether the number is on the claim's side; NaN is not."""
        return value <= self.bound if self.least is None else value >= self.bound
