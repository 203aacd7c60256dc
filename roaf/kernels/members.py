"""Many models in one launch: both recurrences with a member dimension, for `torch.vmap`.

    h_t[m] = alpha * O[m] h_{t-1}[m] + beta * phi(W_t[m] h_{t-1}[m] + drive_t[m])

Models that were stacked by `torch.func.stack_module_state` are called through `torch.vmap`, whose
tensors no hand-written kernel can read; here they are taken apart again, and each step is two
batched products, forward and backward as in `roaf.kernels.fused`. W_t is the same at every step of
time and another at each layer of depth. What only autograd can do goes to the reference kernel.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch._C._functorch import TransformType, peek_interpreter_stack
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from roaf.forms import Form, in_quickest
from roaf.kernels import reference
from roaf.kernels.member_forms import lead, taken_apart, together
from roaf.mixing import Value
from roaf.nonlinearity import Nonlinearity
from roaf.precision import exact_products


def are_stacked() -> bool:
    """Whether `torch.vmap` runs what is computed now."""
    top = peek_interpreter_stack()
    return top is not None and top.key() == TransformType.Vmap


def recur(
    drive: Float[Tensor, "time batch hidden"],
    state: Float[Tensor, "batch hidden"],
    form: Form,
    weight: Float[Tensor, "hidden hidden"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "hidden"],
) -> Float[Tensor, "time batch hidden"]:
    """Equal to `reference.recur`, of every member."""
    if not _by_hand(alpha, beta, phi, bias):
        return reference.recur(drive, state, form, weight, alpha, beta, phi, *bias)
    settings, form = (alpha, beta, phi), in_quickest(form, drive.shape[-1])
    return _Members.apply(settings, drive, state, weight[None], *taken_apart(form))  # type: ignore


def compose(
    x: Float[Tensor, "batch width"],
    forms: Sequence[Form],
    weight: Float[Tensor, "depth width width"],
    offset: Float[Tensor, "depth width"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "depth width"],
) -> Float[Tensor, "batch width"]:
    """Equal to `reference.compose`, of every member; a filter a layer is the reference's own."""
    shared = all(form is forms[0] for form in forms)
    if not (shared and _by_hand(alpha, beta, phi, bias)):
        return reference.compose(x, forms, weight, offset, alpha, beta, phi, *bias)
    drive = offset[:, None].expand(-1, len(x), -1)
    settings = (alpha, beta, phi)
    states = _Members.apply(settings, drive, x, weight, *taken_apart(forms[0]))
    return states[-1]  # type: ignore


def _by_hand(alpha: Value, beta: Value, phi: Nonlinearity, bias: Sequence[Tensor]) -> bool:
    """Whether the backward pass below is that of these settings."""
    numbers = not isinstance(alpha, Tensor) and not isinstance(beta, Tensor)
    return numbers and phi.fusible and not bias


class _Members(Function):
    """What `torch.vmap` asks how to compute all members; there is nothing it computes of one."""

    @staticmethod
    def forward(*given: Any) -> Tensor:
        raise RuntimeError("the members' kernel computes stacked models, under torch.vmap alone")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing: without it torch refuses the function under vmap."""

    @staticmethod
    def vmap(info: Any, in_dims: Any, settings, drive, state, weight, *numbers):  # pyright: ignore[reportIncompatibleMethodOverride]
        from roaf.kernels import cuda  # which has use for this file

        members = info.batch_size
        _, *dims = in_dims[:4]
        tensors = zip((drive, state, weight), dims, strict=True)
        drive, state, weight = (lead(tensor, dim, members) for tensor, dim in tensors)
        forms = together(numbers, in_dims[4:], members)
        drive, weight = drive.transpose(0, 1), weight.transpose(0, 1)
        if drive.is_cuda and cuda.fits(forms, drive.shape[-1], settings[2]) and len(weight) == 1:
            return cuda.recur_members(drive, state, forms, weight[0], *settings), 1
        stacked = drive, state, weight
        return _Stacked.apply(*stacked, forms, *settings), 1


class _Stacked(Function):
    """Every state, (steps, members, batch, size); `weight` is (steps or 1, members, size, size)."""

    @staticmethod
    def forward(ctx: Any, drive, state, weight, forms, alpha, beta, phi):
        values = drive.clone(memory_format=torch.contiguous_format)
        states = drive.new_empty(len(drive) + 1, *state.shape)
        states[0] = state
        previous, *later = states.unbind(0)
        with exact_products(drive.device):
            steps = zip(values.unbind(0), _each(weight.mT, len(drive)), later, strict=True)
            for value, w, following in steps:
                phi.in_place(value.baddbmm_(previous, w))
                forms.mix(value, previous, alpha, beta, following)
                previous = following
        ctx.save_for_backward(states, values, weight)
        ctx.settings = (forms, alpha, beta, phi)
        return states[1:].detach()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        states, values, weight = ctx.saved_tensors
        forms, alpha, beta, phi = ctx.settings
        pulls = phi.slope_at_value(values) * beta  # a slope may be `values` itself
        deltas = grad_outputs[0].clone(memory_format=torch.contiguous_format)
        before = deltas.new_zeros(1, *deltas.shape[1:])
        targets = [*before.unbind(0), *deltas[:-1].unbind(0)]
        weights = _each(weight, len(values))
        steps = zip(targets, deltas.unbind(0), pulls.unbind(0), weights, strict=True)
        turned = forms.turned()
        with exact_products(weight.device):
            for target, delta, pull, w in reversed(list(steps)):
                turned.add(target, delta, alpha)
                target.baddbmm_(pull.mul_(delta), w)
            d_weight = _weight_gradient(pulls, states[:-1], len(weight) == 1)
        return pulls, before[0], d_weight, None, None, None, None


def _each(weight: Tensor, steps: int) -> list[Tensor]:
    """The weights of each step."""
    return list(weight.unbind(0)) if len(weight) == steps else [weight[0].contiguous()] * steps


def _weight_gradient(pulls: Tensor, before: Tensor, shared: bool) -> Tensor:
    """Of each step's weight, or of the one that all steps share: one product a member."""
    if not shared:
        return pulls.mT @ before
    members = zip(pulls.unbind(1), before.unbind(1), strict=True)
    return torch.stack([g.flatten(0, 1).T @ h.flatten(0, 1) for g, h in members])[None]
