"""A table as LaTeX for `\\input`: pandas Styler and booktabs, and no other package.

What is too wide for the line of a plain article goes on below, behind the same first columns; what
is too long for a page goes on in a further `table`; a cell that is too long is broken into lines.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.report.latex_words import escaped, points
from bench.report.page import Board

LINE = 335.0
"""The points of a line; that of an article of 10 pt has 345."""
GAP = 6.0
MOST_CHARACTERS = 34
"""A longer cell is broken into lines."""
MOST_LINES = 52
"""A page has so many lines of small print."""
RULES = 3
"""The lines that a part takes beside its own, for its rules and the space before it."""
WORDY = (
    *("task", "model", "failures", "over", "over which", "published", "source", "read in", "note"),
    *("point", "filter", "computed by", "permutation", "on"),
)
"""Columns of words, which start at the left."""


@dataclass(frozen=True)
class Column:
    """A column: the lines of its heading and of its cells, and which cells are bold."""

    head: list[str]
    cells: list[list[str]]
    bold: frozenset[int]
    wordy: bool

    @property
    def width(self) -> float:
        """The points that it takes with the gap to the next."""
        return GAP + max(points(line) for cell in (self.head, *self.cells) for line in cell)


@dataclass(frozen=True)
class Block:
    """Columns that fit on a line."""

    columns: Sequence[Column]

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.columns[0].cells)

    def row_height(self, row: int) -> int:
        """The lines of the row's tallest cell."""
        return max(len(column.cells[row]) for column in self.columns)

    def height(self, start: int, end: int) -> int:
        """The lines that the rows from `start` to before `end` take, with heading and rules."""
        head = max(len(column.head) for column in self.columns)
        return RULES + head + sum(map(self.row_height, range(start, end)))

    def fitting(self, start: int, lines: int) -> int:
        """Before which row the rows from `start` end that fit into so many lines."""
        end, taken = start, self.height(start, start)
        while end < self.count and (taken := taken + self.row_height(end)) <= lines:
            end += 1
        return end

    def tabular(self, start: int, end: int) -> str:
        """These rows between booktabs' rules."""
        frame = pd.DataFrame(
            {_cell(each, each.head, "b"): _bodies(each, start, end) for each in self.columns}
        )
        alignment = "".join("l" if column.wordy else "r" for column in self.columns)
        style = frame.style.hide(axis="index")
        return style.to_latex(hrules=True, column_format=f"@{{}}{alignment}@{{}}").strip()


def latex(board: Board, name: str) -> str:
    """The board as one or several `table`s; the first has the label `tab:<name>`."""
    shown = board.table[[c for c in board.table if c in board.printed or not board.printed]]
    columns = [_column(shown, place, board.bold) for place in range(shown.shape[1])]
    blocks = _blocks(columns, 1 if shown.iloc[:, 0].is_unique else 2)
    words = f"{board.label}. {board.sentences} {board.caption}".strip()
    first, *others = _pages(blocks, 1 + math.ceil(points(words) / LINE))
    label = escaped(board.label)
    caption = f"\\caption[{label}]{{\\footnotesize {escaped(words)}}}"
    tables = [_table(f"{caption}\n\\label{{tab:{name}}}", first)]
    tables += [_table(f"\\caption[]{{{label} (continued).}}", other) for other in others]
    return "\n".join(["% \\usepackage{booktabs}", *tables])


def _column(table: pd.DataFrame, place: int, bold: frozenset[tuple[int, str]]) -> Column:
    name = str(table.columns[place])
    cells = [_broken(text, MOST_CHARACTERS) for text in table.iloc[:, place]]
    widest = max((len(line) for cell in cells for line in cell), default=1)
    longest_word = max(map(len, name.split()), default=1)
    head = _broken(name, min(MOST_CHARACTERS, max(widest, longest_word, len(name) // 3 + 1)))
    rows = frozenset(row for row, column in bold if column == name)
    return Column(head, cells, rows, name in WORDY)


def _broken(text: str, characters: int) -> list[str]:
    return textwrap.wrap(str(text), characters) or [""]


def _blocks(columns: Sequence[Column], keys: int) -> list[Block]:
    """The columns in groups that are no wider than a line, each behind the first `keys`."""
    front = list(columns[:keys])
    blocks = [front]
    for column in columns[keys:]:
        full = sum(each.width for each in (*blocks[-1], column)) > LINE
        if full and len(blocks[-1]) > keys:
            blocks.append(front)
        blocks[-1] = [*blocks[-1], column]
    return [Block(block) for block in blocks]


def _pages(blocks: Sequence[Block], caption: int) -> list[str]:
    """The blocks, as much of them together as a page has room for; on the first is a caption of so
    many lines. A block is parted only where one page is not enough for it."""
    pages: list[list[str]] = [[]]
    lines = caption
    for block in blocks:
        start = 0
        while start < block.count:
            end = block.fitting(start, MOST_LINES - lines)
            parted = end < block.count and block.fitting(start, MOST_LINES - 2) == block.count
            if pages[-1] and (parted or end == start):
                pages.append([])
                lines = 2
                continue
            end = max(end, start + 1)
            pages[-1].append(block.tabular(start, end))
            lines += block.height(start, end)
            start = end
    return ["\n\n\\medskip\n".join(page) for page in pages]


def _bodies(column: Column, start: int, end: int) -> list[str]:
    texts = [_cell(column, column.cells[row], "t") for row in range(start, end)]
    rows = enumerate(texts, start)
    return [rf"\textbf{{{text}}}" if row in column.bold and text else text for row, text in rows]


def _cell(column: Column, lines: Sequence[str], position: str) -> str:
    """The lines one below the other; `position` says which of them stands in the row."""
    if len(lines) == 1:
        return escaped(lines[0])
    side = "l" if column.wordy else "r"
    inside = r" \\ ".join(map(escaped, lines))
    return rf"\begin{{tabular}}[{position}]{{@{{}}{side}@{{}}}}{inside}\end{{tabular}}"


def _table(heading: str, body: str) -> str:
    before = "\\begin{table}[htbp]\n\\centering\n" + heading
    small = "\\footnotesize\n\\setlength{\\tabcolsep}{3pt}\n\n\\medskip"
    return f"{before}\n{small}\n{body}\n\\end{{table}}\n"
