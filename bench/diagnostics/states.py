"""The signal on its way forward, and what each layer's weights get of the gradient.

Along depth these belong together: a weight's gradient is the product of the signal and of the
gradient that arrive at it, so that one that vanishes and one that explodes can hide each other.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.parametrize import cached

from bench.diagnostics.gradients import kept_distances, norm, readings, unrolled
from bench.diagnostics.view import Readings, View


def states(view: View) -> Readings:
    """Root mean square over the batch of ||h||, effective rank and mean cosine, by distance."""
    with torch.no_grad(), cached():
        found, _ = view.model.unroll(view.batch.inputs)
    last = len(found) - 1
    at = {distance: found[last - distance] for distance in kept_distances(last)}
    for quantity, measure in MEASURES.items():
        yield from readings(quantity, {distance: measure(h) for distance, h in at.items()})


def forward_norm(h: Float[Tensor, "batch size"]) -> float:
    """The root of the mean squared norm of a state."""
    return norm(h) / len(h) ** 0.5


def effective_rank(h: Float[Tensor, "batch size"]) -> float:
    """exp of the entropy of the singular values over their sum (Roy & Vetterli, EUSIPCO 2007).

    The number of equal directions that would be as spread out: 1 where all samples have become one,
    0 for states of zero.
    """
    values = torch.linalg.svdvals(h)
    weights = values[values > 0] / values.sum().clamp_min(1e-300)
    return torch.exp(-(weights * torch.log(weights)).sum()).item() if len(weights) else 0.0


def cosine(h: Float[Tensor, "batch size"]) -> float | None:
    """The mean cosine of the angle between the states of two different samples; None at zero."""
    norms = torch.linalg.vector_norm(h, dim=1, keepdim=True)
    if len(h) < 2 or not (norms > 0).all():
        return None
    together = (h / norms) @ (h / norms).T
    return ((together.sum() - together.trace()) / (len(h) * (len(h) - 1))).item()


MEASURES = {"forward_norm": forward_norm, "effective_rank": effective_rank, "state_cosine": cosine}


def weight_gradients(view: View) -> Readings:
    """The norm of the gradient that the body's weights get through one layer alone, relative to
    that of the readout's weight, for the layer so far above which the loss is."""
    with cached():
        found, loss = unrolled(view.model, view.task, view.batch)
    readout = view.model.readout.weight
    *deltas, at_readout = torch.autograd.grad(loss, [*found, readout])
    last = len(found) - 1
    values = {d: _through(view, found, deltas, last - d) for d in kept_distances(last) if d}
    unit = norm(at_readout)
    relative = {distance: value / unit if unit > 0 else None for distance, value in values.items()}
    yield from readings("weight_gradient_by_distance", relative)


def _through(view: View, found: list[Tensor], deltas: list[Tensor], layer: int) -> float:
    weights = [p for p in view.model.body.parameters() if p.requires_grad]
    if not weights:
        return 0.0
    out = view.model.link(found[layer].detach(), layer)
    pulled = torch.autograd.grad(out, weights, deltas[layer + 1], materialize_grads=True)
    return torch.linalg.vector_norm(torch.stack([g.double().norm() for g in pulled])).item()
