"""What is shown of each stack, and the values that a page is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.report import overall_table, published, signal_table
from bench.report.boards import stack_boards
from bench.report.depth import depth_method
from bench.report.environment import environment_table
from bench.report.failing import failed_runs
from bench.report.figures import draw
from bench.report.findings import findings
from bench.report.gather import Gathered
from bench.report.groups import names
from bench.report.interactive import interactive
from bench.report.looks import Look, looks
from bench.report.page import Section
from bench.report.scene import Scene
from bench.report.sentences import LEADERBOARD_METHOD, counts_sentence
from bench.report.settings import models_table, settings_table
from bench.report.signals import SPECTRUM
from bench.report.speed import STEP
from bench.report.speed_table import speed_method
from bench.report.tables import task_facts
from bench.report.winners import only_winners
from bench.store import slug

WINNERS_NOTE = " Of each model's trials the one with the lowest validation loss at the end."


@dataclass(frozen=True)
class Drawn:
    """The measurements that figures show, a model's look in all of them, and a note on captions."""

    measurements: pd.DataFrame
    look: Mapping[str, Look]
    note: str = ""


def drawn(found: Gathered) -> Drawn:
    """All measurements; of a suite of trials those of the best trial of each model."""
    chosen = ["test_score", SPECTRUM, *STEP]
    if found.measurements["quantity"].isin(chosen).any():
        return Drawn(found.measurements, looks(found.runs))
    best = only_winners(found.runs, found.measurements)
    return Drawn(best, looks(found.runs.assign(label=names(found.runs))), WINNERS_NOTE)


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
        found.board[found.board["stack"] == stack],
        facts,
        shown.look,
        [ladder for ladder in found.ladders if ladder.stack == stack],
        [mark for mark in found.marks if mark.point.stack == stack],
        [point for point in found.points if point.stack == stack],
        found.targets[found.targets["stack"] == stack],
        found.overall.profile(stack),
    )
    drawings = [
        replace(drawing, caption=drawing.caption + shown.note)
        for drawing in draw(scene, slug(stack))
    ]
    return Section(stack, stack_boards(found, stack, facts, list(shown.look)), drawings)
