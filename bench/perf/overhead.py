"""What the harness costs: its loop against the same updates in a bare loop, interleaved.

    python -m bench.perf.overhead

Both train the same models on the same batches; the harness also records losses and times. Prints
the median over rounds of (harness - bare) / bare, and the same of bare against bare: the noise.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import torch

from bench.models import build_model
from bench.optimisation import make_optimiser
from bench.records import RunSpec
from bench.runner import Registry, resolve
from bench.streams import stream
from bench.train import train

ROUNDS = 15
SPEC = RunSpec(
    suite="overhead",
    task="psdigits",
    model="roaf",
    seed=0,
    width=128,
    learning_rate=1e-3,
    batch_size=32,
    updates=60,
)


def harness(spec: RunSpec, registry: Registry) -> float:
    """Seconds of the harness's loop."""
    model, task = _fresh(spec, registry)
    start = time.perf_counter()
    for _ in train(model, task, spec, torch.device("cpu")):
        pass
    return time.perf_counter() - start


def bare(spec: RunSpec, registry: Registry) -> float:
    """Seconds of the same updates in the loop that anyone would write."""
    model, task = _fresh(spec, registry)
    start = time.perf_counter()
    optimiser = make_optimiser(model, spec)
    batches = task.train_batches(spec.batch_size, stream(spec.seed, "train"))
    for _ in range(spec.updates):
        inputs, targets = next(batches)
        optimiser.zero_grad()
        task.loss(model(inputs), targets).backward()
        optimiser.step()
    return time.perf_counter() - start


def _fresh(spec: RunSpec, registry: Registry):
    torch.manual_seed(spec.seed)
    task = registry.tasks.entries[spec.task](**spec.task_args)
    task.held_out("validation", stream(0, "warm"))
    return build_model(registry.models.entries[spec.model], task, spec), task


def relative(first: Callable[[], float], second: Callable[[], float]) -> float:
    """The median over rounds of how much longer the first takes than the second."""
    first()
    second()
    pairs = [(first(), second()) for _ in range(ROUNDS)]
    return median(a / b - 1 for a, b in pairs)


def main() -> None:
    """Prints a line a model."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    registry = Registry()
    for name in ("roaf", "lstm", "exprnn"):
        spec = resolve(replace(SPEC, model=name), registry)
        cost = relative(lambda s=spec: harness(s, registry), lambda s=spec: bare(s, registry))
        noise = relative(lambda s=spec: bare(s, registry), lambda s=spec: bare(s, registry))
        print(f"{name}: the harness costs {cost:+.2%}; bare against bare {noise:+.2%}")


if __name__ == "__main__":
    main()
