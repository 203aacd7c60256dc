"""From the records of one suite to all that its report says, as tables at full precision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.cost import paces
from bench.published import Published
from bench.records import RunRecord
from bench.report import published
from bench.report.captions import hardware_sentences
from bench.report.depth_tables import Table, depth_tables
from bench.report.groups import labelled_measurements, labelled_runs, without_repeats
from bench.report.ladder import Ladder, ladders
from bench.report.leaderboard import leaderboard
from bench.report.not_run import not_run
from bench.report.overall_table import Overall, overall
from bench.report.roofline import Mark, under_one_roof
from bench.report.signal_table import signals
from bench.report.speed import Point, points
from bench.report.verdicts import Verdict, verdicts
from bench.store import read_folder
from bench.suites.setting import Suite


class NothingToReport(ValueError):
    """There is no record of the suite in the folder; the message names both."""


@dataclass(frozen=True)
class Gathered:
    """The records, each once, what is wrong with some files, and what they say: labelled runs and
    measurements, the leaderboard, the literature by group, the models over all tasks, what single
    suites have, the verdicts on claims, and by stack what was not run. The hardware is a sentence a
    stack."""

    records: Sequence[RunRecord]
    problems: Sequence[str]
    runs: pd.DataFrame
    measurements: pd.DataFrame
    board: pd.DataFrame
    literature: Mapping[str, list[Published]]
    overall: Overall
    signals: pd.DataFrame
    ladders: Sequence[Ladder]
    depth: Sequence[Table]
    points: Sequence[Point]
    marks: Sequence[Mark]
    hardware: Mapping[str, str]
    verdicts: Sequence[Verdict]
    missing: Mapping[str, pd.DataFrame]

    @property
    def sources(self) -> pd.DataFrame:
        """Where the published numbers are from."""
        return published.sources_table([r for group in self.literature.values() for r in group])


def gather(suite: str, results: Path, definition: Suite | None = None) -> Gathered:
    """All of the suite below the folder, beside what its definition asks for and claims;
    NothingToReport without a record."""
    everything, unread = read_folder(results)
    records, problems = _records(suite, everything, unread, results)
    wanted = definition.specs(suite) if definition else []
    runs = labelled_runs(records)
    measurements = labelled_measurements(records, runs)
    board = leaderboard(runs, measurements)
    climbed = ladders(runs, measurements, board)
    return Gathered(
        records=records,
        problems=problems,
        runs=runs,
        measurements=measurements,
        board=board,
        literature=published.literature(runs, board),
        overall=overall(runs, measurements),
        signals=signals(measurements),
        ladders=climbed,
        depth=depth_tables(climbed),
        points=points(runs, measurements),
        marks=under_one_roof(runs, measurements),
        hardware=hardware_sentences(records),
        verdicts=verdicts(definition.claims, runs, measurements) if definition else (),
        missing={
            stack: not_run(
                wanted, records, stack, paces(r for r in everything if r.stack == stack), results
            )
            for stack in set(runs["stack"])
        },
    )


def _records(
    suite: str, everything: Sequence[RunRecord], unread: Sequence[str], results: Path
) -> tuple[list[RunRecord], list[str]]:
    """The suite's records, each once, and what is wrong with files, without the machine's path."""
    records, repeated = without_repeats([r for r in everything if r.spec.suite == suite])
    if not records:
        more = f"; {len(unread)} files there cannot be read" if unread else ""
        raise NothingToReport(f"no records of the suite {suite!r} below {results}{more}")
    return records, [text.replace(f"{results}/", "") for text in unread] + repeated
