"""What is shown of each stack, and the values that a page is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.report import overall_table, published, signal_table, verdict_table
from bench.report.boards import stack_boards
from bench.report.depth_tables import depth_method
from bench.report.environment import environment_table
from bench.report.failed_runs import failed_runs
from bench.report.figures import draw
from bench.report.findings import findings
from bench.report.gather import Gathered
from bench.report.groups import names
from bench.report.interactive import interactive
from bench.report.ladder import Ladder, ladders
from bench.report.leaderboard import leaderboard, task_facts
from bench.report.page import Section
from bench.report.scene import Scene
from bench.report.sentences import LEADERBOARD_METHOD, counts_sentence
from bench.report.settings import models_table, settings_table
from bench.report.signals import SPECTRUM
from bench.report.speed import STEP
from bench.report.speed_table import speed_method
from bench.report.statistics import RUN, target_curves
from bench.report.styles import Look, looks
from bench.report.winners import only_winners
from bench.store import slug

WINNERS_NOTE = " Of each model's trials the one with the lowest validation loss at the end."


@dataclass(frozen=True)
class Drawn:
    """What figures show, under labels of which each has a look: measurements, their leaderboard and
    ladders, and how soon targets were reached; and a note on captions."""

    measurements: pd.DataFrame
    look: Mapping[str, Look]
    board: pd.DataFrame
    ladders: Sequence[Ladder]
    targets: pd.DataFrame
    note: str = ""


def drawn(found: Gathered) -> Drawn:
    """All that was found; of a suite of trials the best one of each model, by the model's name."""
    runs, rows = found.runs, found.measurements
    if rows["quantity"].isin(["test_score", SPECTRUM, *STEP]).any():
        targets = target_curves(runs, rows)
        return Drawn(rows, looks(runs), found.board, found.ladders, targets)
    look = looks(runs.assign(label=names(runs)))
    best = only_winners(runs, rows)
    kept = runs.drop(columns="label").merge(best[[*RUN, "label"]].drop_duplicates(), on=RUN)
    board = leaderboard(kept, best) if len(kept) else found.board.iloc[:0]
    climbed, targets = ladders(kept, best, board), target_curves(kept, best)
    return Drawn(best, look, board, climbed, targets, WINNERS_NOTE)


def sections(found: Gathered, shown: Drawn) -> list[Section]:
    """A section a stack; a model looks the same in all of them."""
    return [_section(found, shown, str(stack), runs) for stack, runs in found.runs.groupby("stack")]


def page_values(
    found: Gathered, shown: Drawn, parts: list[Section], results: Path
) -> dict[str, Any]:
    """All that `page.html` and `page.markdown` show but for the suite and its question."""
    return {
        "counts": counts_sentence(found.runs),
        "findings": findings(found.runs, found.measurements, found.board),
        "problems": found.problems,
        "sections": parts,
        "data": interactive(found.runs, shown.measurements, shown.look),
        "failed": failed_runs(found.runs, found.records, results),
        "sources": found.sources,
        "method": method(found),
        "settings": settings_table(found.runs),
        "models": models_table(found.runs),
        "environment": environment_table(found.records),
    }


def method(found: Gathered) -> tuple[str, ...]:
    """How the tables that are shown are to be read."""
    return (
        *(LEADERBOARD_METHOD if found.runs["updates"].any() else ()),
        *((verdict_table.METHOD,) if found.verdicts else ()),
        *(overall_table.METHOD if found.overall.is_shown else ()),
        *(published.METHOD if len(found.sources) else ()),
        *(signal_table.METHOD if len(found.signals) else ()),
        *depth_method(found.depth),
        *speed_method(found.points),
    )


def _section(found: Gathered, shown: Drawn, stack: str, runs: pd.DataFrame) -> Section:
    facts = {str(group): task_facts(same) for group, same in runs.groupby("group", sort=False)}
    scene = Scene(
        shown.measurements[shown.measurements["stack"] == stack],
        shown.board[shown.board["stack"] == stack],
        facts,
        shown.look,
        [ladder for ladder in shown.ladders if ladder.stack == stack],
        [mark for mark in found.marks if mark.point.stack == stack],
        [point for point in found.points if point.stack == stack],
        shown.targets[shown.targets["stack"] == stack],
        found.overall.profile(stack),
    )
    drawings = [
        replace(drawing, caption=drawing.caption + shown.note)
        for drawing in draw(scene, slug(stack))
    ]
    return Section(stack, stack_boards(found, stack, facts, list(shown.look)), drawings)
