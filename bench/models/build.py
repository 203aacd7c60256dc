"""From an entry and a spec to a framed model, and what a report must know of it."""

import math
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any, cast

import torch
from torch import nn
from torch.nn.utils.parametrizations import _Orthogonal
from torch.nn.utils.parametrize import is_parametrized
from torch.utils.flop_counter import FlopCounterMode

from baselines import Costs
from bench.frame import DepthFrame, Frame, ImageFrame, SequenceFrame, TimeFrame
from bench.models.entry import Entry
from bench.records import RunSpec
from bench.tasks import Task


def build_model(entry: Entry, task: Task, spec: RunSpec) -> Frame:
    """The framed model of a resolved spec, its weights drawn from torch's global generator."""
    body = build_body(entry, task, spec)
    scale = entry.output_scale if spec.output_scale is None else spec.output_scale
    if entry.axis == "depth":
        model = _deep(entry, body, task, spec, scale)
    elif entry.stateful:
        model = TimeFrame(body, task, scale, entry.bounds)
    else:
        model = SequenceFrame(body, task, scale)
    freeze(model, spec.frozen)
    return model


def build_body(entry: Entry, task: Task, spec: RunSpec) -> Any:
    """The body alone. A backend that the model does not have raises ValueError."""
    backend = backend_argument(entry, spec)
    return entry.factory(*_sizes(entry, task, spec), **backend, **spec.model_args)


def _deep(entry: Entry, body: Any, task: Task, spec: RunSpec, scale: float) -> DepthFrame:
    frame = ImageFrame if entry.images else DepthFrame
    return frame(
        body,
        task,
        spec.width,
        entry.layers(cast(int, spec.depth)),
        scale,
        bounds=entry.bounds,
        enter=entry.enter,
        leave=entry.leave,
        kind="batch" if entry.batch_statistics else "depth",
    )


def backend_argument(entry: Entry, spec: RunSpec) -> dict[str, str]:
    """What the factory is told of the backend: nothing where the model may choose."""
    if spec.backend == "auto":
        return {}
    if not entry.backends:
        raise ValueError(f"model {spec.model!r} has no backends: backend must be 'auto'")
    if spec.backend not in entry.backends:
        allowed = ", ".join(("auto", *sorted(entry.backends)))
        raise ValueError(
            f"backend {spec.backend!r} is unknown to model {spec.model!r}; allowed: {allowed}"
        )
    return {"backend": spec.backend}


def freeze(model: nn.Module, patterns: Sequence[str]) -> None:
    """Takes the parameters whose names match a glob out of training; no match is a ValueError."""
    for pattern in patterns:
        found = [p for name, p in model.named_parameters() if fnmatch(name, pattern)]
        if not found:
            names = ", ".join(name for name, _ in model.named_parameters())
            raise ValueError(f"frozen {pattern!r} matches no parameter; there are: {names}")
        for parameter in found:
            parameter.requires_grad_(False)


def model_facts(entry: Entry, task: Task, spec: RunSpec, model: Frame) -> dict[str, Any]:
    """What a report must know of the model; FLOPs are those of the matrix products of a step.

    The costs of a body of images are given for one pixel. `kernel` is the backend that computes the
    run's batches, where the model has several.
    """
    costs = (
        entry.costs(*_sizes(entry, task, spec), **spec.model_args)
        if entry.costs
        else counted_costs(model, task)
    )
    pixels = math.prod(task.image[1:]) if entry.images and task.image and entry.costs else 1
    return {
        "paper": entry.paper,
        "year": entry.year,
        "execution": entry.execution,
        "parameters": trainable_parameters(model),
        "state_size": pixels * costs.state_size,
        "flops_per_step": pixels * (costs.flops + costs.pair_flops * task.steps),
        **_kernel_fact(entry, task, spec, model),
    }


def _kernel_fact(entry: Entry, task: Task, spec: RunSpec, model: Frame) -> dict[str, str]:
    if entry.picked is None:
        return {}
    along_time = entry.axis == "time"
    shape = spec.batch_size, *((task.steps, task.features) if along_time else (spec.width,))
    inputs = model.readout.weight.new_zeros(()).expand(shape)
    return {"kernel": entry.picked(model.body, inputs)}


def _sizes(entry: Entry, task: Task, spec: RunSpec) -> tuple[int | None, ...]:
    """What a factory and its costs take first."""
    along_time = entry.axis == "time"
    return (task.features, spec.width) if along_time else (spec.width, spec.depth)


def counted_costs(model: Any, task: Task) -> Costs:
    """Costs of a body as torch's own counter sees its step; of one without a step, those of its
    pass over a sequence, by the step."""
    counter, parameters = FlopCounterMode(display=False), trainable_parameters(model.body)
    with torch.no_grad():
        if model.kind == "sequence":
            with counter:
                model.body(model.readout.weight.new_zeros(1, task.steps, task.features))
            return Costs(parameters, 0, counter.get_total_flops() // task.steps)
        state = model.start()
        with counter:
            state = model.advance(state)
    return Costs(parameters, state.shape[-1], counter.get_total_flops())


def trainable_parameters(model: nn.Module) -> int:
    """How many numbers training can change.

    torch stores a square orthogonal matrix as a full one, of which only the n (n - 1) / 2 entries
    below the diagonal are read; the others do not count.
    """
    stored = [
        matrix.original.shape[-1]
        for module in model.modules()
        if is_parametrized(module)
        for matrix in cast(Any, module.parametrizations).values()
        if any(isinstance(part, _Orthogonal) for part in matrix) and matrix.original.requires_grad
    ]
    unread = sum(n * (n + 1) // 2 for n in stored)
    return sum(p.numel() for p in model.parameters() if p.requires_grad) - unread
