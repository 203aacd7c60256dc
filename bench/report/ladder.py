"""A task along depth: what every model reaches on it at every depth, and what each is held against.

A control is a cheaper or plainer network that a deep one has to beat before its depth counts: the
same with a body that is not trained (frozen core), shallow ones, and for ROAF the same without its
filter or with a plainer one, and a residual network with the same beta. It has the same width and
as many updates.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from bench.report.groups import CORE, natural
from bench.report.leaderboard import task_facts
from bench.report.proposed import IDENTITY, SIGNED
from bench.report.statistics import OK, last_values, summarise
from bench.suites.names import SHALLOW

SAME_BETA = {
    "roaf-mlp": "resnet-tanh-linear",
    "roaf-mlp-isometric": "resnet-tanh-linear",
    "roaf-mlp-sqrt": "resnet-tanh-sqrt",
}
ALIKE = ("width", "updates")
SHALLOWEST = 10
"""The first rung of a ladder is a shallow network if it has at most so many layers."""


Rung = Mapping[str, Any]
"""A configuration at a depth, as in the leaderboard, and whether its core is `frozen`, the test
`scores` by seed of its runs that ended well, the mean of their last `validation` scores, and how
many runs each diagnostic was `asked` of."""


@dataclass(frozen=True)
class Ladder:
    """One task along depth on one stack: its rungs by depth, the best first, and all rows."""

    stack: str
    task: str
    facts: Mapping[str, Any]
    rungs: Sequence[Rung]
    rows: pd.DataFrame

    @property
    def sign(self) -> int:
        """1 where a high score is good, -1 where a low one is."""
        return -1 if self.facts["direction"] == "min" else 1

    @property
    def depths(self) -> list[int]:
        """The depths of the ladder, in order."""
        return sorted({rung["depth"] for rung in self.rungs})

    @property
    def scores(self) -> list[float]:
        """The mean test scores that are numbers."""
        means = [rung["score_mean"] for rung in self.rungs]
        return [mean for mean in means if mean is not None and math.isfinite(mean)]

    @property
    def climbers(self) -> list[Rung]:
        """The trained rungs whose depth is that of the network."""
        return [r for r in self.rungs if not r["frozen"] and r["model"] != SHALLOW]

    @property
    def shallow(self) -> list[Rung]:
        """The trained networks of one hidden layer, by the depth whose parameters they have."""
        return [r for r in self.rungs if not r["frozen"] and r["model"] == SHALLOW]


def ladders(runs: pd.DataFrame, measurements: pd.DataFrame, board: pd.DataFrame) -> list[Ladder]:
    """The tasks along depth, in the report's order."""
    deep = runs[(runs["axis"] == "depth") & runs["depth"].notna()]
    quantities = ("test_score", "validation_score")
    last = {quantity: last_values(measurements, quantity) for quantity in quantities}
    rows = dict(iter(measurements.groupby(["stack", "task_label"])))
    return [
        Ladder(
            str(stack), str(task), task_facts(same), _rungs(same, board, last), rows[stack, task]
        )
        for (stack, task), same in deep.groupby(["stack", "task_label"], sort=False)
    ]


def _rungs(
    runs: pd.DataFrame, board: pd.DataFrame, last: Mapping[str, Mapping[tuple[str, str], float]]
) -> list[Rung]:
    """The leaderboard's rows of these runs, and what it does not say."""
    found = dict(iter(runs.groupby(["stack", "group", "label"])))
    rungs = []
    for row in board.to_dict("records"):
        same = found.get((row["stack"], row["group"], row["label"]))
        if same is not None:
            frozen = bool(same["frozen"].iloc[0] == CORE)
            asked = Counter(chain(*map(json.loads, same["diagnostics"])))
            rungs.append({**row, "frozen": frozen, "asked": asked, **_scores(same, last)})
    return sorted(rungs, key=lambda rung: rung["depth"])


def _scores(
    runs: pd.DataFrame, last: Mapping[str, Mapping[tuple[str, str], float]]
) -> dict[str, Any]:
    """The test scores of the runs that ended well, and their mean validation score."""
    well = runs[runs["status"].isin(OK)]
    keys = dict(zip(well["seed"], zip(well["stack"], well["run_id"], strict=True), strict=True))
    scores, validated = (
        {seed: last[quantity][key] for seed, key in keys.items() if key in last[quantity]}
        for quantity in ("test_score", "validation_score")
    )
    return {"scores": scores, "validation": summarise(list(validated.values())).mean}


def controls(ladder: Ladder, rung: Rung) -> dict[str, Rung | None]:
    """The controls of a trained rung by name; None where it has none of the kind."""
    model = rung["model"]
    at = [r for r in ladder.rungs if r["depth"] == rung["depth"] and is_alike(r, rung)]

    def named(name: str | None, frozen: bool = False) -> Rung | None:
        same = [r for r in at if r["model"] == name and r["frozen"] == frozen]
        return best_validated(ladder, same)

    return {
        "frozen_core": named(model, frozen=True),
        "best_shallow": best_shallow(ladder, rung),
        "equal_parameters": named(SHALLOW),
        "identity": named(model + IDENTITY),
        "signed_permutation": named(model + SIGNED),
        "resnet_same_beta": named(SAME_BETA.get(model)),
    }


def is_alike(control: Rung, rung: Rung) -> bool:
    """Whether the control is as wide and was trained for as many updates."""
    return all(control[name] == rung[name] for name in ALIKE)


def best_shallow(ladder: Ladder, rung: Rung) -> Rung | None:
    """The network at the ladder's first depth that has the best validation score; none for the
    networks of that depth."""
    first = ladder.depths[0]
    tested = [
        other
        for other in (*ladder.climbers, *ladder.shallow)
        if other["depth"] == first <= SHALLOWEST
        and is_alike(other, rung)
        and other["score_mean"] is not None
        and other["validation"] is not None
    ]
    return best_validated(ladder, tested) if rung["depth"] > first else None


def best_shallows(ladder: Ladder) -> list[Rung]:
    """Every network that is the best shallow one of some rung: one, where all are alike."""
    found = [best_shallow(ladder, rung) for rung in ladder.climbers]
    return list({rung["label"]: rung for rung in found if rung is not None}.values())


def best_validated(ladder: Ladder, rungs: Sequence[Rung]) -> Rung | None:
    """The rung with the best mean validation score, the first by name of equal ones; one without
    a score comes last."""

    def rank(rung: Rung) -> tuple:
        value = math.nan if rung["validation"] is None else rung["validation"]
        unknown = math.isnan(value)
        return unknown, 0.0 if unknown else -ladder.sign * value, natural(rung["label"])

    return min(rungs, key=rank, default=None)
