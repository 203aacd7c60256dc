"""Whether depth is used: do the layers wait for each other, would one be missed, have they moved?

A layer without its matrices is its skip path A_l: alpha O x + beta phi(b) for ROAF, the identity
for a residual network, a constant for a plain one. The matrices are the body's parameters of three
or more dimensions of which the first is the layer, or so many places for each, and so is the body's
own `weight` of two, the free numbers of a matrix in a row. Gains, biases and matrices that all
layers share are none. Of a body that has no matrices nothing is read.
"""

import copy
import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.parametrize import cached

from bench.diagnostics.gradients import kept_distances, norm
from bench.diagnostics.view import Reading, Readings, View, in_double
from bench.tasks import Batch

PICARD_ERRORS = (1e-2, 1e-3)
PICARD_SWEEPS = 32
"""A network that needs more is not parallel in any useful sense."""
HELD_OUT = 256
EVENLY = 8
"""So many evenly spaced layers are always read, for a median over them."""


def matrices(model: Any) -> dict[str, Float[Tensor, "depth places *shape"]]:
    """The stacked matrices of the body by their names in the model, layer by layer, not copied."""
    return {
        name: by_layer(parameter.detach(), model.depth)
        for name, parameter in model.body.named_parameters(prefix="body")
        if _is_matrix(name, parameter) and len(parameter) % model.depth == 0
    }


def _is_matrix(name: str, parameter: Tensor) -> bool:
    return parameter.ndim >= 3 or (name == "body.weight" and parameter.ndim == 2)


def by_layer(stack: Tensor, depth: int) -> Float[Tensor, "depth places *shape"]:
    """The matrices of each layer."""
    return stack.unflatten(0, (depth, -1))


def without(model: Any, layers: list[int]) -> Any:
    """A copy of the model in which the matrices of these layers are zero."""
    copied = copy.deepcopy(model)
    for matrix in matrices(copied).values():
        matrix[layers] = 0.0
    return copied


def kept_layers(depth: int) -> list[int]:
    """Distances from the end: the powers of two, and eight evenly spaced up to the first layer's,
    depth * k / 8 rounded."""
    even = {round(depth * k / EVENLY) for k in range(1, EVENLY + 1)}
    return sorted({*kept_distances(depth), *even} - {0})


def picard_depth(view: View) -> Readings:
    """The sweeps over all layers at once after which the last state is within an error.

    From the states x of the sweep before, a sweep makes u_{l+1} = A_l(u_l) + f_l(x_l) - A_l(x_l),
    u_0 = x_0, with f_l the layer; sweep 0 is the skip path alone. L sweeps make L layers exact;
    fewer say that the layers hardly wait for each other. The error is relative to the exact state,
    over the batch. Infinite where 32 sweeps are not enough; null where before that a sweep is not
    finite, or the exact state is zero.
    """
    if not matrices(view.model):
        return
    errors = picard_errors(view)
    beyond = math.inf if math.isfinite(errors[-1]) else None
    for allowed in PICARD_ERRORS:
        enough = (float(sweep) for sweep, error in enumerate(errors) if error <= allowed)
        yield Reading("picard_depth", f"{allowed:g}", next(enough, beyond))


@torch.no_grad()
def picard_errors(view: View) -> list[float]:
    """The error after each sweep from sweep 0, up to the last that counts."""
    model, errors = view.model, list[float]()
    skip = without(model, list(range(model.depth)))
    with cached():
        first, *_, exact = model.unroll(view.batch.inputs)[0]
        branches = [torch.zeros_like(first)] * model.depth
        while len(errors) <= PICARD_SWEEPS:
            last, branches = _sweep(model, skip, first, branches)
            errors.append(relative_error(last, exact))
            if not math.isfinite(errors[-1]) or errors[-1] <= min(PICARD_ERRORS):
                break
    return errors


def _sweep(
    model: Any, skip: Any, state: Tensor, branches: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """(the last state, f_l(u_l) - A_l(u_l) on the way to it) with the branches of another way."""
    following = []
    for layer, branch in enumerate(branches):
        skipped = skip.link(state, layer)
        following.append(model.link(state, layer) - skipped)
        state = skipped + branch
    return state, following


def relative_error(found: Float[Tensor, "batch size"], exact: Float[Tensor, "batch size"]) -> float:
    """||found - exact|| / ||exact||, however small these are; NaN where the exact is zero."""
    unit = exact.abs().amax()
    return norm((found - exact) / unit) / norm(exact / unit)


def layer_ablation(view: View) -> Readings:
    """The score on 256 held-out samples without the matrices of one layer, by its distance from
    the end, and with all of them, at "none"."""
    if not matrices(view.model):
        return
    batch = _held_out(view)
    yield Reading("ablated_score", "none", _score(view, view.model, batch))
    for distance in kept_layers(view.model.depth):
        ablated = without(view.model, [view.model.depth - distance])
        yield Reading("ablated_score", str(distance), _score(view, ablated, batch))


def _held_out(view: View) -> Batch:
    data = view.task.held_out("validation", view.generator)
    rows = torch.randperm(len(data.inputs), generator=view.generator)[:HELD_OUT]
    device = view.batch.inputs.device
    return in_double(Batch(*(part[rows].to(device) for part in data)))


@torch.no_grad()
def _score(view: View, model: Any, batch: Batch) -> float:
    return view.task.score(model(batch.inputs), batch.targets).item()


def weight_movement(view: View) -> Readings:
    """||W_l - W_l(0)|| / ||W_l(0)|| over all matrices of a layer, by its distance from the end.

    Null where W_l(0) is zero, or not known because the view has no start.
    """
    if not matrices(view.model):
        return
    for distance in kept_layers(view.model.depth):
        moved = _movement(view, view.model.depth - distance)
        yield Reading("weight_movement", str(distance), moved)


def _movement(view: View, layer: int) -> float | None:
    if not view.start:
        return None
    found = matrices(view.model)
    first = {name: by_layer(view.start[name], view.model.depth) for name in found}
    now, start = (torch.cat([s[layer].flatten() for s in of.values()]) for of in (found, first))
    size = norm(start)
    return norm(now - start.double()) / size if size > 0 else None
