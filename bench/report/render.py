"""From the records of one suite to the files of its report; the same records, the same bytes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from bench.report import page
from bench.report.depth_tables import depth_files
from bench.report.formats import csv_text
from bench.report.gather import Gathered, NothingToReport, gather
from bench.report.latex import latex
from bench.report.overall_table import overall_rows
from bench.report.page import Section
from bench.report.published import published_rows
from bench.report.sections import drawn, page_values, sections
from bench.report.speed_table import speed_files
from bench.report.verdict_table import verdict_rows
from bench.report.winners import winners
from bench.store import slug
from bench.suites.setting import Suite

__all__ = ["FORMATS", "NothingToReport", "render"]

PAGES = {"html": ("index.html", page.html), "md": ("report.md", page.markdown)}
FORMATS = (*PAGES, "latex", "csv")


def render(
    suite: str,
    results: Path,
    out: Path,
    *,
    definition: Suite | None = None,
    formats: Sequence[str] = FORMATS,
) -> Path:
    """The folder `out/<suite>` with the report on all records of the suite below `results`; its
    definition, where there is one, says what was asked, claimed and to be run."""
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise ValueError(f"unknown format {unknown[0]!r}; allowed: {', '.join(FORMATS)}")
    found = gather(suite, results, definition)
    folder = out / slug(suite)
    if "csv" in formats:
        _write_tables(folder / "tables", "csv", csv_files(found))
    if not set(formats) - {"csv"}:
        return folder
    shown = drawn(found)
    parts = sections(found, shown)
    _write_drawings(parts, folder / "figures")
    if "latex" in formats:
        _write_tables(folder / "tables", "tex", latex_files(parts))
    pages = [PAGES[name] for name in PAGES if name in formats]
    values = page_values(found, shown, parts, results) if pages else {}
    for name, text in pages:
        question = definition.question if definition else ""
        _write(folder / name, text({"suite": suite, "question": question, **values}))
    return folder


def csv_files(found: Gathered) -> dict[str, str]:
    """The tables at full precision, by the names of their files."""
    rows = {
        "leaderboard.csv": found.board,
        "all-tasks.csv": pd.DataFrame(overall_rows(found.overall), dtype=object),
        "published.csv": pd.DataFrame(published_rows(found.literature), dtype=object),
        "signal-propagation.csv": found.signals,
        "verdicts.csv": pd.DataFrame(verdict_rows(found.verdicts), dtype=object),
    }
    files = {name: csv_text(table) for name, table in rows.items() if len(table)}
    files |= depth_files(found.depth) | speed_files(found.points, found.marks)
    return files | _winners_file(winners(found.runs, found.measurements))


def latex_files(parts: Sequence[Section]) -> dict[str, str]:
    """The tables of all stacks as LaTeX: what each is of and its stack make the name of its file,
    with a number where that is not enough."""
    files: dict[str, str] = {}
    taken: set[str] = set()
    for part in parts:
        for board in part.boards:
            name = _unused(f"{slug(board.label)}-{slug(part.stack)}", taken)
            taken.add(name.lower())
            files[f"{name}.tex"] = latex(board, name)
    return files


def _unused(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken where capitals do not count."""
    further = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (name, *further) if each.lower() not in taken)


def _write_drawings(parts: Sequence[Section], folder: Path) -> None:
    """The figures' files, in place of those of an earlier report."""
    for suffix in ("svg", "png", "pdf"):
        _remove(folder, suffix)
    for drawing in [drawing for part in parts for drawing in part.drawings]:
        _write(folder / f"{drawing.name}.svg", drawing.svg)
        (folder / f"{drawing.name}.png").write_bytes(drawing.png)
        (folder / f"{drawing.name}.pdf").write_bytes(drawing.pdf)


def _winners_file(table: pd.DataFrame) -> dict[str, str]:
    """The table of chosen trials, where there was a choice."""
    if (table["trials"] > 1).any() and table["validation_loss"].lt(math.inf).any():
        return {"winners.csv": table.to_csv(index=False, float_format="%.10g")}
    return {}


def _write_tables(folder: Path, suffix: str, files: Mapping[str, str]) -> None:
    """The tables of one kind, in place of those of an earlier report."""
    _remove(folder, suffix)
    for name, text in files.items():
        _write(folder / name, text)


def _remove(folder: Path, suffix: str) -> None:
    for old in folder.glob(f"*.{suffix}"):
        old.unlink()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
