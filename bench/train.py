"""The training loop, once for all: a generator of measurements."""

import math
from collections.abc import Generator, Iterator
from itertools import islice

import torch
from torch import Tensor, nn

from bench.checkpoint import Progress, Saved, restore
from bench.diagnostics import gradient_by_parameter, weights_at_start, wrong_diagnostics
from bench.frame import Frame
from bench.looking import diagnose, diagnostics_at, evaluate_at, probe, rows, to_device
from bench.optimisation import descend, make_optimiser, set_learning_rate
from bench.records import Measurement, RunSpec
from bench.streams import stream
from bench.tasks import Batch, Task
from bench.timing import Clock, MemoryMeter, synchronize

WINDOWS = 100
"""The training loss and the time are recorded as means over about this many windows."""

Loop = Generator[Measurement | Progress | Batch, Tensor, None]
"""Yields what is measured, the batches whose gradients it wants, and after each update how far it
is; is sent the loss of each batch."""


def train(
    model: Frame, task: Task, spec: RunSpec, device: torch.device, saved: Saved | None = None
) -> Iterator[Measurement | Progress]:
    """Trains the model in place and yields every number measured, in the order of the updates, and
    after each how far the run is. From a checkpoint it goes on where that was made."""
    loop = updates(model, task, spec, device, saved)
    wanted = next(loop, None)
    while wanted is not None:
        if isinstance(wanted, Batch):
            wanted = answer(loop, backward(model, task, wanted))
        else:
            yield wanted
            wanted = next(loop, None)


def answer(loop: Loop, loss: Tensor) -> Measurement | Progress | Batch | None:
    """What the loop yields when it is sent the loss of its batch; None at its end."""
    try:
        return loop.send(loss)
    except StopIteration:
        return None


def updates(
    model: Frame, task: Task, spec: RunSpec, device: torch.device, saved: Saved | None = None
) -> Loop:
    """The loop of one run, but for the passes through the model: whoever drives it leaves the
    gradients of each batch that it yields in the parameters and sends it the loss.

    Ends early after a window whose loss is not finite; that loss is the last `train_loss`.
    Diagnostics are read before the update of their step, or at the end for the step after the last.
    """
    if wrong := wrong_diagnostics(spec.diagnostics, spec.updates):
        raise ValueError(wrong)
    meter, clock = MemoryMeter(device), Clock(device)
    optimiser = make_optimiser(model, spec)
    batches = task.train_batches(spec.batch_size, stream(spec.seed, "train"))
    start = weights_at_start(model, spec.diagnostics)
    window, total = max(1, spec.updates // WINDOWS), torch.zeros((), device=device)
    first = done = saved.done if saved else 0
    for _ in islice(batches, first):  # the stream of a seed is the same each time
        pass
    if saved:
        start = restore(saved, Progress(done, model, optimiser, total, start))
    else:
        yield from evaluate_at(done, model, task, spec, device)
    for step in range(first, spec.updates):
        batch = to_device(next(batches), device)
        if step in spec.gradients_at:
            settle(clock, device)
            yield from probe(step, model, task, spec, device)
        if diagnostics_at(step, spec):
            settle(clock, device)
            yield from diagnose(step, model, task, spec, device, start)
        with clock:
            set_learning_rate(optimiser, spec, step)
            total += yield batch
        if step in spec.gradients_at:
            settle(clock, device)
            norms = gradient_by_parameter(model)
            yield from rows(step, "gradient_by_parameter", norms)
        with clock:
            descend(model, optimiser, spec)
        done = step + 1
        if done % window == 0 or done == spec.updates:
            mean = total.item() / ((step % window) + 1)
            yield Measurement(done, "train_loss", "all", mean)
            seconds = clock.read() / min((step % window) + 1, done - first)
            yield Measurement(done, "step_seconds", "window", seconds)
            total.zero_()
            if not math.isfinite(mean):
                break
        if done in (*spec.validate_at, *spec.test_at):
            settle(clock, device)
        yield from evaluate_at(done, model, task, spec, device)
        yield Progress(done, model, optimiser, total, start)
    yield Measurement(done, "peak_bytes", "process", float(meter.read()))
    if done == spec.updates:
        yield from diagnose(done, model, task, spec, device, start)


def settle(clock: Clock, device: torch.device) -> None:
    """Charges the work still under way to the clock, before looking waits for it unclocked."""
    with clock:
        synchronize(device)


def backward(model: nn.Module, task: Task, batch: Batch) -> Tensor:
    """The loss of the batch, its gradients left in the parameters."""
    model.zero_grad(set_to_none=True)
    loss = task.loss(model(batch.inputs), batch.targets)
    loss.backward()
    return loss.detach()
