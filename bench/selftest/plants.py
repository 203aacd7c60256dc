"""The plug-in of the selftest: a tiny task, and models that die in every way.

A process that begins a run writes `<model> <seed> started` into the file that BENCH_SELFTEST_LOG
names, and `finished` when it has come to the end of it by itself. All the while it holds a lock
that the kernel takes from it when it dies: who begins the same run meanwhile adds `beside`.
"""

import ctypes
import fcntl
import hashlib
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import dropout, mse_loss

from baselines import Costs
from bench.models import Entry
from bench.suites.setting import Setting, Suite
from bench.tasks import Batch
from bench.tasks.base import GeneratedTask

LOG = os.environ.get("BENCH_SELFTEST_LOG")
GROUP = os.environ.get("BENCH_SELFTEST_GROUP")
FAULT_AT = 10
"""The update, about, that a fault comes with."""
BEGUN: set[str] = set()


@dataclass(frozen=True, kw_only=True)
class Sum(GeneratedTask):
    """The sum of four numbers."""

    question: ClassVar[str] = "Does the machinery work?"
    metric: ClassVar[str] = "mean squared error"
    features: ClassVar[int] = 1
    outputs: ClassVar[int] = 1
    chance: ClassVar[float] = 1 / 3
    direction: ClassVar[str] = "min"
    held_out_size: ClassVar[int] = 4

    length: int = 4

    @property
    def chance_loss(self) -> float:
        return 1 / 3

    def sample(self, size: int, generator: Generator) -> Batch:
        inputs = torch.rand(size, self.length, 1, generator=generator)
        return Batch(inputs, inputs.sum(1))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(outputs, targets)


class Calm(nn.Module):
    """A layer that draws from torch's own random numbers. Without the fault every other model here
    is this one, and gives its numbers."""

    seconds: ClassVar[float] = 0.0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(input_size, hidden_size), 0
        begin(type(self).__name__)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and torch.is_grad_enabled():
            self.calls += 1
            time.sleep(self.seconds)
            if self.calls == FAULT_AT:
                self.fault()
        return dropout(self.layer(x).tanh(), 0.1, self.training)

    def fault(self) -> None:
        """What goes wrong."""


class Slow(Calm):
    seconds = 0.01


class Raising(Calm):
    def fault(self) -> None:
        raise RuntimeError("broken on purpose")


class NotANumber(Calm):
    def fault(self) -> None:
        with torch.no_grad():
            self.layer.weight.fill_(float("nan"))


class Segfault(Calm):
    def fault(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        ctypes.string_at(0)


class Leaving(Calm):
    def fault(self) -> None:
        os._exit(7)


class Hanging(Calm):
    def fault(self) -> None:
        time.sleep(600)


class Forking(Calm):
    """Leaves a copy of itself behind that goes on with the run, and a program."""

    def fault(self) -> None:
        subprocess.Popen(["sleep", "600"])
        os.fork()


class Bomb(Calm):
    """Takes memory until its address space is used up."""

    def fault(self) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + 2**28
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        take_memory()


class GroupBomb(Calm):
    """Takes memory until the kernel ends it, in a control group of little memory."""

    def fault(self) -> None:
        (Path(GROUP or "") / "cgroup.procs").write_text(str(os.getpid()))
        take_memory()


def take_memory() -> None:
    """Takes 16 MiB after another."""
    held = []
    while True:
        held.append(torch.ones(2**22))


def begin(model: str) -> None:
    """Says that this process begins the run, once."""
    key = f"{model} {torch.initial_seed()}"
    if LOG is None or key in BEGUN:
        return
    BEGUN.add(key)
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(word: str) -> None:
        os.write(log, f"{key} {word}\n".encode())

    try:
        fcntl.lockf(log, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place(key))
    except OSError:
        note("beside")
    note("started")
    Finalize(None, end, args=(note,), exitpriority=0)


def place(key: str) -> int:
    """The byte of the log that is locked for the run."""
    return int(hashlib.sha256(key.encode()).hexdigest()[:15], 16)


def end(note: Callable[[str], None]) -> None:
    """Says that the run has ended, unless an exception has kept the process from writing that
    down."""
    if sys.exc_info()[0] is None:
        note("finished")


def step_clock() -> None:
    """From now on the wall's clock jumps within a day at each look."""
    true, jumps = time.time, random.Random(os.getpid())
    time.time = lambda: true() + jumps.uniform(-86400, 86400)
    time.time_ns = lambda: int(time.time() * 1e9)


if os.environ.get("BENCH_SELFTEST_CLOCK"):
    step_clock()
if most := os.environ.get("BENCH_SELFTEST_FILE_BYTES"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))


def entry(factory: Callable[..., Calm]) -> Entry:
    """The line of a model."""
    line = {"axis": "time", "paper": "none", "year": 2026, "stateful": False}
    return Entry(factory=factory, costs=costs, **line)


def costs(input_size: int, hidden_size: int) -> Costs:
    """Those of the layer."""
    return Costs((input_size + 1) * hidden_size, 0, 2 * input_size * hidden_size)


def setting(updates: int, models: tuple[str, ...]) -> Setting:
    """A setting that no one watches."""
    return Setting(
        task="planted",
        models=models,
        updates=updates,
        batch_size=2,
        widths={"*": 2},
        evaluations=1,
        watched=False,
    )


MODELS = {
    "planted-calm": entry(Calm),
    "planted-slow": entry(Slow),
    "planted-raising": entry(Raising),
    "planted-nan": entry(NotANumber),
    "planted-segfault": entry(Segfault),
    "planted-leaving": entry(Leaving),
    "planted-hanging": entry(Hanging),
    "planted-forking": entry(Forking),
    "planted-bomb": entry(Bomb),
    "planted-group-bomb": entry(GroupBomb),
}
TASKS = {"planted": Sum}
SUITES = {
    "planted-short": Suite(
        question="Does the machinery work?",
        budget="seconds",
        settings=(setting(2, ("planted-calm",)),),
    ),
    "planted-long": Suite(
        question="Does the machinery work?",
        budget="seconds",
        settings=(setting(40, tuple(MODELS)),),
    ),
}
