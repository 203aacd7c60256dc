"""The literature beside our numbers: never pooled with them, marked where something differs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from bench.published import PROVENANCES, Published, concerning, sources
from bench.report.formats import is_accuracy, number_text, without_empty
from bench.report.groups import natural
from bench.report.leaderboard import task_facts
from bench.report.statistics import known, present

ON = {"test_score": "test", "validation_score": "validation", "train_loss": "training loss"}
SENTENCE = (
    "What the literature reports on this task, as each source has it: with a budget, splits and "
    "tuning of its own. bench/published/results.csv says where in the source each was read."
)
METHOD = (
    "Published: a number from the literature on the model of that name, on the test set, never "
    "pooled with ours; of several the one under the same permutation and nearest in size, and how "
    "many more there are. What differs from ours is named; under another or an unknown permutation "
    "it is another task. Budgets, splits and tuning always differ.",
    f"Read in: {'; '.join(f'{name} ({text})' for name, text in PROVENANCES.items())}. Epoch: "
    "whether the one reported was the best on the validation or the test set, or the last.",
)


def literature(runs: pd.DataFrame, board: pd.DataFrame) -> dict[str, list[Published]]:
    """The numbers on each group's task; none where our runs were not tested."""
    found = {}
    for group, same in runs.groupby("group", sort=False):
        task, arguments = known(same, "task"), json.loads(known(same, "task_args"))
        tested = board.loc[board["group"] == group, "score_mean"].notna().any()
        permutation = task_facts(same)["permutation"]
        found[str(group)] = concerning(task, arguments, permutation) if tested else []
    return found


def beside(
    board: pd.DataFrame, results: Sequence[Published], facts: Mapping[str, Any]
) -> list[str]:
    """For each row of the leaderboard the published test score of its model, or nothing."""
    tested = [result for result in results if result.quantity == "test_score"]
    return [
        _cell([result for result in tested if result.model == model], width, facts)
        for model, width in zip(board["model"], board["width"], strict=True)
    ]


def results_table(results: Sequence[Published], facts: Mapping[str, Any]) -> pd.DataFrame:
    """All numbers on a task as text, by model and size, without the columns empty throughout."""
    rows = [_row(result, facts) for result in sorted(results, key=_order)]
    return without_empty(pd.DataFrame(rows, dtype=object))


def sources_table(results: Sequence[Published]) -> pd.DataFrame:
    """The sources of the numbers, by key."""
    keys = sorted({result.source for result in results})
    return pd.DataFrame([sources()[key] for key in keys], dtype=object)


def published_rows(found: Mapping[str, Sequence[Published]]) -> list[dict[str, Any]]:
    """A row a group and number, with all that is known of it."""
    return [
        {"group": group} | asdict(result) | {"task_args": json.dumps(dict(result.task_args))}
        for group, results in found.items()
        for result in sorted(results, key=_order)
    ]


def result_text(result: Published, metric: str) -> str:
    """The number with the digits of its source, an accuracy in percent."""
    percent = is_accuracy(metric) and result.quantity.endswith("score")
    values = present([result.number, result.deviation])
    text = " ± ".join(f"{value.scaleb(2 if percent else 0):f}" for value in values)
    sign = "" if result.relation == "=" else f"{result.relation} "
    return f"{sign}{text} %" if percent else f"{sign}{text}"


def _cell(results: list[Published], width: int, facts: Mapping[str, Any]) -> str:
    """The number that is most like ours, its source, and in what it is not like ours."""
    if not results:
        return ""
    permutation = facts["permutation"]
    best = min(results, key=lambda r: (r.permutation != permutation, _size_gap(r, width)))
    differences = [
        _permutation_text(best, permutation),
        _size_text(best, width),
        _count_text(best.epochs, "epoch"),
        f"{len(results) - 1} more" if len(results) > 1 else "",
    ]
    text = f"{result_text(best, facts['metric'])} [{best.source}]"
    return "; ".join([text, *(difference for difference in differences if difference)])


def _size_gap(result: Published, width: int) -> float:
    """How many times larger or smaller the network is, as a logarithm; an unknown size is last."""
    return abs(math.log(result.hidden / width)) if result.hidden else math.inf


def _permutation_text(result: Published, permutation: str) -> str:
    if result.permutation == permutation:
        return ""
    return "another permutation" if result.permutation else "permutation unknown"


def _size_text(result: Published, width: int) -> str:
    if result.hidden == width:
        return ""
    return _count_text(result.hidden, "unit") or "size unknown"


def _count_text(count: int | None, noun: str) -> str:
    return "" if count is None else f"{count:,} {noun}{'' if count == 1 else 's'}"


def _order(result: Published) -> tuple:
    return natural(result.model), result.hidden or math.inf, result.number


def _row(result: Published, facts: Mapping[str, Any]) -> dict[str, str]:
    return {
        "model": result.model,
        "result": result_text(result, facts["metric"]),
        "on": ON[result.quantity],
        "units": number_text(result.hidden),
        "layers": number_text(result.layers),
        "parameters": number_text(result.parameters),
        "epochs": number_text(result.epochs),
        "updates": number_text(result.updates),
        "seeds": number_text(result.seeds),
        "permutation": result.permutation or ("unknown" if facts["permutation"] else ""),
        "epoch": result.selection,
        "source": result.source,
        "read in": result.provenance,
        "note": result.note,
    }
