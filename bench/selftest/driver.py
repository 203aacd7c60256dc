"""`python -m bench` as a process of a session of its own, to be waited for or killed.

It is forked from this process, which has imported torch already, and so is the fork server that it
starts: beside the import, which would be most of the time, nothing is left out.
"""

import os
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import util
from pathlib import Path

import bench.execution.child as child
from bench.environment import environment, versions
from bench.models import load_kernels

PREPARED = ("sklearn.datasets", "torch._dynamo", "torch.utils.flop_counter")
HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)


def prepare(temporary: str) -> None:
    """Imports here what drivers and fork servers would import each for themselves. Their sockets,
    which the killed leave behind, are made in the temporary folder."""
    tempfile.tempdir = os.environ["TMPDIR"] = temporary
    for name in (*PREPARED, child.__name__, "bench.execution.session"):
        __import__(name)
    load_kernels()
    versions()
    environment("cpu")


def start(
    words: Sequence[object], output: Path, variables: Mapping[str, str], fresh: bool = False
) -> int:
    """The process of a command, in a new interpreter or a fork of this one; what it prints is added
    to `output`."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        _become_a_session(output)
        os.environ.update(variables)
        if fresh:
            os.execv(sys.executable, [sys.executable, "-m", "bench", *map(str, words)])
        code = _command([str(word) for word in words])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int, seconds: float = 600.0) -> int | None:
    """The exit code, minus the signal's number where it was killed; None if it does not end, and is
    killed now."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _become_a_session(output: Path) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for place, descriptor in enumerate((nothing, printed, printed)):
        os.dup2(descriptor, place)
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _command(words: Sequence[str]) -> int:
    """Does what `python -m bench` does with these words; the exit code."""
    util.spawnv_passfds = _fork_instead  # pyright: ignore[reportAttributeAccessIssue]
    sys.argv = ["bench", *words]
    try:
        runpy.run_module("bench", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        util._exit_function()  # pyright: ignore[reportAttributeAccessIssue]
        return end.code if isinstance(end.code, int) else 0
    return 0


def _fork_instead(path: str, words: Sequence[str], kept: Sequence[int]) -> int:
    """Begins `python -c` in a fork, where multiprocessing would begin a new interpreter."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 (a Path opens one more)
            if int(name) not in (0, 1, 2, *kept):
                with suppress(OSError):
                    os.close(int(name))
        exec(words[-1], {})
    finally:
        os._exit(0)
