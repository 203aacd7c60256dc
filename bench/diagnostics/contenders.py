"""Who is timed beside whom: each way to compute the run's model, and torch's own networks.

A contender is a module that is called with the input alone and returns its output alone.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bench.diagnostics.view import View
from bench.models import MODELS, build_body
from bench.records import RunSpec
from roaf import depth_schedule, random_orthogonal

Build = Callable[[], nn.Module]


class FirstResult(nn.Module):
    """A module that returns the outputs before other things, without these."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)[0]


class Layer(nn.Module):
    """One layer of RoaMLP as a module of its own, under autograd; O belongs to all."""

    def __init__(self, orthogonal: Tensor, alpha: float, beta: float) -> None:
        super().__init__()
        width = len(orthogonal)
        self.weight = nn.Parameter(torch.empty(width, width).uniform_(-1, 1) / math.sqrt(width))
        self.bias = nn.Parameter(torch.empty(width).uniform_(-1, 1) / math.sqrt(width))
        self.register_buffer("orthogonal", orthogonal)
        self.alpha, self.beta = alpha, beta

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.tanh(linear(x, self.weight, self.bias))
        return self.alpha * linear(x, self.orthogonal) + self.beta * inner  # type: ignore


def modules(width: int, depth: int) -> nn.Sequential:
    """RoaMLP as the chain of modules that anyone would write."""
    orthogonal, mixing = random_orthogonal(width), depth_schedule(1.0, depth)
    return nn.Sequential(*(Layer(orthogonal, *mixing) for _ in range(depth)))


TORCH = {"nn.RNN": nn.RNN, "nn.LSTM": nn.LSTM, "nn.GRU": nn.GRU}
KEPT: Mapping[str, tuple[str, ...]] = {"time": (), "depth": ("sqrt", "recompute")}
"""The ways not to keep all activations that are timed too, by axis."""


def ways(spec: RunSpec) -> dict[str, RunSpec]:
    """The run's model by each of its backends, then with each way to keep less.

    A model of another house, or one without backends, raises ValueError.
    """
    if spec.model not in MODELS or not MODELS[spec.model].backends:
        able = ", ".join(name for name, entry in MODELS.items() if entry.backends)
        raise ValueError(f"model {spec.model!r} has no backends to be timed; allowed: {able}")
    names = MODELS[spec.model].backends
    found = {f"{spec.model}/{name}": replace(spec, backend=name) for name in names}
    for memory in KEPT[spec.axis]:
        args = {**spec.model_args, "activation_memory": memory}
        found[f"{spec.model}/{memory}"] = replace(spec, model_args=args)
    return found


def peers(view: View, spec: RunSpec) -> dict[str, Build]:
    """torch's own networks of the same sizes; along depth the chain of modules."""
    if spec.depth is not None:
        return {"chain of modules": partial(modules, spec.width, spec.depth)}
    sizes = view.task.features, spec.width
    return {name: partial(_first, network, *sizes) for name, network in TORCH.items()}


def own(view: View, spec: RunSpec) -> nn.Module:
    """The run's model with the weights that the view has, computed as that spec says."""
    body: Any = build_body(MODELS[spec.model], view.task, spec)
    body.load_state_dict(view.model.body.state_dict())
    return body


def refusal(body: nn.Module, spec: RunSpec, x: Tensor) -> str | None:
    """Why the spec's backend cannot compute this input; None where it can."""
    picked = MODELS[spec.model].picked
    try:
        if picked is not None:
            picked(body, x)
    except ValueError as problem:
        return str(problem)
    return None


def _first(network: Callable[..., nn.Module], features: int, width: int) -> nn.Module:
    return FirstResult(network(features, width, batch_first=True))
