"""The training loop, once for all: a generator of measurements.

Data, the diagnostics' batch and the initial weights have streams of their own, all derived from the
run's seed, so that every model of a repetition sees the same data and looking changes nothing.
"""

import hashlib
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from itertools import islice

import torch
from torch import Tensor, nn

from bench.checkpoint import Progress, Saved, restore
from bench.diagnostics import (
    GRADIENTS,
    View,
    gradient_by_parameter,
    look,
    weights_at_start,
    wrong_diagnostics,
)
from bench.frame import Frame
from bench.models import AdamInBackward
from bench.records import Measurement, RunSpec
from bench.tasks import Batch, Task
from bench.timing import Clock, MemoryMeter, synchronize

IN_BACKWARD = "adam-in-backward"
OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda model, groups, **args: torch.optim.Adam(groups, **args),
    "adamw": lambda model, groups, **args: torch.optim.AdamW(groups, **args),
    "sgd": lambda model, groups, **args: torch.optim.SGD(groups, **args),
    "rmsprop": lambda model, groups, **args: torch.optim.RMSprop(groups, **args),
    IN_BACKWARD: lambda model, groups, **args: AdamInBackward(model, **args),
}
"""From (model, groups of its parameters). In backward, a gradient is used up where it is found:
nothing is left of it to be clipped, scaled or recorded."""
SCHEDULES = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}
WINDOWS = 100
"""The training loss and the time are recorded as means over about this many windows."""
EVALUATION_BATCH, EVALUATION_STEPS = 250, 2_560_000
"""At most so many samples at once, of so many time steps in all."""
DIAGNOSTICS_BATCH = 32


def stream(seed: int, purpose: str) -> torch.Generator:
    """The random stream of a run for one purpose; equal for all models of a repetition."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose))


def stream_seed(seed: int, purpose: str) -> int:
    """A 63-bit seed for the purpose, unrelated to that of any other seed or purpose."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


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


def make_optimiser(model: nn.Module, spec: RunSpec) -> torch.optim.Optimizer:
    """The optimiser of the spec. Weight decay is for models of plain weights: it would turn
    orthogonal parameters to 0.

    An unknown one raises ValueError, and so does a gradient that is scaled or clipped where the
    optimiser never holds it.
    """
    if spec.optimiser not in OPTIMISERS:
        allowed = ", ".join(OPTIMISERS)
        raise ValueError(f"optimiser {spec.optimiser!r} is unknown; allowed: {allowed}")
    if spec.optimiser == IN_BACKWARD and (spec.gradient_clip or spec.rate_scales):
        raise ValueError(f"optimiser {IN_BACKWARD!r} has neither gradient_clip nor rate_scales")
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        scales = [s for pattern, s in spec.rate_scales.items() if fnmatch(name, pattern)]
        groups.setdefault(math.prod(scales), []).append(parameter)
    described = [{"params": found} for found in groups.values()]
    optimiser = OPTIMISERS[spec.optimiser](
        model, described, lr=spec.learning_rate, **spec.optimiser_args
    )
    for group, scale in zip(optimiser.param_groups, groups, strict=True):
        group["scale"] = scale
    return optimiser


def set_learning_rate(optimiser: torch.optim.Optimizer, spec: RunSpec, step: int) -> None:
    """Sets the rates of this update by the spec's schedule and scales."""
    rate = spec.learning_rate * SCHEDULES[spec.schedule](step / spec.updates)
    for group in optimiser.param_groups:
        group["lr"] = rate * group["scale"]


def backward(model: nn.Module, task: Task, batch: Batch) -> Tensor:
    """The loss of the batch, its gradients left in the parameters."""
    model.zero_grad(set_to_none=True)
    loss = task.loss(model(batch.inputs), batch.targets)
    loss.backward()
    return loss.detach()


def descend(model: nn.Module, optimiser: torch.optim.Optimizer, spec: RunSpec) -> None:
    """One update. The only place that clips, after the gradients were read."""
    if spec.gradient_clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), spec.gradient_clip)
    optimiser.step()


def probe(
    step: int, model: Frame, task: Task, spec: RunSpec, device: torch.device
) -> Iterator[Measurement]:
    """The gradient by distance, of the model itself, on a batch kept for looking alone.

    A model without a state has one by its inputs instead.
    """
    quantity, measure = GRADIENTS[model.kind]
    yield from rows(step, quantity, measure(model, task, kept_batch(task, spec, device)))


def diagnose(
    step: int,
    model: Frame,
    task: Task,
    spec: RunSpec,
    device: torch.device,
    start: Mapping[str, Tensor] | None = None,
) -> Iterator[Measurement]:
    """What the spec's diagnostics read at this step from a float64 copy of the model.

    Nothing of the run is touched: the batch and the random streams are the diagnostics' own. Of a
    model that has diverged nothing is read. `start` are the weights of `weights_at_start`.
    """
    names = diagnostics_at(step, spec)
    if not names or not all(torch.isfinite(parameter).all() for parameter in model.parameters()):
        return
    batch = kept_batch(task, spec, device)
    view = View.of(model, task, batch, stream(spec.seed, "diagnostics"))  # one copy serves all
    for name in names:
        draws = stream(spec.seed, f"diagnostics/{name}")
        own = replace(view, generator=draws, start=start or {}, spec=spec)
        yield from (Measurement(step, *reading) for reading in look(name, own))


def diagnostics_at(step: int, spec: RunSpec) -> list[str]:
    """The names of the diagnostics wanted after so many updates."""
    return [name for name, steps in spec.diagnostics.items() if step in steps]


def kept_batch(task: Task, spec: RunSpec, device: torch.device) -> Batch:
    """The batch that is kept for looking, the same at every step of the run."""
    batches = task.train_batches(DIAGNOSTICS_BATCH, stream(spec.seed, "diagnostics"))
    return to_device(next(batches), device)


def evaluate_at(
    step: int, model: nn.Module, task: Task, spec: RunSpec, device: torch.device
) -> Iterator[Measurement]:
    """Loss and score on the held-out sets that the spec wants after this many updates."""
    for split, steps in (("validation", spec.validate_at), ("test", spec.test_at)):
        if step in steps:
            data = task.held_out(split, stream(spec.seed, split))
            loss, score = evaluate(model, task, data, device)
            yield Measurement(step, f"{split}_loss", "all", loss)
            yield Measurement(step, f"{split}_score", "all", score)


@torch.no_grad()
def evaluate(
    model: nn.Module, task: Task, data: Batch, device: torch.device
) -> tuple[float, float]:
    """(loss, score) over all the data, in parts that fit in memory, in evaluation mode."""
    model.eval()
    sums = [0.0, 0.0]
    size = max(1, min(EVALUATION_BATCH, EVALUATION_STEPS // task.steps))
    for inputs, targets in zip(data.inputs.split(size), data.targets.split(size), strict=True):
        outputs, wanted = model(inputs.to(device)), targets.to(device)
        sums[0] += task.loss(outputs, wanted).item() * len(inputs)
        sums[1] += task.score(outputs, wanted).item() * len(inputs)
    model.train()
    return sums[0] / len(data.inputs), sums[1] / len(data.inputs)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch where the model is."""
    return Batch(*(part.to(device, non_blocking=True) for part in batch))


def rows(step: int, quantity: str, values: dict) -> Iterator[Measurement]:
    """One measurement for each entry of the mapping."""
    for where, value in values.items():
        yield Measurement(step, quantity, str(where), value)
