"""Seconds of a forward pass, a forward and backward pass, and an optimiser's steps.

The processor's seconds, of one thread; on a GPU those on the wall. asv calls `setup` before every
sample, so what is made there is made once.
"""

import time
from functools import cache

import torch

from .bodies import BACKENDS, PEERS, Work, deep, recurrent, warm
from .measured import Timed, processor_seconds

STEPS = 50
"""Of the optimiser, which takes too little time for one."""


@cache
def batch(model: str) -> Work:
    """32 sequences of 256 steps, Haar."""
    return warm(recurrent(model, hidden=128, batch=32, time=256, filter="haar"))


@cache
def single(model: str) -> Work:
    """One sequence of 784 steps, rotations."""
    return warm(recurrent(model, hidden=128, batch=1, time=784, filter="rotations"))


@cache
def layers() -> Work:
    """RoaMLP of 1,000 layers of 16 units, 32 rows."""
    return warm(deep(width=16, depth=1000, batch=32, memory="full"))


@cache
def adam(work: Work) -> torch.optim.Adam:
    """The optimiser after its first step, which makes the moments; no step changes much."""
    optimiser = torch.optim.Adam(work.model.parameters(), lr=1e-9)
    optimiser.step()
    return optimiser


class Pass(Timed):
    """A benchmark of what may run on a GPU."""

    timer = staticmethod(time.perf_counter if torch.cuda.is_available() else processor_seconds)


class Batch(Pass):
    """32 sequences of 256 steps, hidden 128, Haar."""

    params = ((*BACKENDS, *PEERS),)
    param_names = ("model",)

    def setup(self, model: str) -> None:
        batch(model)

    def time_forward(self, model: str) -> None:
        batch(model).forward()

    def time_forward_backward(self, model: str) -> None:
        batch(model).forward_backward()


class Single(Pass):
    """One sequence of 784 steps, hidden 128, rotations."""

    params = ((*BACKENDS, *PEERS),)
    param_names = ("model",)

    def setup(self, model: str) -> None:
        single(model)

    def time_forward_backward(self, model: str) -> None:
        single(model).forward_backward()


class Optimiser(Pass):
    """Fifty steps of Adam; ROAF's parameters are the same in every backend."""

    params = (("fused", *PEERS),)
    param_names = ("model",)

    def setup(self, model: str) -> None:
        adam(single(model))

    def time_optimiser_steps(self, model: str) -> None:
        for _ in range(STEPS):
            adam(single(model)).step()
        single(model).wait()


class Depth(Timed):
    """RoaMLP of 1,000 layers of 16 units, 32 rows; fifty steps of Adam."""

    def setup(self) -> None:
        adam(layers())

    def time_forward(self) -> None:
        layers().forward()

    def time_forward_backward(self) -> None:
        layers().forward_backward()

    def time_optimiser_steps(self) -> None:
        for _ in range(STEPS):
            adam(layers()).step()
