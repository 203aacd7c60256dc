"""The values a run is made of: `RunSpec` goes in, `RunRecord` comes out. Standard library only.

A spec holds everything that decides the numbers and nothing about the machine, so that its hash,
the `run_id`, names the same experiment everywhere. A record is a spec with what happened.
"""

import hashlib
import json
import math
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

SCHEMA = 2
"""Of the records written; `bench.upgrade` reads the older ones."""

NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Status(StrEnum):
    """How a run ended. A failed run is a row, never a gap."""

    ok = "ok"
    solved_early = "solved_early"
    diverged = "diverged"
    oom_gpu = "oom_gpu"
    oom_host = "oom_host"
    timeout = "timeout"
    killed = "killed"
    error = "error"
    unsupported = "unsupported"
    lost = "lost"


FINISHED = frozenset({Status.ok, Status.solved_early, Status.diverged})
RUN_AGAIN = frozenset({Status.unsupported, Status.lost, Status.killed})
"""Outcomes that say nothing about the model, so `run` tries them again unasked."""
FAILED = frozenset(Status) - FINISHED - {Status.unsupported}


ADDED = {"added": True}
"""Marks a field of `RunSpec` that came after the first records: these have it by its default, so
that an experiment keeps its name when the suite learns something new."""


class Measurement(NamedTuple):
    """One number: after how many updates, what it is, where it was read, and its value."""

    step: int
    quantity: str
    where: str
    value: float | None


def is_timing(row: Measurement) -> bool:
    """Whether it is a time or a peak, which the same run on the same stack does not give again."""
    return row.quantity.endswith("_seconds") or row.quantity.startswith("peak_")


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """Everything that decides the numbers of one run.

    `seed` numbers the repetition: data and initial weights have separate streams derived from it,
    so that all models of a repetition see the same data. The `*_at` fields list the updates after
    which something is measured; `diagnostics` does so for each diagnostic by name. `rate_scales`
    multiplies the learning rate of the parameters whose names match a glob, where a paper asks for
    it, and the parameters that match one of `frozen` are not trained. `backend` says by which of
    its kernels a model is computed that has several. Before `resolve` fills them in, versions are 0
    and an `output_scale` of None means the model's own.
    """

    suite: str
    task: str
    model: str
    seed: int
    width: int
    learning_rate: float
    batch_size: int
    updates: int
    depth: int | None = None
    axis: str = "time"
    task_args: Mapping[str, Any] = field(default_factory=dict)
    task_version: int = 0
    model_args: Mapping[str, Any] = field(default_factory=dict)
    model_version: int = 0
    output_scale: float | None = None
    optimiser: str = "adam"
    optimiser_args: Mapping[str, Any] = field(default_factory=dict)
    rate_scales: Mapping[str, Any] = field(default_factory=dict)
    schedule: str = "constant"
    gradient_clip: float | None = None
    validate_at: tuple[int, ...] = ()
    test_at: tuple[int, ...] = ()
    gradients_at: tuple[int, ...] = ()
    precision: str = "float32"
    threads: int = 1
    plugin: str | None = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict, metadata=ADDED)
    frozen: tuple[str, ...] = field(default=(), metadata=ADDED)
    backend: str = field(default="auto", metadata=ADDED)

    def written(self) -> dict[str, Any]:
        """The fields as a record holds them: a later-added one only where it is not the default."""
        absent = {
            f.name for f in fields(self) if f.metadata and getattr(self, f.name) == _default(f)
        }
        return {name: value for name, value in asdict(self).items() if name not in absent}

    @cached_property
    def run_id(self) -> str:
        """The first 16 hexadecimal digits of the sha256 of the canonical JSON."""
        return hashlib.sha256(canonical_json(self.written()).encode()).hexdigest()[:16]

    def without_looks(self) -> "RunSpec":
        """The same training with nobody looking at its gradients or its states."""
        return replace(self, gradients_at=(), diagnostics={})


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """A spec and what happened to it. `facts` is what a report needs to know without torch;
    `recorded_at` is when the record was written, which is no part of what it says."""

    spec: RunSpec
    status: Status
    error: str | None = None
    versions: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()
    recorded_at: str | None = field(default=None, compare=False)

    @property
    def stack(self) -> str:
        """Device class, torch and CUDA version as one slug, such as `cpu-torch2.13`."""
        return self.environment.get("stack", "unknown")


def _default(entry: Field) -> Any:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


def canonical_json(value: Any) -> str:
    """One text for one value: keys sorted, no spaces, non-finite numbers as strings."""
    return json.dumps(encode(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def encode(value: Any) -> Any:
    """The value as JSON can hold it: non-finite numbers become strings, text without an encoding is
    escaped."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {encode(str(key)): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return value


def decode_number(value: Any) -> float | None:
    """The number that `encode` wrote: null stays None, the three strings become floats again."""
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and abs(value) <= sys.float_info.max:
        return float(value)
    if isinstance(value, str) and value in NON_FINITE:
        return NON_FINITE[value]
    allowed = ", ".join(NON_FINITE)
    raise ValueError(f"{reprlib.repr(value)} is not a number, null, or one of {allowed}")


def spec_from_json(data: Any) -> RunSpec:
    """The spec that was written; a missing, unknown or ill-typed field raises ValueError."""
    if not isinstance(data, dict):
        raise ValueError(f"a spec is a JSON object, not {type(data).__name__}")
    known = {entry.name: _KINDS[str(entry.type)] for entry in fields(RunSpec)}
    if unknown := sorted(set(data) - set(known)):
        found = reprlib.repr(unknown[0])
        raise ValueError(f"unknown spec field {found}; allowed: {', '.join(known)}")
    for name, value in data.items():
        if not known[name].holds(value):
            found = reprlib.repr(value)
            raise ValueError(f"spec field {name!r} must be {known[name].words}, not {found}")
        if isinstance(value, int) and value < LEAST.get(name, value):
            raise ValueError(f"spec field {name!r} must be at least {LEAST[name]}, not {value}")
    try:
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items()
        }
        return RunSpec(**values)
    except TypeError as error:
        raise ValueError(str(error).replace("RunSpec.__init__()", "spec")) from None


LEAST = {"width": 1, "depth": 1, "batch_size": 1, "updates": 0, "threads": 1}


class _Kind(NamedTuple):
    """What a field of a spec may be: in words, as types, and of a list its items' type."""

    words: str
    types: type | tuple[type, ...]
    items: type = object

    def holds(self, value: Any) -> bool:
        """Whether the value is of the kind; True and False are no numbers."""
        if isinstance(value, bool) or not isinstance(value, self.types):
            return False
        return not isinstance(value, list | tuple) or all(
            isinstance(item, self.items) and not isinstance(item, bool) for item in value
        )


_LIST = (list, tuple)
_KINDS = {
    "<class 'str'>": _Kind("a string", str),
    "<class 'int'>": _Kind("an integer", int),
    "<class 'float'>": _Kind("a number", (int, float)),
    "int | None": _Kind("an integer or null", (int, type(None))),
    "float | None": _Kind("a number or null", (int, float, type(None))),
    "str | None": _Kind("a string or null", (str, type(None))),
    "tuple[int, ...]": _Kind("a list of integers", _LIST, int),
    "tuple[str, ...]": _Kind("a list of strings", _LIST, str),
    "collections.abc.Mapping[str, typing.Any]": _Kind("an object", dict),
}
