"""What SLURM is asked: whether it is there, what is in its queue, how long an array may be."""

import getpass
import re
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

QUEUE_SECONDS = 30.0
Job = tuple[str, int]
"""The name of a job's array, and its place there."""


class Unavailable(Exception):
    """SLURM cannot be used here, in one sentence."""


@dataclass(frozen=True)
class Sight:
    """What was last seen of the queue, and when: the jobs that are not in it, each with the time
    when it was first missed, and in a line why nothing runs."""

    missed: Mapping[Job, float] = field(default_factory=dict)
    why: str = ""
    at: float = float("-inf")


def check_available() -> None:
    """Raises Unavailable where jobs cannot be submitted."""
    if find_spec("submitit") is None:
        raise Unavailable("--engine slurm needs submitit; type: pip install 'roaf-bench[slurm]'")
    if shutil.which("sbatch") is None or shutil.which("squeue") is None:
        raise Unavailable(
            "--engine slurm: there is no sbatch here; type this on a login node of the cluster"
        )


def look(jobs: Collection[Job], before: Sight) -> Sight:
    """The queue as it is now, or as it was seen less than QUEUE_SECONDS ago."""
    now = time.monotonic()
    if not jobs or now - before.at < QUEUE_SECONDS:
        return before
    try:
        queue = ask_queue()
    except Unavailable as problem:
        return Sight({}, str(problem), now)  # nothing can be said to be missing
    missed = {job: before.missed.get(job, now) for job in jobs if job not in queue}
    return Sight(missed, _why_nothing_runs([queue[job] for job in jobs if job in queue]), now)


def ask_queue() -> dict[Job, str]:
    """The user's jobs that are not over, each with its state and the reason why it waits."""
    # the name comes last, since it may hold whatever its owner liked
    row = "--format=%K|%T|%r|%j"
    queue = {}
    for line in _ask("squeue", "--noheader", "--array", f"--user={getpass.getuser()}", row):
        place, state, reason, name = line.split("|", 3)
        waits = f"{state} ({reason})" if state == "PENDING" else state
        queue[name, int(place) if place.isdigit() else 0] = waits
    return queue


def largest_array() -> int:
    """How many jobs one array may hold."""
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", "\n".join(_ask("scontrol", "show", "config")))
    return max(1, int(found[1])) if found else 1000


def _why_nothing_runs(states: Collection[str]) -> str:
    """Nothing, unless all jobs wait."""
    if not states or not all(state.startswith("PENDING") for state in states):
        return ""
    told = (f"{count} {state}" for state, count in sorted(Counter(states).items()))
    return f"SLURM: {', '.join(told)}"


def _ask(*words: str) -> list[str]:
    """The lines that the program prints."""
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Unavailable(f"{words[0]} does not answer: {problem}") from None
    if result.returncode != 0:
        said = (result.stderr.strip() or result.stdout.strip()).replace("\n", "; ")
        raise Unavailable(f"{words[0]} failed: {said}")
    return result.stdout.splitlines()
