"""The stack of layers without a graph: one node for all, computed segment by segment.

Three operations a layer forward, three backward, with d_l = dL/dx_l, g_l = beta * phi' * d_{l+1}:

    d_l = alpha * O^T d_{l+1} + W_l^T g_l
    dL/dW_l = g_l^T x_l,   dL/db_l = sum g_l,   dL/dalpha_l = sum d_{l+1} * O x_l,
    dL/dbeta_l = sum d_{l+1} * phi_l

The gradients of a segment's weights are one batched product, written to its place among those of
all, or given to a `Descent` that uses them at once. The temporaries are of one segment's size, so
they stay in the cache and the allocator hands the same ones out again. What the backward pass
needs is kept, computed again or found from above: see `roaf.kernels.kept_states`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from roaf.forms import Form
from roaf.kernels import members
from roaf.kernels.fused import refuse_a_graph
from roaf.kernels.kept_states import Full, Memory, Recompute
from roaf.kernels.layers import Layers, Passes, Rows, State, States
from roaf.kernels.workspace import Workspace
from roaf.mixing import Value, each
from roaf.nonlinearity import Nonlinearity
from roaf.precision import exact_products


@dataclass(frozen=True)
class Descent:
    """Who takes the gradients of weight and offset as they are found, so that they are not kept.

    `begin` is called once a backward pass, `take` with the place of each segment and its gradients,
    after everything else that needs that segment's weights is done.
    """

    begin: Callable[[], None]
    take: Callable[[slice, Tensor | None, Tensor | None], None]


@torch.compiler.disable
def compose(
    x: State,
    forms: Sequence[Form],
    weight: Float[Tensor, "depth width width"],
    offset: Float[Tensor, "depth width"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "depth width"],
    memory: Memory | None = None,
    descent: Descent | None = None,
    passes: Passes | None = None,
) -> State:
    """Equal to `reference.compose`; segments are gone through by these passes, or eagerly."""
    if members.are_stacked() and descent is None:
        return members.compose(x, forms, weight, offset, alpha, beta, phi, *bias)
    memory = memory or Full(Workspace())
    given = (x, weight, offset, alpha, beta, *bias)
    needed = any(torch.is_tensor(value) and value.requires_grad for value in given)
    if not (needed and torch.is_grad_enabled()):
        memory = Recompute(())  # which keeps nothing
    ways = forms, phi, memory, descent, passes or PASSES
    return _Composition.apply(ways, *given)  # type: ignore


class _Composition(Function):
    @staticmethod
    def forward(ctx: Any, ways, x, *given):
        forms, phi, memory, _, passes = ways
        weight, offset, alpha, beta, *bias = given
        layers = Layers(passes, forms, weight, offset, alpha, beta, phi, tuple(bias))
        last, kept = ascend(layers, x, memory)
        ctx.save_for_backward(*filter(torch.is_tensor, given), x, last, *kept)
        ctx.ways, ctx.numbers = ways, [None if torch.is_tensor(v) else v for v in given]
        return last.clone()

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        refuse_a_graph()
        memory, descent, passes = ctx.ways[2:]
        if descent is not None:
            descent.begin()
        layers, (start, last, *kept) = unpacked(ctx)
        delta, needs, above = grad_outputs[0], ctx.needs_input_grad[2:], last
        totals = places(layers, needs, descent)
        with exact_products(above.device):
            memory.reopen(layers, start)
            for index, where in reversed(list(enumerate(layers.segments()))):
                part, first = layers.part(where), index * memory.kept
                own = kept[first : first + memory.kept]
                inputs, values = memory.recover(part, where, own, above)
                deltas, pulls, delta = passes.pull(part, values, delta, any(needs[2:4]))
                here = [None if total is None else total[where] for total in totals]
                found = gradients(part, inputs, values, deltas, pulls, needs, here)
                if descent is not None:
                    descent.take(where, *found[:2])
                above = inputs[0]
        memory.close(start, above, last)
        return None, delta, *totals


def unpacked(ctx: Any) -> tuple[Layers, list[Tensor]]:
    """The layers; the first state, the last one and what was kept of each segment."""
    forms, phi, *_, passes = ctx.ways
    saved = iter(ctx.saved_tensors)
    given = [next(saved) if value is None else value for value in ctx.numbers]
    weight, offset, alpha, beta, *bias = given
    return Layers(passes, forms, weight, offset, alpha, beta, phi, tuple(bias)), list(saved)


def ascend(layers: Layers, x: State, memory: Memory) -> tuple[State, list[Tensor]]:
    """The last state, and what is kept of each segment."""
    kept: list[Tensor] = []
    with exact_products(x.device):
        for where, room in zip(layers.segments(), memory.open(layers, x), strict=True):
            layers.part(where).walk(x, *room)
            kept += memory.keep(room[0])
            x = room[0][-1].clone()  # the room may be the next segment's too
    return x, kept


def walk(layers: Layers, start: State, inputs: States, values: Rows) -> None:
    """Writes every state from `start` to the last layer's output, and every value of phi."""
    in_place = layers.in_place
    values.copy_(layers.offset.unsqueeze(1))
    previous, *later = inputs.unbind(0)
    previous.copy_(start)
    parts = layers.weight.mT.unbind(0), layers.mixers(), later, layers.biases()
    for value, w, mix, following, bias in zip(values.unbind(0), *parts, strict=True):
        in_place(value.addmm_(previous, w), *bias)
        mix(value, previous, following)
        previous = following


