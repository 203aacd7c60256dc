"""The largest depth at which a model reaches its task's target.

Where the task names no target, it is the middle between chance and the best mean test score of any
network on the task, so that it comes from the data alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import number_text, score_text
from bench.report.groups import natural
from bench.report.ladder import Ladder, Rung
from bench.report.statistics import is_solved

SHARE = 0.6
"""Reached: by so large a part of the runs, 3 of 5."""
METHOD = (
    f"Largest depth: the largest rung at which at least {100 * SHARE:.0f} % of the runs "
    f"({math.ceil(3 * SHARE)} of 3, {math.ceil(5 * SHARE)} of 5) reach the target, even if a "
    "shallower one missed it; ≥ where it is the largest tried, < where no rung reached it, not "
    "even the smallest tried. Runs that failed have not reached it. A comparison line stands where "
    "a task names no target: it is made from the data and says who is ahead, not what is solved. "
    "* one run only.",
)


def largest_rows(ladder: Ladder) -> list[dict[str, Any]]:
    """One row a model, frozen ones too, that with the largest depth first; none without a
    target."""
    goal = target(ladder)
    if goal is None:
        return []
    found: dict[str, list[Rung]] = {}
    for rung in ladder.rungs:
        found.setdefault(rung["label"], []).extend([rung] if _tested(rung) else [])
    rows = [_row(ladder, goal, same) for same in found.values() if same]
    return sorted(rows, key=lambda row: (-(row["largest_depth"] or 0), natural(row["label"])))


def largest_text(ladder: Ladder, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as text, and at every depth how many of how many runs reached the target."""
    return pd.DataFrame([_texts(ladder, row) for row in rows], dtype=object)


def largest_sentence(ladder: Ladder) -> str:
    """What the target is and where it comes from."""
    goal = target(ladder)
    if goal is None:
        return ""
    bound = "at most" if ladder.sign < 0 else "at least"
    metric = ladder.facts["metric"]
    line = f"test {metric or 'score'} of {bound} {score_text(goal, metric)}"
    if ladder.facts["solved"] is not None:
        return f"Target: {line}, the task's own."
    return (
        f"Comparison line: {line}, the middle between chance and the best mean test score on this "
        "task, which names no target."
    )


def target(ladder: Ladder) -> float | None:
    """The score that counts as reached; None where neither the task nor chance is known."""
    chance, solved = ladder.facts["chance"], ladder.facts["solved"]
    if solved is not None or chance is None or not ladder.scores:
        return solved
    best = max(ladder.scores, key=lambda score: ladder.sign * score)
    return (chance + best) / 2


def _row(ladder: Ladder, goal: float, rungs: Sequence[Rung]) -> dict[str, Any]:
    counts = {rung["depth"]: (_reached(ladder, goal, rung), _tested(rung)) for rung in rungs}
    good = [depth for depth, (reached, runs) in counts.items() if reached >= SHARE * runs]
    largest = max(good, default=None)
    return {
        "stack": ladder.stack,
        "task": ladder.task,
        "label": rungs[0]["label"],
        "target": goal,
        "target_from": "task" if ladder.facts["solved"] is not None else "data",
        "largest_depth": largest,
        "is_largest_tried": largest == max(counts),
        "smallest_tried": min(counts),
        **{f"reached_at_{depth}": _count(*counts.get(depth, (0, 0))) for depth in ladder.depths},
    }


def _tested(rung: Rung) -> int:
    """Its runs, without those that ended well and were never tested."""
    return len(rung["scores"]) + rung["runs"] - rung["ok"]


def _reached(ladder: Ladder, goal: float, rung: Rung) -> int:
    return sum(
        is_solved(score, goal, ladder.facts["direction"]) for score in rung["scores"].values()
    )


def _count(reached: int, runs: int) -> str:
    return f"{reached}/{runs}" if runs else ""


def _texts(ladder: Ladder, row: Mapping[str, Any]) -> dict[str, str]:
    counts = {depth: row[f"reached_at_{depth}"] for depth in ladder.depths}
    marked = {
        f"{number_text(depth)} layers": f"{count}*" if count.endswith("/1") else count
        for depth, count in counts.items()
    }
    return {"model": row["label"], "largest depth": _depth_text(row), **marked}


def _depth_text(row: Mapping[str, Any]) -> str:
    depth = row["largest_depth"]
    if depth is None:
        return f"< {number_text(row['smallest_tried'])}"
    return f"≥ {number_text(depth)}" if row["is_largest_tried"] else number_text(depth)
