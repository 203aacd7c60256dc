"""The same recurrence without a graph: two accumulating products a step, a backward written out.

Forward, in place over the drive: s_t = phi(W h_{t-1} + drive_t), h_t = alpha O h_{t-1} + beta s_t.
Backward, with d_t = dL/dh_t and g_t = beta * phi'(s_t) * d_t,

    d_{t-1} = dL/dy_{t-1} + O^T (alpha * d_t) + W^T g_t
    dL/dalpha = sum_t d_t * O h_{t-1},   dL/dbeta = sum_t d_t * s_t

after which the weight gradient is one product over all steps. Accumulating products (BLAS adds to
what is there) leave three operations a step. One product with O and W stacked was slower on a CPU:
see reports/LOG.md. Compilers are kept out: they would unroll ten thousand steps.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from roaf.forms import Form, in_quickest
from roaf.kernels.problem import Problem
from roaf.mixing import Value
from roaf.nonlinearity import Nonlinearity
from roaf.precision import exact_products


def refuses(problem: Problem) -> str | None:
    """A phi whose slope it does not know."""
    return None if problem.phi.fusible else "needs a phi whose slope is known"


def pays(problem: Problem) -> bool:
    """Everywhere, against a graph of every step."""
    return True


@torch.compiler.disable
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
    """Equal to `reference.recur`."""
    form = in_quickest(form, drive.shape[-1])
    return _Recurrence.apply(drive, state, weight, alpha, beta, form, phi, *bias)  # type: ignore


class _Recurrence(Function):
    @staticmethod
    def forward(ctx: Any, drive, state, weight, alpha, beta, form, phi, *bias):
        values = drive.clone(memory_format=torch.contiguous_format)
        states = drive.new_empty(len(drive) + 1, *state.shape)
        states[0] = state
        mix, w = mixer(form.laid_out(), alpha, beta), weight.T.contiguous()
        previous, *later = states.unbind(0)
        with exact_products(drive.device):
            for value, following in zip(values.unbind(0), later, strict=True):
                phi.in_place(value.addmm_(previous, w), *bias)
                mix(value, previous, following)
                previous = following
        ctx.save_for_backward(states, values, weight)
        ctx.settings = (alpha, beta, form, phi)
        # no view for autograd, so that a user may write to it; backward then raises, as tanh's does
        return states[1:].detach()

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        refuse_a_graph()
        states, values, weight = ctx.saved_tensors
        alpha, beta, form, phi = ctx.settings
        pulls = phi.slope_at_value(values) * beta  # a slope may be `values` itself
        deltas = grad_outputs[0].clone(memory_format=torch.contiguous_format)
        before = deltas.new_zeros(1, *deltas.shape[1:])
        targets = [*before.unbind(0), *deltas[:-1].unbind(0)]
        steps = zip(targets, deltas.unbind(0), pulls.unbind(0), strict=True)
        turned = form.scaled(alpha).turned()
        with exact_products(weight.device):
            for target, delta, pull in reversed(list(steps)):
                turned.add(target, delta)
                target.addmm_(pull.mul_(delta), weight)
            d_weight = pulls.flatten(0, 1).T @ states[:-1].flatten(0, 1)
            needed, d_alpha, d_beta = ctx.needs_input_grad, None, None
            if needed[3]:
                d_alpha = (deltas * form.times(states[:-1])).sum((0, 1))
            if needed[4]:
                d_beta = (deltas * values).sum((0, 1))
        d_bias = [(pulls * phi.slope_of_bias(values)).sum((0, 1)) for _ in needed[7:]]
        return pulls, before[0], d_weight, d_alpha, d_beta, None, None, *d_bias


def refuse_a_graph() -> None:
    """Raises RuntimeError where a backward pass is asked for its own graph (`create_graph`)."""
    if torch.is_grad_enabled():
        raise RuntimeError(
            "the fused kernel has no second derivative; use backend='reference', which has one"
        )


def mixer(form: Form, alpha: Value, beta: Value) -> Callable[[Tensor, Tensor, Tensor], None]:
    """Writes alpha * O x + beta * value to its third argument, from (value, x)."""
    if not isinstance(alpha, Tensor) and not isinstance(beta, Tensor):
        return lambda value, rows, out: form.mix(value, rows, alpha, beta, out)
    scaled = form.scaled(alpha)
    return lambda value, rows, out: scaled.mix(value * beta, rows, 1.0, 1.0, out)
