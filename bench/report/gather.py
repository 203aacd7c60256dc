"""From the records of one suite to all that its report says, as tables at full precision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.published import Published
from bench.records import RunRecord
from bench.report import published
from bench.report.captions import machines as hardware
from bench.report.depth import Table, depth_tables
from bench.report.groups import labelled_measurements, labelled_runs, without_repeats
from bench.report.ladder import Ladder, ladders
from bench.report.overall_table import Overall, overall
from bench.report.roofline import Mark, marks
from bench.report.signal_table import signals
from bench.report.speed import Point, machines, points
from bench.report.statistics import target_curves
from bench.report.tables import leaderboard
from bench.store import read_folder


class NothingToReport(ValueError):
    """There is no record of the suite in the folder; the message names both."""


@dataclass(frozen=True)
class Gathered:
    """The records, each once, what is wrong with some files, and what they say: labelled runs and
    measurements, the leaderboard, the literature by group, the models over all tasks, how soon
    targets were reached, and what single suites have. The hardware is a sentence a stack."""

    records: Sequence[RunRecord]
    problems: Sequence[str]
    runs: pd.DataFrame
    measurements: pd.DataFrame
    board: pd.DataFrame
    literature: Mapping[str, list[Published]]
    overall: Overall
    targets: pd.DataFrame
    signals: pd.DataFrame
    ladders: Sequence[Ladder]
    depth: Sequence[Table]
    points: Sequence[Point]
    marks: Sequence[Mark]
    hardware: Mapping[str, str]

    @property
    def sources(self) -> pd.DataFrame:
        """Where the published numbers are from."""
        return published.sources_table([r for group in self.literature.values() for r in group])


def gather(suite: str, results: Path) -> Gathered:
    """All of the suite below the folder; NothingToReport without a record."""
    records, problems = _records(suite, results)
    runs = labelled_runs(records)
    measurements = labelled_measurements(records, runs)
    board = leaderboard(runs, measurements)
    climbed = ladders(runs, measurements, board)
    timed = points(runs, measurements)
    return Gathered(
        records=records,
        problems=problems,
        runs=runs,
        measurements=measurements,
        board=board,
        literature=published.literature(runs, board),
        overall=overall(runs, measurements),
        targets=target_curves(runs, measurements),
        signals=signals(measurements),
        ladders=climbed,
        depth=depth_tables(climbed),
        points=timed,
        marks=marks(timed, machines(measurements)),
        hardware=hardware(records),
    )


def _records(suite: str, results: Path) -> tuple[list[RunRecord], list[str]]:
    """The suite's records, each once, and what is wrong with files, without the machine's path."""
    everything, problems = read_folder(results)
    records, repeated = without_repeats([r for r in everything if r.spec.suite == suite])
    if not records:
        unread = f"; {len(problems)} files there cannot be read" if problems else ""
        raise NothingToReport(f"no records of the suite {suite!r} below {results}{unread}")
    return records, [text.replace(f"{results}/", "") for text in problems] + repeated
