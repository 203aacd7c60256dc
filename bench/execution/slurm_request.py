"""What is asked of SLURM: the text of `--slurm partition=gpu,gres=gpu:1,time=4:00:00`, checked.

The keys are sbatch's. What decides how a run is done (nodes, tasks, requeue, signals) is the
engine's and not among them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.execution.plan import UnknownName, unknown

KEYS = (
    "account",
    "constraint",
    "cpus-per-task",
    "exclude",
    "gpus",
    "gpus-per-node",
    "gres",
    "mem",
    "mem-per-cpu",
    "mem-per-gpu",
    "nodelist",
    "partition",
    "qos",
    "reservation",
    "time",
)
LEAST_MINUTES = 5
"""In less a job that starts Python and keeps what it has in time gets nowhere."""
JOBS_AT_ONCE = 256
"""Of one command, where it does not say how many."""


@dataclass(frozen=True)
class Request:
    """The options of every job, by sbatch's long names, and the minutes of one where they are
    given."""

    options: Mapping[str, str] = field(default_factory=dict)
    minutes: int | None = None

    @property
    def device(self) -> str:
        """ "cuda" where a GPU is asked for, else "cpu"."""
        asked = {"gpus", "gpus-per-node"} & set(self.options)
        return "cuda" if asked or "gpu" in self.options.get("gres", "") else "cpu"


def read_request(text: str) -> Request:
    """The request that "partition=gpu,gres=gpu:1" names; a comma inside a value stays."""
    parts = re.split(r",\s*(?=[\w-]+\s*=)", text) if text else ()
    options = dict(map(_option, parts))
    time = options.pop("time", None)
    minutes = None if time is None else read_minutes(time)
    if minutes is not None and minutes < LEAST_MINUTES:
        raise UnknownName(
            f"--slurm time={time} is too short; allowed: {LEAST_MINUTES} minutes or more"
        )
    return Request(options, minutes)


def _option(text: str) -> tuple[str, str]:
    """(key, value) of "key=value"."""
    key, _, value = (piece.strip() for piece in text.partition("="))
    key = key.replace("_", "-")
    if not value or not value.isprintable():
        raise UnknownName(
            f"--slurm {text!r} cannot be read; write key=value,key=value with keys among: "
            f"{', '.join(KEYS)}"
        )
    if key not in KEYS:
        raise UnknownName(f"--slurm: {unknown('key', key, KEYS)}")
    return key, value


def read_minutes(text: str) -> int:
    """The minutes, rounded up, of a time as sbatch takes it: 90, 90:00, 1:30:00, 2-12, 2-12:30."""
    match = re.fullmatch(r"(?:(\d{1,4})-)?(\d{1,6})(?::(\d{1,2}))?(?::(\d{1,2}))?", text)
    if match is not None:
        days, first, second, third = (int(part or 0) for part in match.groups())
        if match[1] is None and match[4] is None:
            seconds = 60 * first + second
        else:
            seconds = 86400 * days + 3600 * first + 60 * second + third
        if seconds > 0:
            return -(-seconds // 60)
    raise UnknownName(
        f"--slurm time={text} cannot be read; write minutes, 4:00:00 (hours:minutes:seconds) or "
        "2-12 (days-hours)"
    )
