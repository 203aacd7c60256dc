"""A recurrence over a long sequence, of which only the states are kept.

The forward pass goes segment by segment and keeps nothing of a kernel but the states, which are the
result, and a copy of those before each segment. The backward pass takes the segments from the last
to the first, each computed again from the state before it by the same kernel, with a graph of that
segment alone:

    (d part, d state, d shared) = vector-Jacobian product of the segment at d states + d carried

Twice the forward pass, and beside the states room for one segment. Going back by inverting the step
instead would save nothing: the states are what the caller is given, and one step back from h_t is
no closed form but a fixed point, whose error grows as alpha^-T.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from roaf.forms import Form
from roaf.kernels.fused import refuse_a_graph
from roaf.kernels.layers import segment_size
from roaf.mixing import Value
from roaf.nonlinearity import Nonlinearity

Run = Callable[..., Tensor]
"""(part (steps, ...) of a sequence, state before it, shared tensors) -> the states after its steps.
A sequence may be cut anywhere: what `run` gives for the parts are the parts of what it gives."""


def recur_in_segments(
    kernel: Run,
    drive: Float[Tensor, "time batch hidden"],
    state: Float[Tensor, "batch hidden"],
    form: Form,
    weight: Float[Tensor, "hidden hidden"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "hidden"],
) -> Float[Tensor, "time batch hidden"]:
    """What `kernel` gives, of any backend, in the memory of drive, states and their gradients."""
    values = (weight, alpha, beta, *bias)
    shared = [value for value in values if isinstance(value, Tensor)]

    def run(part: Tensor, before: Tensor, *tensors: Tensor) -> Tensor:
        given = iter(tensors)
        own = [next(given) if isinstance(value, Tensor) else value for value in values]
        return kernel(part, before, form, *own[:3], phi, *own[3:])

    return in_segments(run, drive, state, *shared)


@torch.compiler.disable
def in_segments(
    run: Run,
    sequence: Float[Tensor, "time batch features"],
    state: Float[Tensor, "batch hidden"],
    *shared: Tensor,
) -> Float[Tensor, "time batch hidden"]:
    """`run(sequence, state, *shared)`, differentiable in all of them.

    A `run` that makes the drive of its part from the inputs spares the memory of a whole drive.
    """
    return _Segments.apply(run, sequence, state, *shared)  # type: ignore


class _Segments(Function):
    @staticmethod
    def forward(ctx: Any, run, sequence, state, *shared):
        places = segments(len(sequence))
        states = state.new_empty(len(sequence), *state.shape)
        starts = state.new_empty(len(places), *state.shape)
        for start, place in zip(starts, places, strict=True):
            start.copy_(state)
            states[place] = run(sequence[place], state, *shared)
            state = states[place.stop - 1]
        ctx.run = run
        ctx.save_for_backward(starts, sequence, *shared)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        refuse_a_graph()
        starts, sequence, *shared = ctx.saved_tensors
        _, of_sequence, _, *of_shared = ctx.needs_input_grad
        d_sequence = torch.empty_like(sequence) if of_sequence else None
        d_shared = list(map(zeros_if, of_shared, shared))
        d_start = torch.zeros_like(starts[0])
        for place, start in reversed(list(zip(segments(len(sequence)), starts, strict=True))):
            leaves = leaf(True, start), leaf(of_sequence, sequence[place])
            leaves += tuple(map(leaf, of_shared, shared))
            d_states = grad_outputs[0][place].clone()
            d_states[-1] += d_start
            d_start, d_part, *found = pulled(ctx.run, leaves, d_states)
            if d_sequence is not None:
                d_sequence[place] = d_part
            for total, more in zip(d_shared, found, strict=True):
                if total is not None:
                    total += more
        return None, d_sequence, d_start, *d_shared


def segments(time: int) -> list[slice]:
    """Where each segment begins and ends, the first first."""
    size = segment_size(time)
    return [slice(a, b) for a, b in pairwise([*range(0, time, size), time])]


def leaf(wanted: bool, tensor: Tensor) -> Tensor:
    """The tensor at the root of a new graph, with a gradient if it is wanted."""
    return tensor.detach().requires_grad_(wanted)


def zeros_if(wanted: bool, tensor: Tensor) -> Tensor | None:
    """Zeros like the tensor, where a gradient is to be summed."""
    return torch.zeros_like(tensor) if wanted else None


def pulled(run: Run, leaves: Sequence[Tensor], d_states: Tensor) -> list[Any]:
    """The gradients of (start, part, shared tensors) of a segment; None where none is wanted."""
    start, part, *shared = leaves
    with torch.enable_grad(), torch.autocast(start.device.type, enabled=False):
        states = run(part, start, *shared)
    found = iter(torch.autograd.grad(states, [x for x in leaves if x.requires_grad], d_states))
    return [next(found) if x.requires_grad else None for x in leaves]
