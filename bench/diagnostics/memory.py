"""How far back the last output still depends on the input."""

import math

import torch
from torch import Tensor
from torch.nn.utils.parametrize import cached

from bench.diagnostics.view import Reading, Readings, View

FORGOTTEN = 1e-3
"""An input is forgotten where the output's dependence on it is below this part of the largest."""


def memory_horizon(view: View) -> Readings:
    """The smallest lag from which on ||d output_T / d x_{T-lag}||_2 stays below a thousandth of its
    largest value, along the first sequence of the batch; infinite where the first input is still
    remembered, 0 where no input ever counted."""
    with cached():
        logs = sensitivities(view)
    floor = max(logs) + math.log(FORGOTTEN)
    remembered = [lag for lag, log in enumerate(logs) if log >= floor > -math.inf]
    horizon = remembered[-1] + 1 if remembered else 0
    value = math.inf if horizon == len(logs) else float(horizon)
    yield Reading("memory_horizon", f"{FORGOTTEN:g}", value)


def sensitivities(view: View) -> list[float]:
    """log ||d output_T / d x_{T-lag}||_2 for every lag from 0.

    The rows of the derivative are pulled back step by step and kept at norm 1, their size as a
    logarithm, so that nothing underflows.
    """
    body, inputs = view.model.body, view.batch.inputs[:1]
    states = view.model.chain(inputs).states
    with torch.no_grad():
        width = body.step(inputs[:, -1], states[-2])[0].shape[1]
    rows, size, logs, part = torch.eye(width).to(states[0]), 0.0, [], 0
    for place in range(inputs.shape[1] - 1, -1, -1):
        rows, to_input = _pull(body, inputs[:, place], states[place], rows, part)
        logs.append(_log(torch.linalg.matrix_norm(to_input, ord=2)) + size)
        scale = torch.linalg.vector_norm(rows)
        size, rows, part = size + _log(scale), rows / scale.clamp_min(1e-300), 1
    return logs


def _pull(body, x_t: Tensor, state: Tensor, rows: Tensor, part: int) -> tuple[Tensor, Tensor]:
    """rows times the derivative of the output (part 0) or the state (part 1) of a step, by the
    state and by the input."""
    with torch.enable_grad():
        copies = [t.detach().expand(len(rows), -1).clone().requires_grad_() for t in (state, x_t)]
        out = body.step(copies[1], copies[0])[part]
        pulled = torch.autograd.grad(out, copies, rows, materialize_grads=True)
    return pulled[0], pulled[1]


def _log(value: Tensor) -> float:
    return torch.log(value).item()
