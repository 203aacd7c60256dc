"""The gradient of the loss: by distance, by input, by parameter, and how noisy it is."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import cached

from bench.diagnostics.view import Reading, Readings, View, check
from bench.frame import Frame, Unrolled
from bench.tasks import Batch, Task

GROUPS = 8
"""The noise of a gradient is seen between so many parts of the batch."""


def gradient_by_distance(model: Unrolled, task: Task, batch: Batch) -> dict[int, float]:
    """||dL/dh|| over (batch, state) for the state each distance before the loss.

    L is the loss of the last output alone, so that a distance is a distance: with a loss at every
    step each state would also see its own. Distance 0 is what the readout reads, the largest the
    initial state, or the first layer's input. Kept: 0, the powers of two, and the end.
    """
    with cached():  # a parametrised matrix is computed once, not once a step
        states, loss = unrolled(model, task, batch)
    return kept(torch.autograd.grad(loss, states))


def unrolled(model: Unrolled, task: Task, batch: Batch) -> tuple[list[Tensor], Tensor]:
    """(the states from the first to what the readout reads, the loss of the last output)."""
    states, answer = model.unroll(batch.inputs)
    return states, task.loss(answer, last_targets(answer, batch))


def last_targets(answer: Tensor, batch: Batch) -> Tensor:
    """The targets that belong to the answer at the last step."""
    return batch.targets if answer.ndim == 2 else batch.targets[:, -1:]


def kept(tensors: tuple[Tensor, ...] | list[Tensor]) -> dict[int, float]:
    """The norms at the kept distances from the end of the list."""
    last = len(tensors) - 1
    return {distance: norm(tensors[last - distance]) for distance in kept_distances(last)}


def kept_distances(last: int) -> list[int]:
    """0, the powers of two below `last`, and `last`."""
    powers = [2**k for k in range(last.bit_length()) if 2**k < last]
    return sorted({0, *powers, last})


def gradient_by_parameter(model: nn.Module) -> dict[str, float]:
    """||dL/dp|| for each parameter that has a gradient."""
    return {
        name: norm(parameter.grad)
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def norm(gradient: Tensor) -> float:
    """The norm in float64: in float32 the squares of 1e-23 underflow."""
    return torch.linalg.vector_norm(gradient.double()).item()


def banded_gradient(view: View) -> Readings:
    """The gradient by distance, with theory's band of its growth where the model has a theory.

    A gradient that has grown or shrunk by more than the theory allows raises BoundViolation.
    """
    norms = gradient_by_distance(view.model, view.task, view.batch)
    yield from readings("gradient_by_distance", norms)
    band = view.band()
    for distance, value in norms.items() if band else ():
        lower, upper = band[distance]
        yield Reading("bound_lower", str(distance), lower)
        yield Reading("bound_upper", str(distance), upper)
        if norms[0] > 0:
            check(f"the gradient's growth over {distance} steps", value / norms[0], lower, upper)


def gradient_by_input(model: Frame, task: Task, batch: Batch) -> dict[int, float]:
    """||dL/dx_t|| for the input so many steps before the last; the one question about distance that
    also a model without a state answers."""
    inputs = batch.inputs.detach().requires_grad_()
    with cached():
        outputs = model(inputs)
        answer = outputs if outputs.ndim == 2 else outputs[:, -1:]
        loss = task.loss(answer, last_targets(answer, batch))
    (gradient,) = torch.autograd.grad(loss, inputs)
    return kept(gradient.unbind(1))


def input_gradient(view: View) -> Readings:
    """The gradient by input."""
    norms = gradient_by_input(view.model, view.task, view.batch)
    yield from readings("gradient_by_input", norms)


def signal_to_noise(view: View) -> Readings:
    """For each parameter ||E g|| / sqrt(E ||g - E g||^2), g the gradient of one sample's loss.

    With it `gradient_mean`, ||E g|| itself over this batch. The ratio is estimated from
    the mean gradients of eight equal parts of the batch, whose variance is that of a sample over
    the size of a part. The mean's own noise is taken out of the signal; null where nothing is left,
    or no noise was seen. A batch below eight samples raises ValueError.
    """
    size = len(view.batch.inputs) // GROUPS
    if size == 0:
        raise ValueError(f"signal-to-noise needs a batch of at least {GROUPS}")
    parameters = {n: p for n, p in view.model.named_parameters() if p.requires_grad}
    parts = [
        _gradients(view, Batch(*(part[k * size : (k + 1) * size] for part in view.batch)))
        for k in range(GROUPS)
    ]
    for name, found in zip(parameters, zip(*parts, strict=True), strict=True):
        gradients = torch.stack(found).reshape(GROUPS, -1)
        yield Reading("gradient_mean", name, norm(gradients.mean(dim=0)))
        yield Reading("gradient_snr", name, ratio(gradients, size))


def _gradients(view: View, part: Batch) -> tuple[Tensor, ...]:
    loss = view.task.loss(view.model(part.inputs), part.targets)
    parameters = [p for p in view.model.parameters() if p.requires_grad]
    return torch.autograd.grad(loss, parameters, materialize_grads=True)


def ratio(gradients: Float[Tensor, "groups parameters"], size: int) -> float | None:
    """The signal-to-noise of a sample, from the mean gradients of groups of so many samples."""
    noise = gradients.var(dim=0).sum().item()
    signal = gradients.mean(dim=0).square().sum().item() - noise / len(gradients)
    return (signal / (noise * size)) ** 0.5 if signal > 0 and noise > 0 else None


def readings(quantity: str, values: Mapping[int, float | None]) -> Readings:
    """A reading for each distance."""
    for where, value in values.items():
        yield Reading(quantity, str(where), value)
