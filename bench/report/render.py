"""From the records of one suite to the files of its report; the same records, the same bytes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.published import Published
from bench.records import RunRecord
from bench.report import page, published, signal_table
from bench.report.depth import Table, depth_boards, depth_files, depth_method, depth_tables
from bench.report.environment import environment_table
from bench.report.figures import draw
from bench.report.groups import labelled_measurements, labelled_runs, names, without_repeats
from bench.report.ladder import Ladder, ladders
from bench.report.looks import looks
from bench.report.page import Board, Section
from bench.report.roofline import Mark, marks
from bench.report.scene import Scene, updates_text
from bench.report.sentences import counts_sentence, group_sentence, seeds_sentence
from bench.report.signal_table import displayed_signals, signals
from bench.report.signals import SPECTRUM
from bench.report.speed import STEP, Point, machines, points
from bench.report.speed_table import speed_boards, speed_files, speed_method
from bench.report.tables import csv, displayed, failed_runs, leaderboard, task_facts
from bench.report.winners import only_winners, winners
from bench.store import read_folder, slug

PAGES = {"html": ("index.html", page.html), "md": ("report.md", page.markdown)}
FORMATS = (*PAGES, "csv")
WINNERS_NOTE = " Of each model's trials the one with the lowest validation loss at the end."


class NothingToReport(ValueError):
    """There is no record of the suite in the folder; the message names both."""


def render(
    suite: str,
    results: Path,
    out: Path,
    *,
    question: str = "",
    formats: Sequence[str] = FORMATS,
) -> Path:
    """The folder `out/<suite>` with the report on all records of the suite below `results`."""
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise ValueError(f"unknown format {unknown[0]!r}; allowed: {', '.join(FORMATS)}")
    records, problems = _records(suite, results)
    runs = labelled_runs(records)
    measurements = labelled_measurements(records, runs)
    board = leaderboard(runs, measurements)
    table = signals(measurements)
    climbed = ladders(runs, measurements, board)
    deep = depth_tables(climbed)
    timed = points(runs, measurements)
    roofs = marks(timed, machines(measurements))
    literature = published.literature(runs, board)
    sources = published.sources_table([result for group in literature.values() for result in group])
    folder = out / slug(suite)
    if "csv" in formats:
        _write(folder / "tables" / "leaderboard.csv", csv(board))
        if len(table):
            _write(folder / "tables" / "signal-propagation.csv", csv(table))
        for name, text in (depth_files(deep) | speed_files(timed, roofs)).items():
            _write(folder / "tables" / name, text)
        _write_winners(winners(runs, measurements), folder / "tables" / "winners.csv")
    pages = {name: PAGES[name] for name in formats if name in PAGES}
    sections = (
        _sections(runs, measurements, board, table, literature, climbed, deep, timed, roofs)
        if pages
        else []
    )
    if pages:
        _write_drawings(sections, folder / "figures")
    for name, text in pages.values():
        values = {
            "suite": suite,
            "question": question,
            "counts": counts_sentence(runs),
            "problems": problems,
            "sections": sections,
            "failed": failed_runs(runs),
            "sources": sources,
            "method": (page.METHOD if runs["updates"].any() else ())
            + (published.METHOD if len(sources) else ())
            + (signal_table.METHOD if len(table) else ())
            + depth_method(deep)
            + speed_method(timed),
            "environment": environment_table(records),
        }
        _write(folder / name, text(values))
    return folder


def _records(suite: str, results: Path) -> tuple[list[RunRecord], list[str]]:
    """The suite's records, each once, and what is wrong with files, without the machine's path."""
    everything, problems = read_folder(results)
    records, repeated = without_repeats([r for r in everything if r.spec.suite == suite])
    if not records:
        unread = f"; {len(problems)} files there cannot be read" if problems else ""
        raise NothingToReport(f"no records of the suite {suite!r} below {results}{unread}")
    return records, [text.replace(f"{results}/", "") for text in problems] + repeated


def _sections(
    runs: pd.DataFrame,
    measurements: pd.DataFrame,
    board: pd.DataFrame,
    table: pd.DataFrame,
    literature: Mapping[str, list[Published]],
    climbed: Sequence[Ladder],
    deep: Sequence[Table],
    timed: Sequence[Point],
    roofs: Sequence[Mark],
) -> list[Section]:
    """A section a stack; a model looks the same in all of them."""
    look = looks(runs)
    drawn, note = measurements, ""
    chosen = ["test_score", SPECTRUM, *STEP]
    if not measurements["quantity"].isin(chosen).any():  # trials: one is chosen
        drawn, note = only_winners(runs, measurements), WINNERS_NOTE
        look = looks(runs.assign(label=names(runs)))
    sections = []
    for stack, of_stack in runs.groupby("stack"):
        facts = {
            str(group): task_facts(same) for group, same in of_stack.groupby("group", sort=False)
        }
        rows = board[board["stack"] == stack]
        boards = depth_boards(deep, str(stack)) + speed_boards(timed, roofs, str(stack))
        for group in facts:
            ours = rows[rows["group"] == group]
            boards += _boards(group, facts[group], ours, literature[group])
            boards += _signal_boards(table, str(stack), group, list(look))
        own = [ladder for ladder in climbed if ladder.stack == stack]
        under = [mark for mark in roofs if mark.point.stack == stack]
        scene = Scene(drawn[drawn["stack"] == stack], rows, facts, look, own, under)
        drawings = [
            replace(drawing, caption=drawing.caption + note)
            for drawing in draw(scene, slug(str(stack)))
        ]
        sections.append(Section(str(stack), boards, drawings))
    return sections


def _boards(group: str, facts: dict, board: pd.DataFrame, results: list[Published]) -> list[Board]:
    """Our numbers, and those of the literature on the same task, if there are any; nothing of runs
    that only looked."""
    if not board["updates"].astype(bool).any():
        return []
    sentences = f"{group_sentence(facts)} {seeds_sentence(board['seeds'].tolist())}.".strip()
    beside = published.beside(board, results, facts)
    boards = [Board(group, sentences, displayed(board, facts["metric"], beside))]
    if results:
        table = published.results_table(results, facts)
        boards.append(Board(f"{group}: published", published.SENTENCE, table))
    return boards


def _signal_boards(table: pd.DataFrame, stack: str, group: str, labels: list[str]) -> list[Board]:
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


def _write_drawings(sections: Sequence[Section], folder: Path) -> None:
    """The figures' files, in place of those of an earlier report."""
    for suffix in ("svg", "png", "pdf"):
        for old in folder.glob(f"*.{suffix}"):
            old.unlink()
    for drawing in [drawing for section in sections for drawing in section.drawings]:
        _write(folder / f"{drawing.name}.svg", drawing.svg)
        (folder / f"{drawing.name}.png").write_bytes(drawing.png)
        if drawing.pdf is not None:
            (folder / f"{drawing.name}.pdf").write_bytes(drawing.pdf)


def _write_winners(table: pd.DataFrame, path: Path) -> None:
    """The table of chosen trials, where there was a choice."""
    if (table["trials"] > 1).any() and table["validation_loss"].lt(math.inf).any():
        _write(path, table.to_csv(index=False, float_format="%.10g"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
