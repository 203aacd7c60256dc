"""What all scenarios share: a folder for each trial, the commands in it, the count at its end."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bench.records import Status
from bench.selftest.driver import start, wait
from bench.selftest.processes import bury, left_over
from bench.selftest.tally import Numbers, Run, Tally, tally

PLUGIN = Path(__file__).with_name("plants.py")
SHORT, LONG = "planted-short", "planted-long"
NOTHING: Mapping[str, str] = MappingProxyType({})
MOST_COMMANDS = 3
"""So often at most `run` is typed again."""


@dataclass(frozen=True)
class Work:
    """The runs of a trial: seeds from 0 of a model, and how each should end."""

    suite: str
    seeds: int
    model: str = "planted-calm"
    expected: Status = Status.ok

    @property
    def planned(self) -> Mapping[Run, Status]:
        """How each run should end."""
        return {(self.model, seed): self.expected for seed in range(self.seeds)}


@dataclass(frozen=True)
class Undisturbed:
    """What the same runs gave when nothing went wrong, and the seconds that their command took."""

    numbers: Mapping[str, Numbers]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Ground:
    """The folder of one trial: a results folder, the log of who did which run, what was printed."""

    folder: Path

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.folder / "results"

    @property
    def log(self) -> Path:
        """Where a run says that it begins and ends, outside of the results."""
        return self.folder / "log"

    @property
    def printed(self) -> str:
        """All that the commands printed."""
        return (self.folder / "printed").read_text(errors="replace")

    def begin(
        self,
        work: Work,
        *options: str,
        variables: Mapping[str, str] = NOTHING,
        fresh: bool = False,
    ) -> int:
        """The process of `run` for this work, in a new interpreter if it is to be fresh."""
        words = ["run", "--suite", work.suite, "--models", work.model, "--device", "cpu"]
        words += ["--seeds", f"0-{work.seeds - 1}", "--plugin", PLUGIN, "--results", self.results]
        told = {"BENCH_SELFTEST_LOG": str(self.log), **variables}
        return start([*words, *options], self.folder / "printed", told, fresh)

    def run(self, work: Work, *options: str, variables: Mapping[str, str] = NOTHING) -> int | None:
        """The exit code of `run` for this work."""
        return wait(self.begin(work, *options, variables=variables))

    def finish(self, work: Work, *options: str) -> Tally:
        """Types `run` until all is finished; what is wrong if it never is."""
        codes = []
        while len(codes) < MOST_COMMANDS and 0 not in codes:
            codes.append(self.run(work, *options))
        return Tally(wrong=() if 0 in codes else (f"`run` typed again ends with {codes}",))

    def count(self, work: Work, undisturbed: Undisturbed) -> Tally:
        """What is wrong when all should be over."""
        alive = tuple(f"process {pid}" for pid in left_over())
        bury()
        numbers = undisturbed.numbers[work.suite]
        return tally(self.results, self.log, work.planned, numbers) + Tally(left=alive)


@dataclass(frozen=True)
class Row:
    """A line of the table: what was planted how often, in how many runs, and what came of it; or
    why it could not be planted here."""

    scenario: str
    planted: str
    times: int = 0
    runs: int = 0
    tally: Tally = field(default_factory=Tally)
    skipped: str | None = None


@dataclass(frozen=True)
class Place:
    """Where trials are made, and what they are compared with."""

    folder: Path
    undisturbed: Undisturbed
    draw: random.Random

    def ground(self, name: str) -> Ground:
        """A new folder for a trial."""
        folder = self.folder / f"{name}-{sum(1 for _ in self.folder.iterdir())}"
        folder.mkdir()
        return Ground(folder)

    def moments(self, times: int, seconds: float) -> Iterator[float]:
        """So many random moments, spread over the time."""
        for number in range(times):
            yield (number + self.draw.random()) / times * seconds
