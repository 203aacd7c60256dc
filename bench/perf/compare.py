"""Two commits against each other, measured now and in turns.

One round over all points finds the suspects, several over these alone decide.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tabulate import tabulate

from bench.perf.asv import Machine, measure, this_machine
from bench.perf.project import Project, Unusable
from bench.perf.results import fastest, read_results
from bench.perf.verdict import Points, Round, Row, judge, suspects


@dataclass(frozen=True)
class Comparison:
    """What was found: a row for each point, those that were measured again after the others."""

    rows: list[Row]
    again: list[str]

    @property
    def worse(self) -> list[Row]:
        """The points with a verdict."""
        return [row for row in self.rows if row.point in self.again and row.verdict]


@dataclass(frozen=True)
class Pair:
    """Two commits, each with its tree, and room for results."""

    project: Project
    machine: Machine
    commits: tuple[str, str]
    trees: tuple[Path, Path]
    room: Path

    def round(self, name: str, select: str) -> Round:
        """The old one, the new one, the old one again."""
        turns = ((0, "before"), (1, "after"), (0, "again"))
        return Round(
            **{turn: self._points(which, f"{name}-{turn}", select) for which, turn in turns}
        )

    def _points(self, which: int, name: str, select: str) -> Points:
        results = self.room / name
        tree, commit = self.trees[which], self.commits[which]
        measure(self.project, tree, commit, self.machine, select, results)
        return fastest(read_results(results / self.machine.name)[0])


def compare(
    project: Project, before: str, after: str, *, select: str, rounds: int, least: float
) -> Comparison:
    """The verdict on every point; Unusable where there is nothing to compare."""
    with pair(project, before, after) as both:
        first = both.round("first", select)
        rows = judge([first], least)
        if not rows:
            raise Unusable(f"nothing that matches {select!r} could be measured at {before}")
        again = suspects(first, least)
        if again:
            only = "|".join(f"^{re.escape(point)}$" for point in again)
            further = judge([both.round(str(k), only) for k in range(rounds)], least)
            # a point that the old commit did not give again keeps what its first round said
            known = {row.point: row for row in rows} | {row.point: row for row in further}
            rows = list(known.values())
    return Comparison(rows, again)


@contextmanager
def pair(project: Project, before: str, after: str) -> Iterator[Pair]:
    """Both commits in worktrees that last as long as the block."""
    commits = project.commit(before), project.commit(after)
    with TemporaryDirectory() as folder, ExitStack() as trees:
        room = Path(folder)
        places = zip(commits, ("before", "after"), strict=True)
        old, new = (trees.enter_context(project.tree(c, room / place)) for c, place in places)
        yield Pair(project, this_machine(), commits, (old, new), room / "rounds")


def report(found: Comparison) -> str:
    """The table and a sentence."""
    rows = [
        (
            row.point,
            f"{row.before:.4g}",
            f"{row.after:.4g}",
            f"{row.ratio:.3f}",
            f"{row.margin:.1%}" if row.point in found.again else "",
            row.verdict if row.point in found.again else "",
        )
        for row in found.rows
    ]
    headers = ("point", "before", "after", "ratio", "margin", "verdict")
    sentence = (
        f"{len(rows)} points; {len(found.again)} measured again, each with its margin; "
        f"{len(found.worse)} slower or lost"
    )
    return f"{tabulate(rows, headers, disable_numparse=True)}\n{sentence}"
