"""The seconds and the bytes of a training step, of every contender in one process, taking turns.

A step is the forward pass, the backward pass from a given gradient of every output, and Adam's
update at rate 0, so that every round does the same work. A machine's pace drifts: ratios are to be
taken within a round. All rounds are recorded.
"""

import ctypes
import gc
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from bench.diagnostics.contenders import Build, own, peers, refusal, ways
from bench.diagnostics.peaks import peaks, seconds
from bench.diagnostics.view import Reading, Readings, View
from bench.diagnostics.work import work
from bench.records import RunSpec
from bench.timing import MemoryMeter

FEWEST, MOST, SECONDS = 3, 15, 4.0
"""As many rounds as fit in so many seconds, between these bounds."""
ERRORS = ("state_error", "gradient_error")
REFERENCE = "reference"
"""The backend that defines the model: in float64 it is what the others' errors are measured by."""


def speed(view: View) -> Readings:
    """The machine's peaks, every backend beside torch's own networks, the backends' errors."""
    spec, x = cast(RunSpec, view.spec), inputs(view)
    with torch.random.fork_rng():  # what is built draws first weights
        yield from peaks(x.device)
        able, refusals = candidates(view, spec, x)
        yield from refusals
        builds = able | peers(view, spec)
        yield from race(builds, x)
        yield from least_work(view, builds, x)
        yield from errors(view, able, x)


def backend_speed(view: View) -> Readings:
    """The backends alone: is one of them slower than the reference?"""
    spec, x = cast(RunSpec, view.spec), inputs(view)
    with torch.random.fork_rng():
        able, refusals = candidates(view, spec, x)
        yield from refusals
        yield from race(able, x)


def inputs(view: View) -> Tensor:
    """Random numbers of the sizes of the run's batches."""
    task, spec = view.task, cast(RunSpec, view.spec)
    shape = (task.steps, task.features) if spec.depth is None else (spec.width,)
    draws = torch.randn(spec.batch_size, *shape, generator=view.generator)
    return draws.to(view.batch.inputs.device)


def candidates(view: View, spec: RunSpec, x: Tensor) -> tuple[dict[str, Build], list[Reading]]:
    """The ways to compute the model that can take the input, and why others cannot."""
    able, refusals = {}, []
    for name, way in ways(spec).items():
        build = partial(own, view, way)
        if reason := refusal(build().to(x.device), way, x) or complaint(build, x):
            refusals.append(Reading("refused", f"{name}: {reason.partition(';')[0]}", None))
        else:
            able[name] = build
    return able, refusals


def complaint(build: Build, x: Tensor) -> str | None:
    """What a backend warns of at first: that another computes in its place; else None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            warm(build, x)
    except UserWarning as warning:
        return str(warning)
    return None


@dataclass(frozen=True)
class Racer:
    """A contender with its optimiser, and the gradient of its outputs."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    x: Tensor
    pull: Tensor

    @classmethod
    def of(cls, build: Build, x: Tensor) -> "Racer":
        """Built on the device of the input. The gradient lies in memory as the outputs do."""
        module = build().to(x.device)
        with torch.no_grad():
            pull = torch.randn_like(module(x))
        return cls(module, torch.optim.Adam(module.parameters(), lr=0.0), x, pull)

    def lap(self) -> dict[str, float]:
        """The seconds of each part of a training step."""
        device, outputs = self.x.device, list[Tensor]()
        self.module.zero_grad(set_to_none=True)
        return {
            "forward_seconds": seconds(lambda: outputs.append(self.module(self.x)), device),
            "backward_seconds": seconds(lambda: outputs.pop().backward(self.pull), device),
            "update_seconds": seconds(self.optimiser.step, device),
        }


def race(builds: Mapping[str, Build], x: Tensor) -> Readings:
    """The peak memory of each alone, then the seconds of each in every round."""
    for name, build in builds.items():
        warm(build, x)
        yield Reading("peak_bytes", name, float(peak(build, x)))
    racers = {name: Racer.of(build, x) for name, build in builds.items()}
    for racer in racers.values():
        racer.lap()
    start = time.perf_counter()
    for done in range(MOST):
        if done >= FEWEST and time.perf_counter() - start > SECONDS:
            return
        for name, racer in racers.items():
            yield from (Reading(part, name, took) for part, took in racer.lap().items())


def warm(build: Build, x: Tensor) -> None:
    """A step on a little of the input: compiling and loading are not to be measured."""
    with suppress(ValueError):  # a backend may refuse so little
        Racer.of(build, x[:1] if x.ndim == 2 else x[:, :2]).lap()


def peak(build: Build, x: Tensor) -> int:
    """The most memory of two training steps: weights, gradients, activations, optimiser."""
    give_back_memory()
    meter = MemoryMeter(x.device)
    before = meter.read()  # on a GPU what others hold
    racer = Racer.of(build, x)
    for _ in range(2):
        racer.lap()
    return meter.read() - before


def give_back_memory() -> None:
    """Returns free memory to the system, where it takes it, so that using it again is seen."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


@torch.no_grad()
def least_work(view: View, builds: Mapping[str, Build], x: Tensor) -> Readings:
    """The operations and bytes that each contender cannot do without."""
    for name, build in builds.items():
        module = build().to(x.device)
        yield from work(name, module, x, module(x), view)


def errors(view: View, able: Mapping[str, Build], x: Tensor) -> Readings:
    """How far the last outputs and the parameters' gradients are from the definition in float64."""
    spec = cast(RunSpec, view.spec)
    exact = own(view, replace(spec, backend=REFERENCE)).to(x.device).double()
    pull = torch.randn(exact(x.double()[:1]).shape[1:], generator=view.generator)
    wanted = passes(exact, x.double(), pull)
    for name, build in able.items():
        found = passes(build().to(x.device), x, pull)
        for quantity, mine, theirs in zip(ERRORS, found, wanted, strict=True):
            error = (mine.double() - theirs).norm() / theirs.norm()
            yield Reading(quantity, name, error.item())


def passes(module: Any, x: Tensor, pull: Tensor) -> tuple[Tensor, Tensor]:
    """(the outputs at the end, the gradients of all parameters in one row)."""
    output = module(x)
    output.backward(pull.to(output).expand_as(output))
    last = output.detach() if output.ndim == 2 else output.detach()[:, -1]
    return last, torch.cat([p.grad.flatten() for _, p in sorted(module.named_parameters())])
