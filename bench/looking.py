"""What is read of a run on its way and changes nothing of it: gradients, diagnostics, scores."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from bench.diagnostics import GRADIENTS, View, look
from bench.frame import Frame
from bench.records import Measurement, RunSpec
from bench.streams import stream
from bench.tasks import Batch, Task

EVALUATION_BATCH, EVALUATION_STEPS = 250, 2_560_000
"""At most so many samples at once, of so many time steps in all."""
DIAGNOSTICS_BATCH = 32


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
