"""The frame that is equal for all models; only the body differs.

A body keeps the contract of its axis. Along time: `forward` over (batch, time, features), and
`initial_state(batch)` and `step(x_t, state) -> (output, state)`, the whole state one tensor; a
sequence body without a state has `forward` alone. Along depth: `forward` over (batch, width) and
`step(x, layer)`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.records import RunSpec
from bench.tasks import Task

StepBounds = Callable[[Any], list[tuple[float, float]]]
"""A body's theory at its present weights: (lower, upper) singular value of the step's Jacobian,
one pair a layer, or a single pair that serves every step of time."""


@dataclass(frozen=True)
class Chain:
    """One sample's way through a model: `states[i + 1] = links[i](states[i])`.

    A link takes any number of states, (rows, state_size), each a row of its own, and gives each
    what it would become at that place.
    """

    states: list[Float[Tensor, "1 state_size"]]
    links: list[Callable[[Tensor], Tensor]]


class SequenceFrame(nn.Module):
    """A body over sequences and a linear readout of its last output, or of every one."""

    kind = "sequence"
    body: Any

    def __init__(self, body: Any, task: Task, output_scale: float) -> None:
        super().__init__()
        self.body, self.output_scale = body, output_scale
        with torch.no_grad():
            width = body(torch.zeros(1, 1, task.features)).shape[-1]
        self.readout = nn.Linear(width, task.outputs)
        self.features, self.reads_last = task.features, task.readout == "last"

    def forward(self, inputs: Float[Tensor, "batch time features"]) -> Tensor:
        """(batch, outputs) where the last output is read, else (batch, time, outputs)."""
        outputs = self.body(inputs)
        return self._answer(outputs[:, -1] if self.reads_last else outputs)

    def _answer(self, outputs: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch outputs"]:
        return self.readout(outputs * self.output_scale)


class TimeFrame(SequenceFrame):
    """The same around a recurrent body, whose steps can be looked at."""

    kind = "time"

    def __init__(
        self, body: Any, task: Task, output_scale: float, bounds: StepBounds | None = None
    ) -> None:
        super().__init__(body, task, output_scale)
        self._bounds = bounds

    def unroll(self, inputs: Float[Tensor, "batch time features"]) -> tuple[list[Tensor], Tensor]:
        """(the state before each step and the last output, the answer at the last step alone).

        The output stands for the last state, of which it may be a part: an LSTM reads out h, not c.
        """
        states = [self.body.initial_state(len(inputs)).detach().requires_grad_()]
        output = inputs
        for x_t in inputs.unbind(1):
            output, state = self.body.step(x_t, states[-1])
            states.append(state)
        answer = self._answer(output)
        return [*states[:-1], output], answer if self.reads_last else answer.unsqueeze(1)

    def chain(self, inputs: Float[Tensor, "1 time features"]) -> Chain:
        """The states of one sequence and the steps between them, outputs left out."""
        links = [partial(self._link, x_t) for x_t in inputs.unbind(1)]
        return _chain(self.body.initial_state(1), links)

    def step_bounds(self, inputs: Tensor) -> list[tuple[float, float]]:
        """What theory promises of each step's Jacobian; empty for a body without a theory."""
        return [] if self._bounds is None else self._bounds(self.body) * inputs.shape[1]

    def _link(self, x_t: Float[Tensor, "1 features"], state: Tensor) -> Tensor:
        return self.body.step(x_t.expand(len(state), -1), state)[1]

    def first_step(self) -> Tensor:
        """The state after one step on zeros."""
        x_t = self.readout.weight.new_zeros(1, self.features)
        return self.body.step(x_t, self.body.initial_state(1))[1]


class DepthFrame(nn.Module):
    """A linear lift of the input to the width, a depth body, a linear readout."""

    kind = "depth"
    body: Any

    def __init__(
        self,
        body: Any,
        task: Task,
        spec: RunSpec,
        output_scale: float,
        bounds: StepBounds | None = None,
    ) -> None:
        super().__init__()
        self._bounds = bounds
        self.lift = nn.Linear(task.features, spec.width)
        self.body, self.output_scale = body, output_scale
        self.readout = nn.Linear(spec.width, task.outputs)
        self.depth = spec.depth or 1

    def forward(self, inputs: Float[Tensor, "batch features"]) -> Float[Tensor, "batch outputs"]:
        """The class scores."""
        return self.readout(self.body(self.lift(inputs)) * self.output_scale)

    def unroll(self, inputs: Float[Tensor, "batch features"]) -> tuple[list[Tensor], Tensor]:
        """(the state before, between and after the layers, the class scores)."""
        states = [self.lift(inputs)]
        for layer in range(self.depth):
            states.append(self.body.step(states[-1], layer))
        return states, self.readout(states[-1] * self.output_scale)

    def chain(self, inputs: Float[Tensor, "1 features"]) -> Chain:
        """The states of one sample and the layers between them."""
        links = [partial(self.body.step, layer=layer) for layer in range(self.depth)]
        return _chain(self.lift(inputs), links)

    def step_bounds(self, inputs: Tensor) -> list[tuple[float, float]]:
        """What theory promises of each layer's Jacobian; empty for a body without a theory."""
        return [] if self._bounds is None else self._bounds(self.body)

    def first_step(self) -> Tensor:
        """The state after one layer on zeros."""
        return self.body.step(self.readout.weight.new_zeros(1, self.lift.out_features), 0)


@torch.no_grad()
def _chain(state: Float[Tensor, "1 state_size"], links: list[Callable[[Tensor], Tensor]]) -> Chain:
    states = [state]
    for link in links:
        states.append(link(states[-1]))
    return Chain(states, links)


Unrolled = TimeFrame | DepthFrame
"""A frame whose body goes step by step."""
Frame = SequenceFrame | TimeFrame | DepthFrame
