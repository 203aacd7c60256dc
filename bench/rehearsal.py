"""Whether runs of one model can be done in one launch, seen by doing a little of both.

One pass is made through each model alone and one through the stack of them: the gradients must be
the same. What takes part in no ensemble is run apart: a model that draws numbers, that has a state
besides its weights, whose samples meet, or whose operations `torch.vmap` does not know. Where it
knows those of a single step alone, the step is iterated.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench.ensemble import Stack
from bench.frame import Frame
from bench.looking import kept_batch
from bench.optimisation import IN_BACKWARD, make_optimiser
from bench.records import RunSpec
from bench.tasks import Batch, Task
from bench.train import backward

TOLERANCE = 1e-3
"""Of a parameter's gradient, relative to its norm: far above the rounding of float32 over 10,000
steps, far below what another model would give."""
FLOOR = 1e-5
"""The same relative to the norm of the whole gradient, where a parameter's own is next to nothing
and made of rounding."""


class Apart(Exception):
    """These runs cannot be done in one launch; the message says why, in a clause."""


def rehearse(
    models: Sequence[Frame], task: Task, specs: Sequence[RunSpec], device: torch.device
) -> Stack:
    """The stack of the models, with the way in which it may be called; none raises Apart."""
    if models[0].kind == "batch":
        raise Apart("the samples of its batches meet")
    if specs[0].optimiser == IN_BACKWARD:
        raise Apart(f"optimiser {IN_BACKWARD!r} is part of each one's own backward pass")
    if has_other_state(models[0], task, specs[0], device):
        raise Apart("it has a state besides its weights")
    batches = [kept_batch(task, spec, device) for spec in specs]
    expected = [gradients_alone(m, task, b) for m, b in zip(models, batches, strict=True)]
    joined, reasons = Stack.of(models), []
    for way in TRIED[models[0].kind]:
        stack = replace(joined, way=way)
        try:
            stack.losses(task, batches)
        except Exception as problem:
            reasons.append(f"{way}: {str(problem).partition(chr(10))[0]}")
            continue
        if all(map(agree, map(gradients, models), expected)):
            return stack
        reasons.append(f"{way}: its gradients are others, or not finite")
    raise Apart("; ".join(reasons))


def has_other_state(model: Frame, task: Task, spec: RunSpec, device: torch.device) -> bool:
    """Whether a buffer of the model changes in training."""
    trial = copy.deepcopy(model)
    optimiser, batch = make_optimiser(trial, spec), kept_batch(task, spec, device)
    for _ in range(3):  # a change may need to be seen before it is counted
        backward(trial, task, batch)
        optimiser.step()
    pairs = zip(trial.buffers(), model.buffers(), strict=True)
    return not all(torch.equal(after, before) for after, before in pairs)


def gradients_alone(model: Frame, task: Task, batch: Batch) -> list[Tensor]:
    """The gradients of the model as it is run apart."""
    backward(model, task, batch)
    return gradients(model)


def gradients(model: Frame) -> list[Tensor]:
    """The gradients in the model's parameters."""
    return [p.grad for p in model.parameters() if p.grad is not None]


def agree(found: list[Tensor], expected: list[Tensor]) -> bool:
    """Whether every parameter has the same gradient, to the tolerance."""
    whole = FLOOR * torch.stack([gradient.norm() for gradient in expected]).norm()
    return all(
        bool((one - other).norm() <= TOLERANCE * other.norm() + whole)
        for one, other in zip(found, expected, strict=True)
    )


TRIED = {"time": ("forward", "steps"), "depth": ("forward",), "sequence": ("forward",)}
"""For each kind of model, the ways in the order in which they are tried."""
