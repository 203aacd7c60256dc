"""The frame that is equal for all models; only the body differs.

A body keeps the contract of its axis. Along time: `forward` over (batch, time, features), and
`initial_state(batch)` and `step(x_t, state) -> (output, state)`, the whole state one tensor; a
sequence body without a state has `forward` alone. Along depth: `forward` over (batch, width), or
over (batch, width, height, columns) of images, and `step(x, layer)`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.tasks import Task

StepBounds = Callable[[Any], list[tuple[float, float]]]
"""A body's theory at its present weights: (lower, upper) singular value of the step's Jacobian,
one pair a layer, or a single pair that serves every step of time."""


End = Callable[[Any, Tensor], Tensor]
"""(body, what goes in or came out) -> the body's first state, or its output."""


def same(body: Any, state: Tensor) -> Tensor:
    """The state itself: that of a body which carries nothing else."""
    return state


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
            width = self._first_output(body, torch.zeros(1, task.features)).shape[-1]
        self.readout = nn.Linear(width, task.outputs)
        self.features, self.reads_last = task.features, task.readout == "last"

    def forward(self, inputs: Float[Tensor, "batch time features"]) -> Tensor:
        """(batch, outputs) where the last output is read, else (batch, time, outputs)."""
        return self.read_out(self.body(inputs))

    def read_out(self, outputs: Float[Tensor, "batch time width"]) -> Tensor:
        """The answer to the body's outputs, shaped as `forward` gives it."""
        return self._answer(outputs[:, -1] if self.reads_last else outputs)

    def _first_output(self, body: Any, x_t: Float[Tensor, "1 features"]) -> Tensor:
        return body(x_t[None])

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

    def _first_output(self, body: Any, x_t: Float[Tensor, "1 features"]) -> Tensor:
        return body.step(x_t, body.initial_state(1))[0]  # a backend may not run where it is built

    def _link(self, x_t: Float[Tensor, "1 features"], state: Tensor) -> Tensor:
        return self.body.step(x_t.expand(len(state), -1), state)[1]

    def start(self) -> Tensor:
        """The state before the first step."""
        return self.body.initial_state(1)

    def advance(self, state: Tensor) -> Tensor:
        """The state after one step on zeros."""
        return self.body.step(self.readout.weight.new_zeros(1, self.features), state)[1]


class DepthFrame(nn.Module):
    """A linear lift of the input to the width, a depth body, a linear readout.

    A body whose state is more than what it is given has functions for both ends: `enter` makes the
    first state of the lifted input, `leave` takes the output from the last one. The kind "batch" is
    that of a body in which, while it trains, the samples of a batch meet.
    """

    body: Any

    def __init__(
        self,
        body: Any,
        task: Task,
        width: int,
        depth: int,
        output_scale: float,
        *,
        bounds: StepBounds | None = None,
        enter: End = same,
        leave: End = same,
        kind: str = "depth",
    ) -> None:
        super().__init__()
        self._bounds, self._enter, self._leave, self.kind = bounds, enter, leave, kind
        self.lift = self._make_lift(task, width)
        self.body, self.output_scale = body, output_scale
        self.readout = nn.Linear(width, task.outputs)
        self.depth, self.features = depth, task.features

    def forward(self, inputs: Float[Tensor, "batch features"]) -> Float[Tensor, "batch outputs"]:
        """The class scores."""
        return self._read(self.body(self._lifted(inputs)))

    def unroll(self, inputs: Float[Tensor, "batch features"]) -> tuple[list[Tensor], Tensor]:
        """(the state before, between and after the layers, the class scores)."""
        states = [self._first(inputs)]
        for layer in range(self.depth):
            states.append(self.link(states[-1], layer))
        return states, self._answer(states[-1])

    def link(self, state: Float[Tensor, "batch state_size"], layer: int) -> Tensor:
        """The state after that layer, from the one before it."""
        return self.body.step(state, layer)

    def chain(self, inputs: Float[Tensor, "1 features"]) -> Chain:
        """The states of one sample and the layers between them."""
        links = [partial(self.link, layer=layer) for layer in range(self.depth)]
        return _chain(self._first(inputs), links)

    def step_bounds(self, inputs: Tensor) -> list[tuple[float, float]]:
        """What theory promises of each layer's Jacobian; empty for a body without a theory."""
        return [] if self._bounds is None else self._bounds(self.body)

    def start(self) -> Tensor:
        """The state before the first layer, of one input of zeros."""
        return self._first(self.readout.weight.new_zeros(1, self.features))

    def advance(self, state: Tensor) -> Tensor:
        """The state after the first layer."""
        return self.link(state, 0)

    def _make_lift(self, task: Task, width: int) -> nn.Module:
        return nn.Linear(task.features, width)

    def _lifted(self, inputs: Float[Tensor, "batch features"]) -> Tensor:
        return self.lift(inputs)

    def _first(self, inputs: Float[Tensor, "batch features"]) -> Tensor:
        return self._enter(self.body, self._lifted(inputs))

    def _answer(self, state: Float[Tensor, "batch state_size"]) -> Tensor:
        return self._read(self._leave(self.body, state))

    def _read(self, outputs: Float[Tensor, "batch width"]) -> Float[Tensor, "batch outputs"]:
        return self.readout(outputs * self.output_scale)


class ImageFrame(DepthFrame):
    """The same around a body of images: a convolution lifts, the mean over the pixels is read.

    To whoever looks at it, a state is a row, (batch, width * height * width of the image). A task
    whose inputs are no images raises ValueError.
    """

    def _make_lift(self, task: Task, width: int) -> nn.Module:
        if task.image is None:
            raise ValueError("a convolutional body needs a task of images, such as digits-depth")
        self._image = task.image
        self._shape = (width, *task.image[1:])
        return nn.Conv2d(task.image[0], width, kernel_size=3, padding=1)

    def _lifted(self, inputs: Float[Tensor, "batch features"]) -> Tensor:
        return self.lift(inputs.unflatten(1, self._image))

    def _first(self, inputs: Float[Tensor, "batch features"]) -> Tensor:
        return self._lifted(inputs).flatten(1)

    def link(self, state: Float[Tensor, "batch state_size"], layer: int) -> Tensor:
        """The state after that layer, from the one before it."""
        return self.body.step(state.unflatten(1, self._shape), layer).flatten(1)

    def _answer(self, state: Float[Tensor, "batch state_size"]) -> Tensor:
        return self._read(state.unflatten(1, self._shape))

    def _read(self, outputs: Float[Tensor, "batch width height columns"]) -> Tensor:
        return self.readout(outputs.mean((2, 3)) * self.output_scale)


@torch.no_grad()
def _chain(state: Float[Tensor, "1 state_size"], links: list[Callable[[Tensor], Tensor]]) -> Chain:
    states = [state]
    for link in links:
        states.append(link(states[-1]))
    return Chain(states, links)


Unrolled = TimeFrame | DepthFrame
"""A frame whose body goes step by step."""
Frame = SequenceFrame | TimeFrame | DepthFrame
