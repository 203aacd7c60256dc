"""Optimisers, the schedule of the learning rate, and the update."""

import math
from collections.abc import Callable
from fnmatch import fnmatch

import torch
from torch import nn

from bench.models import AdamInBackward
from bench.records import RunSpec

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


def descend(model: nn.Module, optimiser: torch.optim.Optimizer, spec: RunSpec) -> None:
    """One update. The only place that clips, after the gradients were read."""
    if spec.gradient_clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), spec.gradient_clip)
    optimiser.step()
