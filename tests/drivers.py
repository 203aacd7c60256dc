"""Engines in processes of their own, to be killed; and models that die when they are told to."""

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from typing import Any

from bench.execution.local import fingerprints, run_launches
from bench.execution.order import Order
from bench.execution.plan import make_plan
from bench.records import RunRecord, RunSpec
from tests.specs import TOYS

FORK = multiprocessing.get_context("fork")
FAULTY = (
    TOYS
    + """
import subprocess
from pathlib import Path

HERE = Path(__file__).parent

class Obedient(Toy):
    # At the call that the file "at" names, once, it does what the file "what" says.
    def fault(self):
        at = HERE / "at"
        if at.exists() and self.calls == int(at.read_text()):
            at.unlink()
            exec((HERE / "what").read_text())

class Slow(Toy):
    def fault(self):
        with (HERE / "slow").open("a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(0.02)

class Counted(Toy):
    # Every process that trains it leaves a line.
    def __init__(self, *sizes, **args):
        super().__init__(*sizes, **args)
        with (HERE / "counted").open("a") as file:
            file.write("one\\n")

class Seeing(Toy):
    def fault(self):
        raise RuntimeError(os.environ["CUDA_VISIBLE_DEVICES"])

class Forking(Toy):
    def fault(self):
        if self.calls == 3:
            helper, copy = subprocess.Popen(["sleep", "600"]).pid, os.fork()
            if copy:
                (HERE / "started").write_text(f"{helper} {copy}")

MODELS |= {
    "obedient": entry(Obedient), "slow": entry(Slow), "counted": entry(Counted),
    "forking": entry(Forking), "seeing": entry(Seeing),
}
"""
)


def run_all(specs: Iterable[RunSpec], order: Order, jobs: int) -> Iterator[RunRecord]:
    """The records of runs in a process each, each as its run ends."""
    return run_launches([(spec,) for spec in specs], order, jobs)


def driver(specs: Sequence[RunSpec], order: Order, jobs: int) -> BaseProcess:
    """A started process that does the runs not yet recorded, with a fork server of its own."""
    process = FORK.Process(target=_drive, args=(specs, order, jobs))
    process.start()
    return process


def _drive(specs: Sequence[RunSpec], order: Order, jobs: int) -> None:
    forkserver._forkserver.__init__()
    seen = fingerprints(specs, order)
    todo = make_plan(specs, order.results, order.told["stack"]).todo
    for _ in run_launches([(spec,) for spec in todo], order, jobs, seen):
        pass


def eventually(happens: Callable[[], Any], seconds: float = 200.0) -> Any:
    """What the function returns as soon as that is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happens():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen")
