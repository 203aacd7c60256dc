"""What submitit calls in a job: one command, and the job again where its time was not enough."""

import os
import signal
import subprocess
from collections.abc import Sequence

UNFINISHED = 75
"""The exit code of a command that kept what it had done and wants to go on: EX_TEMPFAIL."""


def carry_out(words: Sequence[str], again: int) -> int:
    """The command's exit code. One that SIGUSR2 left unfinished is queued again, at most so many
    times.

    SLURM sends its signals to every process of a job; SIGUSR2, when the job's time is nearly up, is
    the command's to heed. SIGTERM comes when the job is cancelled, or has to make room, and then
    SLURM starts it again by itself.
    """
    ended = []
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    code = subprocess.call(words)
    starts = int(os.environ.get("SLURM_RESTART_COUNT", "0"))
    if code == UNFINISHED and not ended and starts < again:
        subprocess.run(["scontrol", "requeue", os.environ["SLURM_JOB_ID"]], check=True)
    return code
