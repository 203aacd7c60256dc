"""Every model over all tasks of a stack, as a table: with failed runs counted, and without them
where that makes a difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.formats import listed, number_text, short_text
from bench.report.leaderboard_columns import rows_of
from bench.report.page import Board
from bench.report.statistics import Across, across
from bench.report.statistics.overall import normalised

MOST_NAMES = 8
METHOD = (
    "Across tasks: each score on a scale from 0, chance, to 1, the score that solves the task (the "
    "best there is where a task names none); what lies outside counts as the nearer end. IQM: the "
    "mean of the middle half of all runs, with a 95 % bootstrap interval that resamples the runs "
    "of each setting, where each has two or more. Mean rank: over tasks, 1 is best, ties averaged. "
    "Friedman's test asks whether the ranks differ at all; tasks, not seeds, are its blocks. "
    "Solved settings: of those with a target, where at least half of the model's runs reach it.",
)


@dataclass(frozen=True)
class Overall:
    """By stack the models over all tasks with failed runs `counted` and `excluded`, and by stack
    and model how many settings it solves, of how many that have a target."""

    counted: Mapping[str, Across]
    excluded: Mapping[str, Across]
    solved: Mapping[tuple[str, str], tuple[int, int]]

    @property
    def is_shown(self) -> bool:
        """Whether enough was run on any stack."""
        return any(len(each.rows) for each in self.counted.values())

    def profile(self, stack: str) -> pd.DataFrame:
        """What part of each model's runs on the stack is above each score."""
        found = self.counted.get(stack)
        return pd.DataFrame() if found is None else found.profile


def overall(runs: pd.DataFrame, measurements: pd.DataFrame) -> Overall:
    """The models over all tasks, of every stack on which anything was tested."""
    return Overall(
        across(runs, measurements),
        across(runs, measurements, excluded_failures=True),
        solved_settings(runs, measurements),
    )


def solved_settings(
    runs: pd.DataFrame, measurements: pd.DataFrame
) -> dict[tuple[str, str], tuple[int, int]]:
    """By stack and model: at how many settings half of its runs reach the target, of how many."""
    scores = normalised(runs, measurements)
    known = scores[scores["solved"].notna()] if "solved" in scores else scores.iloc[:0]
    shares = known["scaled"].ge(1).groupby([known["stack"], known["name"], known["group"]]).mean()
    found = shares.ge(0.5).groupby(level=[0, 1]).agg(["sum", "size"])
    return {
        (str(stack), str(name)): (int(solved), int(size))
        for (stack, name), solved, size in found.itertuples(name=None)
    }


def overall_rows(found: Overall) -> list[dict[str, Any]]:
    """A row a stack and model at full precision, the best interquartile mean first."""
    variants = {"counted": found.counted, "excluded": found.excluded}
    return [
        {"stack": stack, "failures": name, **row, "friedman_p": each.friedman}
        | dict(zip(("solved", "with_target"), _solved(found, stack, row["label"]), strict=True))
        for name, variant in variants.items()
        for stack, each in variant.items()
        for row in rows_of(each.rows)
    ]


def overall_boards(found: Overall, stack: str) -> list[Board]:
    """The table of the stack, and the one without failed runs if it is another; none where too few
    tasks were run."""
    counted, excluded = found.counted.get(stack), found.excluded.get(stack)
    if counted is None or counted.rows.empty:
        return []
    table = _text(found, stack, counted)
    boards = [_board("all tasks", counted, table)]
    if excluded is not None and len(excluded.rows):
        without = _text(found, stack, excluded)
        if not without.equals(table):
            boards.append(_board("all tasks: failures excluded", excluded, without))
    return boards


def _text(found: Overall, stack: str, each: Across) -> pd.DataFrame:
    texts = [
        {
            "model": row["label"],
            "IQM": short_text(row["iqm"]),
            "95 % interval": _interval(row["low"], row["high"]),
            "mean rank": short_text(row["mean_rank"]),
            "solved settings": "{}/{}".format(*_solved(found, stack, row["label"])),
            "runs": number_text(row["runs"]),
        }
        for row in rows_of(each.rows)
    ]
    table = pd.DataFrame(texts, dtype=object)
    return table.drop(columns="solved settings") if _is_untargeted(table) else table


def _board(label: str, each: Across, table: pd.DataFrame) -> Board:
    friedman = (
        "" if each.friedman is None else f" Friedman's test on the ranks: p = {each.friedman:.2g}."
    )
    caption = (
        f"{number_text(len(each.rows))} models over {len(each.tasks)} tasks "
        f"({listed(each.tasks, MOST_NAMES)}), each score from 0, chance, to 1, solved.{friedman}"
    )
    if each.left_out:
        names = listed(each.left_out, MOST_NAMES)
        caption += f" Left out, since they did not run on all: {names}."
    return Board(label, "How do the models do over all tasks?", table, caption)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{short_text(low)} to {short_text(high)}"


def _solved(found: Overall, stack: str, name: str) -> tuple[int, int]:
    return found.solved.get((stack, name), (0, 0))


def _is_untargeted(table: pd.DataFrame) -> bool:
    return bool((table["solved settings"] == "0/0").all())