def pull(
    part: Layers, values: Rows, delta: State, collect: bool
) -> tuple[list[Tensor], Rows, State]:
    """dL/dx above each layer where that is wanted, beta * phi' times it, dL/dx below the part."""
    beta, depth, deltas = part.beta, len(part.weight), []
    pulls = part.slope(values) * (beta[:, None] if torch.is_tensor(beta) else beta)
    tensors = (pulls.unbind(0), part.weight.unbind(0))
    layers = zip(part.forms, each(part.alpha, depth), *tensors, strict=True)
    for form, alpha, own, w in reversed(list(layers)):
        if collect:
            deltas.append(delta)
        own.mul_(delta)
        if torch.is_tensor(alpha):
            delta = form.back(alpha * delta).addmm_(own, w)
        else:
            delta = form.back(delta).addmm_(own, w, beta=alpha)
    return deltas[::-1], pulls, delta


PASSES = Passes(walk, pull)


def gradients(
    part: Layers,
    inputs: States,
    values: Rows,
    deltas: list[Tensor],
    pulls: Rows,
    needs: Sequence[bool],
    places: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Those of weight, offset, alpha, beta and phi's bias that are needed, each at its place."""
    biases = [lambda out: torch.sum(pulls * part.phi.slope_of_bias(values), 1, out=out)]  # type: ignore
    ways = [
        lambda out: torch.bmm(pulls.mT, inputs[:-1], out=out),
        lambda out: torch.sum(pulls, 1, out=out),
        lambda out: torch.sum(torch.stack(deltas) * turned(part, inputs), 1, out=out),
        lambda out: torch.sum(torch.stack(deltas) * values, 1, out=out),
        *biases * len(part.bias),
    ]
    parts = zip(ways, needs, places, strict=True)
    return [way(place) if need else None for way, need, place in parts]


def turned(part: Layers, inputs: States) -> Rows:
    """O x for the input of each layer."""
    return torch.stack([form.times(x) for form, x in zip(part.forms, inputs[:-1], strict=True)])


def places(layers: Layers, needs: Sequence[bool], descent: Descent | None) -> list[Tensor | None]:
    """Room for the whole gradients that are needed and not taken by a descent."""
    tensors = (layers.weight, layers.offset, layers.alpha, layers.beta, *layers.bias)
    taken = 0 if descent is None else 2
    return [
        torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device)
        if isinstance(tensor, Tensor) and need and place >= taken
        else None
        for place, (tensor, need) in enumerate(zip(tensors, needs, strict=True))
    ]
