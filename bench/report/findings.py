"""What a report found, in a sentence and a table a stack: who is best at each task and where ROAF
stands; without a test, whose trial is best; without either, whose gradient arrives."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import mean_text, number_text, score_text, without_empty
from bench.report.leaderboard import central, task_facts
from bench.report.legend_columns import is_headline
from bench.report.page import Board
from bench.report.proposed import is_proposed
from bench.report.sentences import seeds_sentence
from bench.report.signals import at_stage
from bench.report.statistics import references, relative_gradients

WITHIN = 1000.0
"""A gradient arrives if its norm changes by no more than this factor on its way."""
CAPTION = (
    "The mean test score over seeds with its 95 % interval: of the model whose mean is best, and "
    "of the ROAF model that does best on the validation set. Best also names every model that a "
    "test does not find worse. Solved: of the runs of the first that is named. Place: that of the "
    "mean among all models."
)
Row = dict[str, Any]


def findings(runs: pd.DataFrame, measurements: pd.DataFrame, board: pd.DataFrame) -> list[Board]:
    """The findings of every stack, from its labelled runs and its leaderboard."""
    chosen = references(runs, measurements)
    found = []
    for stack, rows in board.groupby("stack", sort=False):
        own = runs[runs["stack"] == stack]
        facts = {str(group): task_facts(same) for group, same in own.groupby("group", sort=False)}
        parts = {str(group): same for group, same in rows.groupby("group", sort=False)}
        tested = {group: same for group, same in parts.items() if _known(same, "score_mean")}
        tried = {group: same for group, same in parts.items() if _known(same, "validation_loss")}
        if tested:
            ours = {group: chosen.get((str(stack), group)) for group in tested}
            found.append(_scores(str(stack), tested, facts, ours))
        elif tried:
            found.append(_trials(str(stack), tried))
        else:
            found += _arrivals(str(stack), measurements[measurements["stack"] == stack], facts)
    return found


def _known(board: pd.DataFrame, name: str) -> bool:
    return bool(board[name].notna().any())


def _scores(
    stack: str,
    boards: Mapping[str, pd.DataFrame],
    facts: Mapping[str, Row],
    ours: Mapping[str, str | None],
) -> Board:
    """A row a task: its best model, and the place of ROAF's."""
    rows = [
        _score_row(group, board.to_dict("records"), facts[group], ours[group])
        for group, board in boards.items()
    ]
    firsts = [board["label"].iloc[0] for board in boards.values()]
    seeds = [count for board in boards.values() for count in board["seeds"]]
    deep = any(board["depth"].notna().any() for board in boards.values())
    sentences = f"{_most(firsts, deep)} {_proposed(firsts)} {seeds_sentence(seeds)}."
    return Board(stack, sentences, _table(rows), CAPTION)


def _score_row(group: str, board: Sequence[Mapping[Any, Any]], facts: Row, ours: str | None) -> Row:
    metric = facts["metric"]
    labels = [row["label"] for row in board]
    place = labels.index(ours) if ours in labels else None
    return {
        "task": group,
        "chance": score_text(facts["chance"], metric),
        "best": "; ".join([labels[0], *(row["label"] for row in board[1:] if row["best"])]),
        "its score": _score(board[0], metric),
        "solved": board[0]["solved"],
        "ROAF": ours if place is not None else "",
        "ROAF's score": _score(board[place], metric) if place is not None else "",
        "place": f"{1 + place} of {len(labels)}" if place is not None else "",
    }


def _score(row: Mapping[Any, Any], metric: str) -> str:
    """The mean and its interval."""
    mean, low, high = (central(row, name) for name in ("mean", "low", "high"))
    return mean_text(mean, low, high, metric)


def _most(firsts: Sequence[str], depths: bool) -> str:
    """How often each model comes first."""
    ordered = sorted(Counter(firsts).items(), key=lambda item: (-item[1], item[0]))
    told = "; ".join(f"{label} on {times}" for label, times in ordered)
    tasks = "1 task" if len(firsts) == 1 else f"{len(firsts)} tasks{' and depths' * depths}"
    return f"Best mean test score, of {tasks}: {told}."


def _proposed(firsts: Sequence[str]) -> str:
    count = sum(map(is_headline, firsts))
    return f"A ROAF model, controls aside, comes first on {count or 'none'}."


def _trials(stack: str, boards: Mapping[str, pd.DataFrame]) -> Board:
    """A row a task: the trial with the lowest validation loss."""
    rows = [
        {
            "task": group,
            "best trial": board["label"].iloc[0],
            "validation loss": number_text(board["validation_loss"].iloc[0]),
            "trials": number_text(len(board)),
        }
        for group, board in boards.items()
    ]
    seeds = [count for board in boards.values() for count in board["seeds"]]
    sentences = f"Trials only, and no test: {seeds_sentence(seeds)}."
    return Board(stack, sentences, _table(rows), "The trial with the lowest validation loss.")


def _arrivals(stack: str, measurements: pd.DataFrame, groups: Iterable[str]) -> list[Board]:
    """A row a task: in how many models the gradient arrives before any training."""
    rows, _ = relative_gradients(measurements)
    start = at_stage(rows, "first")
    present = set(start["group"])
    table = [
        _arrival(group, start[start["group"] == group]) for group in groups if group in present
    ]
    caption = (
        "Models by the norm of the gradient at the largest distance over that at distance 0, "
        "before training, the median over seeds: it arrived where it changed by no more than a "
        f"factor of {number_text(WITHIN)}."
    )
    sentences = "Before any training: in how many models does the gradient arrive?"
    return [Board(stack, sentences, _table(table), caption)] if table else []


def _arrival(group: str, rows: pd.DataFrame) -> Row:
    far = rows["distance"].max()
    norms = rows[rows["distance"] == far].groupby("label")["value"].median()
    arrived = norms.between(1 / WITHIN, WITHIN)
    ours = [is_proposed(str(label)) for label in norms.index]
    return {
        "task": group,
        "distance": number_text(float(far)),
        "arrived": f"{int(arrived.sum())}/{len(norms)}",
        "vanished": number_text(int((norms < 1 / WITHIN).sum())),
        "exploded": number_text(int((norms > WITHIN).sum())),
        "arrived, of ROAF's": f"{int(arrived[ours].sum())}/{sum(ours)}",
    }


def _table(rows: Sequence[Row]) -> pd.DataFrame:
    """The rows, which are text, without the columns that would be empty throughout."""
    return without_empty(pd.DataFrame(rows, dtype=object))
