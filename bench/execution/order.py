"""What a run needs beside its spec: where it runs, for how long, and where its record goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.checkpoint import CHECKPOINT_SECONDS
from bench.datasets import data_folder
from bench.environment import environment
from bench.execution.lease import run_folder
from bench.execution.run_folder import FLUSH_SECONDS
from bench.records import RunRecord, RunSpec, Status
from bench.store import record_path, slug

GRACE_SECONDS = 20.0
"""How long a run that is told to end may take to keep what it has: less than SLURM's thirty."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """The same for all runs of a command.

    `gpus` are the values of CUDA_VISIBLE_DEVICES among which the runs are dealt out; measurements
    are written down every `flush` seconds, a checkpoint every `keep`.
    """

    results: Path
    device: str = "cpu"
    plugins: Sequence[Path] = ()
    timeout: float = 7200.0
    data: Path = field(default_factory=data_folder)
    environment: Mapping[str, Any] = field(default_factory=dict)
    gpus: Sequence[str] = ()
    grace: float = GRACE_SECONDS
    flush: float = FLUSH_SECONDS
    keep: float = CHECKPOINT_SECONDS

    @property
    def told(self) -> Mapping[str, Any]:
        """The environment that records tell of."""
        return self.environment or environment(self.device)

    def folder(self, spec: RunSpec) -> Path:
        """Where the run is while it is under way."""
        return run_folder(self.results, slug(self.told["stack"]), spec.run_id)

    def record_file(self, spec: RunSpec) -> Path:
        """Where its record goes."""
        record = RunRecord(spec=spec, status=Status.lost, environment=self.told)
        return record_path(record, self.results)
