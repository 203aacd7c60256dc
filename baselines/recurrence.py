"""The recurrence of one matrix product and one activation a step, without a graph of the steps.

    z_t = drive_t + W h_{t-1},    h_t = f(z_t)

f acts on each unit alone; a unit may have several parts, as a complex one has two. The steps run
without autograd, in place. Backward, with d_t the whole of dL/dh_t, y_t what is read out and the
slopes of f known beforehand for a segment of steps at once,

    g_t = f'(z_t)^T d_t,    d_{t-1} = dL/dy_{t-1} + W^T g_t

and the gradient of W is one product over all steps, where a graph would take one a step.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

SEGMENT = 2**18
"""Numbers of h in a segment of the backward pass, whose slopes a cache can hold."""
Units = tuple[Float[Tensor, "batch hidden"], ...]
Steps = Float[Tensor, "time batch parts hidden"]


class Activation:
    """f and its derivatives, for the parts of every unit."""

    def apply(self, z: Units, h: Units) -> None:
        """Writes f(z) to h, part by part; z may be written to, and is what the others are given."""
        raise NotImplementedError

    def slopes(self, z: Steps, h: Steps) -> Sequence[Steps]:
        """Of each part of h by all parts of z."""
        raise NotImplementedError

    def gradients(self, deltas: Steps, z: Steps, h: Steps) -> Sequence[Tensor]:
        """Of the parameters that f was made of, summed over the steps, given d."""
        return ()


def recur(
    make: Callable[..., Activation],
    drive: Float[Tensor, "time batch width"],
    state: Float[Tensor, "batch width"],
    weight: Float[Tensor, "width width"],
    *parameters: Tensor,
    parts: int = 1,
) -> Float[Tensor, "batch time width"]:
    """h at every time step, from h_0 = `state`, f being `make(*parameters)`.

    The first numbers of a state are the first parts of all units, and so on. A second derivative
    raises RuntimeError.
    """
    shaped = (drive.unflatten(2, (parts, -1)), state.unflatten(1, (parts, -1)))
    h = _Recurrence.apply(make, *shaped, weight, *parameters)
    return h.flatten(2).transpose(0, 1)  # type: ignore


class _Recurrence(Function):
    @staticmethod
    def forward(ctx: Any, make, drive, state, weight, *parameters):
        f, transposed = make(*parameters), weight.T.contiguous()
        z, states = drive.new_empty(drive.shape), drive.new_empty(len(drive) + 1, *state.shape)
        states[0] = state
        rows = (drive.flatten(2), states[:-1].flatten(2), z.flatten(2))
        units = (_by_step(z), _by_step(states[1:]))
        for pushed, previous, row, *parts in zip(*(r.unbind(0) for r in rows), *units, strict=True):
            torch.addmm(pushed, previous, transposed, out=row)
            f.apply(*parts)
        ctx.save_for_backward(z, states, weight, *parameters)
        ctx.make = make
        # no view for autograd, so that a user may write to it; backward then raises, as tanh's does
        return states[1:].detach()

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        if torch.is_grad_enabled():  # create_graph
            raise RuntimeError("this loop has no second derivative")
        z, states, weight, *parameters = ctx.saved_tensors
        f, pulls, delta = ctx.make(*parameters), torch.empty_like(z), torch.zeros_like(states[0])
        totals = [torch.zeros_like(p) for p in parameters]
        for part in _segments(states):
            seen = (z[part], states[1:][part])
            deltas = grad_outputs[0][part].clone(memory_format=torch.contiguous_format)
            deltas[-1] += delta
            delta = torch.zeros_like(delta)
            _sweep(f.slopes(*seen), deltas, delta, pulls[part], weight)
            for total, more in zip(totals, f.gradients(deltas, *seen), strict=True):
                total += more
        d_weight = pulls.flatten(2).flatten(0, 1).T @ states[:-1].flatten(2).flatten(0, 1)
        return None, pulls, delta, d_weight, *totals


def _by_step(values: Steps) -> Iterable[Units]:
    """The parts at every step."""
    return zip(*(part.unbind(0) for part in values.unbind(2)), strict=True)


def _segments(states: Float[Tensor, "states batch parts hidden"]) -> list[slice]:
    """The steps between the states, the last first."""
    size = max(1, SEGMENT // states[0].numel())
    return [slice(max(0, end - size), end) for end in range(len(states) - 1, 0, -size)]


def _sweep(
    slopes: Sequence[Steps], deltas: Steps, before: Tensor, pulls: Steps, weight: Tensor
) -> None:
    """Makes dL/dy the whole of dL/dh, starts that of the state before, writes dL/dz to `pulls`."""
    targets = (before.flatten(1), *deltas[:-1].flatten(2).unbind(0))
    slope, delta = [s.unbind(0) for s in slopes], [d.unbind(0) for d in deltas.split(1, dim=2)]
    pull, row = pulls.unbind(0), pulls.flatten(2).unbind(0)
    for t in reversed(range(len(deltas))):
        torch.mul(slope[0][t], delta[0][t], out=pull[t])
        for by, part in zip(slope[1:], delta[1:], strict=True):
            pull[t].addcmul_(by[t], part[t])
        targets[t].addmm_(row[t], weight)
