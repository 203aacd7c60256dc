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
from itertools import compress, pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import linear

from roaf.forms import Form
from roaf.kernels.fused import refuse_a_graph
from roaf.kernels.layers import segment_size
from roaf.mixing import Value
from roaf.nonlinearity import Nonlinearity

Run = Callable[..., Tensor]
"""(part of a sequence, state before it, shared values) -> the states after its steps. A sequence
may be cut anywhere: what it gives for the parts are the parts of what it gives for the whole."""


def read_in_segments(
    kernel: Run,
    x: Float[Tensor, "time batch input"],
    state: Float[Tensor, "batch hidden"],
    weight_ih: Float[Tensor, "hidden input"],
    offset: Float[Tensor, "hidden"] | None,
    form: Form,
    weight: Float[Tensor, "hidden hidden"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "hidden"],
) -> Float[Tensor, "time batch hidden"]:
    """What `kernel` gives, of any backend, for the drive V x + b.

    The drive is made of each part alone, so that a whole one is never there.
    """

    def run(part, before, weight_ih, offset, weight, alpha, beta, *bias):
        drive = linear(part.to(weight_ih), weight_ih, offset)
        return kernel(drive, before, form, weight, alpha, beta, phi, *bias)

    shared = (weight_ih, offset, weight, alpha, beta, *bias)
    return in_segments(run, x, state, *shared)  # type: ignore


@torch.compiler.disable
def in_segments(
    run: Run,
    sequence: Float[Tensor, "time batch features"],
    state: Float[Tensor, "batch hidden"],
    *shared: Tensor | float | None,
) -> Float[Tensor, "time batch hidden"]:
    """`run(sequence, state, *shared)`, differentiable in every tensor of them."""
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
        tensors = [value if isinstance(value, Tensor) else None for value in shared]
        ctx.run, ctx.shared = run, [None if isinstance(v, Tensor) else v for v in shared]
        ctx.save_for_backward(starts, sequence, *tensors)
        return states

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        refuse_a_graph()
        starts, sequence, *tensors = ctx.saved_tensors
        pairs = zip(tensors, ctx.shared, strict=True)
        shared = [number if tensor is None else tensor for tensor, number in pairs]
        _, of_sequence, _, *of_shared = ctx.needs_input_grad
        d_sequence = torch.empty_like(sequence) if of_sequence else None
        d_shared = [
            torch.zeros_like(v) if of else None for of, v in zip(of_shared, shared, strict=True)
        ]
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


def leaf(wanted: bool, value: Any) -> Any:
    """A tensor at the root of a new graph, with a gradient if it is wanted; a number as it is."""
    return value.detach().requires_grad_(wanted) if isinstance(value, Tensor) else value


def pulled(run: Run, leaves: Sequence[Any], d_states: Tensor) -> list[Any]:
    """The gradients of (start, part, shared values) of a segment; None where none is wanted."""
    start, part, *shared = leaves
    with torch.enable_grad(), torch.autocast(start.device.type, enabled=False):
        states = run(part, start, *shared)
    wanted = [isinstance(value, Tensor) and value.requires_grad for value in leaves]
    found = iter(torch.autograd.grad(states, list(compress(leaves, wanted)), d_states))
    return [next(found) if each else None for each in wanted]
