"""The tables of one stack as the page, Markdown and LaTeX show them, in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.report import published
from bench.report.captions import budget_words, excluded_caption, leaderboard_caption
from bench.report.depth_tables import depth_boards
from bench.report.gather import Gathered
from bench.report.leaderboard_columns import EXCLUDED
from bench.report.leaderboard_text import (
    bold,
    displayed,
    displayed_without_failures,
    printed,
)
from bench.report.not_run import SENTENCE, TITLE
from bench.report.overall_table import overall_boards
from bench.report.page import Board
from bench.report.progress_table import norm_boards, progress_boards
from bench.report.scene import updates_text
from bench.report.sentences import group_sentence, seeds_sentence
from bench.report.signal_table import displayed_signals
from bench.report.speed_table import speed_boards
from bench.report.verdict_table import verdict_boards


def stack_boards(
    found: Gathered, stack: str, facts: Mapping[str, Mapping[str, Any]], labels: Sequence[str]
) -> list[Board]:
    """Those over all tasks first, then group by group; `facts` by group, `labels` in the order in
    which the report introduces them."""
    rows = found.board[found.board["stack"] == stack]
    runs = found.runs[found.runs["stack"] == stack]
    machine = found.hardware[stack]
    own = found.measurements[found.measurements["stack"] == stack]
    claimed = [verdict for verdict in found.verdicts if verdict.stack in (stack, "")]
    boards = verdict_boards(claimed, found.records)
    boards += overall_boards(found.overall, stack)
    for table in [table for table in found.depth if table.ladder.stack == stack]:
        climbed = runs[runs["task_label"] == table.ladder.task]
        boards += _captioned(depth_boards([table], stack), f"{budget_words(climbed)} {machine}")
    boards += _captioned(speed_boards(found.points, found.marks, stack), machine)
    for group in facts:
        ours, ran = rows[rows["group"] == group], runs[runs["group"] == group]
        if ran["updates"].any():  # nothing of runs that only looked
            boards += _scores(group, facts[group], ours, ran, found)
            boards += progress_boards(group, facts[group]["metric"], own, labels)
            boards += norm_boards(group, own, labels)
        boards += _captioned(_signals(found.signals, stack, group, labels), machine)
    missing = found.missing[stack]
    return boards + ([Board(TITLE, SENTENCE, missing)] if len(missing) else [])


def _captioned(boards: Sequence[Board], words: str) -> list[Board]:
    return [replace(board, caption=words) for board in boards]


def _scores(
    group: str, facts: Mapping[str, Any], rows: pd.DataFrame, runs: pd.DataFrame, found: Gathered
) -> list[Board]:
    """Our numbers; the same without failed runs, where that is another table; and those of the
    literature on the same task."""
    metric, results = facts["metric"], found.literature[group]
    sentences = f"{group_sentence(facts)} {seeds_sentence(rows['seeds'].tolist())}.".strip()
    table = displayed(rows, metric, published.beside(rows, results, facts))
    caption = leaderboard_caption(rows, facts, runs, found.hardware[rows["stack"].iloc[0]])
    boards = [Board(group, sentences, table, caption, bold(rows, metric), printed(table))]
    boards += _without_failures(group, metric, facts["direction"], rows, boards[0])
    if results:
        literature = published.results_table(results, facts)
        boards.append(Board(f"{group}: published", published.SENTENCE, literature))
    return boards


def _without_failures(
    group: str, metric: str, direction: str, rows: pd.DataFrame, counted: Board
) -> list[Board]:
    """The leaderboard without failed runs, if it says anything else."""
    means = rows["excluded_mean"].astype(float)
    kept = rows.loc[means.sort_values(ascending=direction == "min", kind="stable").index]
    table = displayed_without_failures(kept, metric)
    same = counted.table[[name for name in table if name in counted.table]]
    marks = bold(kept, metric, EXCLUDED)
    if table.equals(same) and marks == counted.bold:
        return []
    words = "The same, with failed runs left out."
    return [
        Board(f"{group}: failures excluded", words, table, excluded_caption(kept, metric), marks)
    ]


def _signals(table: pd.DataFrame, stack: str, group: str, labels: Sequence[str]) -> list[Board]:
    """The signals of the group, a table before and one after training, if any were measured."""
    if table.empty:
        return []
    same = table[(table["stack"] == stack) & (table["group"] == group)]
    return [
        Board(
            f"{group}: signals {updates_text(rows)}",
            f"{seeds_sentence(rows.groupby('label')['seed'].nunique().tolist())}.",
            displayed_signals(rows, labels),
        )
        for _, rows in same.groupby("stage")
    ]
