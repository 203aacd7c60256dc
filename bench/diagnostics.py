"""What becomes of the gradient, measured at the boundary so that no model has to cooperate."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import cached

from bench.frame import Frame
from bench.tasks import Batch, Task


def gradient_by_distance(model: Frame, task: Task, batch: Batch) -> dict[int, float]:
    """||dL/dh|| over (batch, state) for the state each distance before the loss.

    L is the loss of the last output alone, so that a distance is a distance: with a loss at every
    step each state would also see its own. Distance 0 is what the readout reads, the largest the
    initial state, or the first layer's input. Kept: 0, the powers of two, and the end.
    """
    with cached():  # a parametrised matrix is computed once, not once a step
        states, answer = model.unroll(batch.inputs)
    targets = batch.targets if answer.ndim == 2 else batch.targets[:, -1:]
    gradients = torch.autograd.grad(task.loss(answer, targets), states)
    last = len(states) - 1
    return {d: _norm(gradients[last - d]) for d in kept_distances(last)}


def kept_distances(last: int) -> list[int]:
    """0, the powers of two below `last`, and `last`."""
    powers = [2**k for k in range(last.bit_length()) if 2**k < last]
    return sorted({0, *powers, last})


def gradient_by_parameter(model: nn.Module) -> dict[str, float]:
    """||dL/dp|| for each parameter that has a gradient."""
    return {
        name: _norm(parameter.grad)
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


def _norm(gradient: Tensor) -> float:
    """The norm in float64: in float32 the squares of 1e-23 underflow."""
    return torch.linalg.vector_norm(gradient.double()).item()
