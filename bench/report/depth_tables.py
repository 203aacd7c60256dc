"""The tables of a ladder of depths: for the page, and as CSV at full precision."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report import depth_table, largest_depth, used_depth
from bench.report.formats import csv_text
from bench.report.ladder import Ladder
from bench.report.page import Board
from bench.report.sentences import seeds_sentence

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """A table: its rows of a ladder, the same as text, and what is said of them."""

    title: str
    rows: Callable[[Ladder], Rows]
    text: Callable[[Ladder, Rows], pd.DataFrame]
    sentence: Callable[[Ladder], str]
    method: tuple[str, ...]


def _tested(rows: Callable[[Ladder], Rows]) -> Callable[[Ladder], Rows]:
    return lambda ladder: rows(ladder) if ladder.scores else []


KINDS: Mapping[str, Kind] = {
    "depth": Kind(
        "depth and its controls",
        _tested(depth_table.depth_rows),
        depth_table.depth_text,
        depth_table.depth_sentence,
        depth_table.METHOD,
    ),
    "largest_depth": Kind(
        "largest depth that reaches the target",
        _tested(largest_depth.largest_rows),
        largest_depth.largest_text,
        largest_depth.largest_sentence,
        largest_depth.METHOD,
    ),
    "used_depth": Kind(
        "used depth",
        used_depth.used_rows,
        lambda ladder, rows: used_depth.used_text(rows),
        lambda ladder: "Is the depth that was trained also used?",
        used_depth.METHOD,
    ),
}


@dataclass(frozen=True)
class Table:
    """A table of one ladder."""

    name: str
    ladder: Ladder
    rows: Rows

    @property
    def kind(self) -> Kind:
        """What table it is."""
        return KINDS[self.name]

    @property
    def text(self) -> pd.DataFrame:
        """The rows as text."""
        return self.kind.text(self.ladder, self.rows)

    @property
    def sentences(self) -> str:
        """What is said of it, and of how many seeds it is."""
        seeds = [rung["seeds"] for rung in self.ladder.rungs]
        return f"{self.kind.sentence(self.ladder)} {seeds_sentence(seeds)}."


def depth_tables(ladders: Sequence[Ladder]) -> list[Table]:
    """The tables that have rows, ladder by ladder."""
    tables = [
        Table(name, each, kind.rows(each)) for each in ladders for name, kind in KINDS.items()
    ]
    return [table for table in tables if table.rows]


def depth_files(tables: Sequence[Table]) -> dict[str, str]:
    """The text of the files by name: of each kind all ladders in one."""
    files = {}
    for name in KINDS:
        same = [table for table in tables if table.name == name]
        if same:
            files[f"{name}.csv"] = csv_text(_table([row for table in same for row in table.rows]))
    return files


def depth_boards(tables: Sequence[Table], stack: str) -> list[Board]:
    """The tables of the stack as the page shows them."""
    return [
        Board(f"{table.ladder.task}: {table.kind.title}", table.sentences, table.text)
        for table in tables
        if table.ladder.stack == stack
    ]


def depth_method(tables: Sequence[Table]) -> tuple[str, ...]:
    """How the tables that are shown are to be read."""
    shown = {table.name for table in tables}
    return tuple(text for name in KINDS if name in shown for text in KINDS[name].method)


def _table(rows: Rows) -> pd.DataFrame:
    """The rows as a table; what one of them does not have is None."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame([{name: row.get(name) for name in names} for row in rows], dtype=object)
