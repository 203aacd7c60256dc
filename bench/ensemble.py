"""Many runs of one model in one launch: the same numbers as apart, to rounding.

Small models leave a device idle. Here the weights of equal models are stacked and one pass goes
through all of them, by `torch.vmap`; everything else of a run, its data, its optimiser with its
rate, its looks, is its own: each member is an ordinary model whose weights are views of the stack,
in the ordinary loop, which is halted where it wants gradients. A member that diverges ends alone.
`bench.rehearsal` sees beforehand whether a model can be run so. Nothing is kept to go on from:
launches are of small models, and start again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.utils.parametrize import cached

from bench.frame import Frame, TimeFrame
from bench.records import Measurement, RunSpec
from bench.tasks import Batch, Task
from bench.train import Loop, updates

OF_A_PROCESS = ("step_seconds", "peak_bytes")
"""Measurements that would be of all members at once."""


Way = Callable[[Any, Tensor], Tensor]


def by_forward(model: Frame, inputs: Tensor) -> Tensor:
    """The outputs as the model computes them."""
    return model(inputs)


def by_steps(model: TimeFrame, inputs: Tensor) -> Tensor:
    """The outputs by the model's definition, step by step."""
    state, outputs = model.body.initial_state(len(inputs)), []
    with cached():
        for x_t in inputs.unbind(1):
            output, state = model.body.step(x_t, state)
            outputs.append(output)
    return model.read_out(torch.stack(outputs, dim=1))


WAYS: dict[str, Way] = {"forward": by_forward, "steps": by_steps}


class Called(nn.Module):
    """A model and the way in which it is called, for `functional_call`."""

    def __init__(self, model: Frame, way: Way) -> None:
        super().__init__()
        self.model, self.way = model, way

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs."""
        return self.way(self.model, inputs)


@dataclass(frozen=True)
class Stack:
    """Models of equal shapes, whose parameters are views of one tensor each, (members, ...)."""

    models: Sequence[Frame]
    parameters: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    way: str = "forward"

    @classmethod
    def of(cls, models: Sequence[Frame]) -> "Stack":
        """The models, which keep their numbers and no longer their storage."""
        stack = cls(models, *stack_module_state(list(models)))  # type: ignore
        for number, model in enumerate(models):
            for name, parameter in model.named_parameters():
                parameter.data = stack.parameters[name].detach()[number]
        return stack

    def outputs(self, inputs: Tensor) -> Tensor:
        """Each member's outputs, (members, batch, ...), of its own inputs."""
        called = Called(self.models[0], WAYS[self.way])

        def one(parameters: Any, buffers: Any, own: Tensor) -> Tensor:
            numbers = {f"model.{name}": t for name, t in (parameters | buffers).items()}
            return functional_call(called, numbers, (own,))

        return vmap(one)(dict(self.parameters), dict(self.buffers), inputs)

    def losses(self, task: Task, batches: Sequence[Batch]) -> list[Tensor]:
        """Each member's loss of its batch, its gradients left in its parameters."""
        for stacked in self.parameters.values():
            stacked.grad = None
        outputs = self.outputs(torch.stack([batch.inputs for batch in batches]))
        losses = [task.loss(o, b.targets) for o, b in zip(outputs, batches, strict=True)]
        torch.stack(losses).sum().backward()
        for number, model in enumerate(self.models):
            for name, parameter in model.named_parameters():
                gradient = self.parameters[name].grad
                parameter.grad = None if gradient is None else gradient[number]
        return [loss.detach() for loss in losses]


def train_together(
    stack: Stack, task: Task, specs: Sequence[RunSpec], device: torch.device
) -> Iterator[tuple[int, Measurement | Exception | None]]:
    """Trains the members and yields, each with its member's number, every measurement as `train`
    does, then None for a run that came to its end, or what ended it.

    What breaks the pass through all of them is raised.
    """
    members = enumerate(zip(stack.models, specs, strict=True))
    loops = {k: updates(model, task, spec, device) for k, (model, spec) in members}
    losses: Sequence[Tensor | None] = [None] * len(specs)
    batches: dict[int, Batch] = {}
    while loops:
        for k, loop in list(loops.items()):
            found, wanted = advance(loop, losses[k])
            yield from ((k, m) for m in found if m.quantity not in OF_A_PROCESS)
            if isinstance(wanted, Batch):
                batches[k] = wanted
            else:
                del loops[k]
                yield k, wanted
        if loops:
            any_batch = batches[next(iter(loops))]  # for members that ended before their first
            losses = stack.losses(task, [batches.get(k, any_batch) for k in range(len(specs))])


def advance(loop: Loop, loss: Tensor | None) -> tuple[list[Measurement], Batch | Exception | None]:
    """What the loop measures on its way to the next batch, and that batch; None at its end."""
    found: list[Measurement] = []
    try:
        wanted = next(loop) if loss is None else loop.send(loss)
        while not isinstance(wanted, Batch):
            if isinstance(wanted, Measurement):
                found.append(wanted)
            wanted = next(loop)
    except StopIteration:
        return found, None
    except Exception as problem:
        return found, problem
    return found, wanted
