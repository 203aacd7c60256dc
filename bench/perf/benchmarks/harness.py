"""What is not the models: imports, the report, and what the harness costs beside the training."""

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from .measured import Timed, measured

ROUNDS, UPDATES = 3, 20


class Start(Timed):
    """How long a user waits for the first line."""

    repeat, warmup_time = (2, 5, 3.0), 0.0

    def setup(self) -> None:
        with measured("bench"), measured("roaf"):
            pass

    def time_import_roaf(self) -> None:
        python("-c", "import roaf")

    def time_help(self) -> None:
        python("-m", "bench", "--help")


class Report(Timed):
    """The report of twelve small records, from the command to the last file."""

    repeat, warmup_time = (1, 2, 4.0), 0.0

    def setup(self) -> None:
        self.results = records()

    def time_report(self) -> None:
        paths = {"--results": self.results, "--out": self.results / "out"}
        words = [str(word) for pair in paths.items() for word in pair]
        python("-m", "bench", "report", "--suite", "small", *words)


class Overhead:
    """Seconds of the harness's loop over those of the same updates in a bare loop."""

    version, unit = "1", "harness / bare"

    def setup(self) -> None:
        with measured("bench"):
            from bench.perf import overhead

            self.registry = overhead.Registry()
            self.spec = overhead.resolve(replace(overhead.SPEC, updates=UPDATES), self.registry)
            self.loops = overhead.harness, overhead.bare

    def track_overhead(self) -> float:
        pairs = [[loop(self.spec, self.registry) for loop in self.loops] for _ in range(ROUNDS)]
        return median(whole / bare for whole, bare in pairs)


def python(*words: str) -> None:
    """Runs a fresh interpreter and waits for its end."""
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


@cache
def records() -> Path:
    """A folder with the records of four models and three seeds."""
    folder = Path(mkdtemp())
    with measured("bench"):
        from bench.records import Measurement, RunRecord, RunSpec, Status
        from bench.store import write_record

        curve = [Measurement(step, "train_loss", "all", 1 / (1 + step)) for step in range(100)]
        gradient = [Measurement(0, "gradient_by_distance", str(d), 0.99**d) for d in range(200)]
        final = [Measurement(100, "test_score", "all", 0.5)]
        for model in ("roaf", "lstm", "gru", "elman"):
            for seed in range(3):
                spec = RunSpec(
                    suite="small",
                    task="adding",
                    model=model,
                    seed=seed,
                    width=8,
                    learning_rate=1e-3,
                    batch_size=4,
                    updates=100,
                )
                record = RunRecord(
                    spec=spec,
                    status=Status.ok,
                    environment={"stack": "cpu"},
                    measurements=(*curve, *gradient, *final),
                )
                write_record(record, folder)
    return folder
