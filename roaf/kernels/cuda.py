"""The recurrence on a CUDA device: one launch for the whole sequence, or CUDA graphs of its steps.

    h_t = alpha * O h_t-1 + beta * phi(W h_t-1 + drive_t)

Up to 256 units, 128 with a dense O, the weights fit on one processor of the chip, and the programs
of `roaf.kernels.cuda_programs` take each row of the batch through the sequence. All of it is in
float32: no setting of torch makes them faster. Above that, and where Triton is not installed, see
`roaf.kernels.cuda_graph`. With g_t and d_t of these programs the other gradients are

    dL/dW = sum_t g_t h_t-1^T,   dL/dalpha = sum_t d_t * O h_t-1,   dL/dbeta = sum_t d_t * phi_t

of which the first is one large product and follows torch's setting for those.
"""

import os
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from roaf.forms import Form, Gather, Kronecker
from roaf.kernels import cuda_graph, member_forms, members
from roaf.kernels.fused import refuse_a_graph
from roaf.kernels.member_forms import Gathers
from roaf.kernels.problem import Problem
from roaf.mixing import Value
from roaf.nonlinearity import NONLINEARITIES, Nonlinearity
from roaf.precision import exact_products

WIDEST, WIDEST_DENSE = 256, 128
MOST_ROWS = 1024  # by arithmetic, not measured: products of so many rows fill the chip themselves
PHI = {NONLINEARITIES[name]: code for code, name in enumerate(("tanh", "relu", "modrelu"))}


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
    if members.are_stacked():
        return members.recur(drive, state, form, weight, alpha, beta, phi, *bias)
    on_chip = fits(form, state.shape[-1], phi) and len(state) <= MOST_ROWS
    way = recur_on_chip if on_chip else cuda_graph.recur
    return way(drive, state, form, weight, alpha, beta, phi, *bias)


def recur_on_chip(
    drive: Float[Tensor, "time batch hidden"],
    state: Float[Tensor, "batch hidden"],
    form: Form,
    weight: Float[Tensor, "hidden hidden"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "hidden"],
) -> Float[Tensor, "time batch hidden"]:
    """The same by the programs, whose weights may also be too many for the chip."""
    numbers = member_forms.taken_apart(form)
    forms = member_forms.together(numbers, [None] * len(numbers), 1)
    given = (drive[:, None], state[None], forms, weight[None], alpha, beta, phi)
    return recur_members(*given, *(values[None] for values in bias))[:, 0]


def recur_members(
    drive: Float[Tensor, "time members batch hidden"],
    state: Float[Tensor, "members batch hidden"],
    forms: member_forms.Dense | Gathers,
    weight: Float[Tensor, "members hidden hidden"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "members hidden"],
) -> Float[Tensor, "time members batch hidden"]:
    """The states of many models, each with its own O and weights, in one launch.

    alpha and beta are numbers, or tensors (hidden,) or (members, hidden).
    """
    return _Recurrence.apply(drive, state, weight, alpha, beta, forms, phi, *bias)  # type: ignore


def refuses(problem: Problem) -> str | None:
    """What it cannot compute of the problem; a CPU only serves tests in Triton's interpreter."""
    kind = problem.device.type
    fitting = fits(problem.form, problem.hidden, problem.phi)
    if kind != "cuda" and not (kind == "cpu" and is_interpreted() and fitting):
        return f"needs a CUDA device, not {kind}"
    if problem.dtype != torch.float32:
        return f"computes float32 only, not {problem.dtype}"
    return None if fitting and problem.batch <= MOST_ROWS else cuda_graph.refuses(problem)


def pays(problem: Problem) -> bool:
    """On every CUDA device: each step of another backend is three launches or more.

    A launch takes about as long as a step of the programs. So by arithmetic; not yet measured.
    """
    return problem.device.type == "cuda"


def fits(form: Form | member_forms.Dense | Gathers, hidden: int, phi: Nonlinearity) -> bool:
    """Whether the programs can compute it."""
    if find_spec("triton") is None or isinstance(form, Kronecker) or phi not in PHI:
        return False
    if not isinstance(form, Gather | Gathers):
        return hidden <= WIDEST_DENSE
    return hidden <= WIDEST and sum(term.index is not None for term in form.terms) <= 1


def is_interpreted() -> bool:
    """Whether Triton's programs run in its interpreter."""
    return os.environ.get("TRITON_INTERPRET") == "1"


class _Recurrence(Function):
    @staticmethod
    def forward(ctx: Any, drive, state, weight, alpha, beta, forms, phi, *bias):
        from roaf.kernels.cuda_programs import forwards, launch  # needs triton

        drive, keep = drive.contiguous(), any(ctx.needs_input_grad)
        states = drive.new_empty(len(drive) + 1, *state.shape)
        states[0] = state
        values = torch.empty_like(drive) if keep else states  # which is then not written to
        offset = bias[0].contiguous() if bias else spread(0.0, weight)
        with torch.cuda.device_of(drive):
            operands = (weight.mT.contiguous(), *filter_numbers(forms, weight))
            mixing = (spread(1 - alpha, weight), spread(beta, weight), offset)
            tensors = (drive, states, values, *operands, *mixing)
            launch(forwards, tensors, drive, PHI[phi], is_dense(forms), keep)
        ctx.save_for_backward(states, values, weight)
        ctx.settings = (alpha, beta, forms, phi)
        # no view for autograd, so that a user may write to it; backward then raises, as tanh's does
        return states[1:].detach()

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        refuse_a_graph()
        from roaf.kernels.cuda_programs import backwards, launch

        states, values, weight = ctx.saved_tensors
        alpha, beta, forms, phi = ctx.settings
        given, below = grad_outputs[0].contiguous(), torch.empty_like(states[0])
        pulls, mixing_needed = torch.empty_like(values), any(ctx.needs_input_grad[3:5])
        deltas = torch.empty_like(values) if mixing_needed else pulls  # not written to if not
        with torch.cuda.device_of(values):
            steps = [tensor[-1:] for tensor in (given, values, pulls, deltas)]
            operands = (weight.contiguous(), *filter_numbers(forms.turned(), weight))
            tensors = (*steps, below, *operands, spread(1 - alpha, weight), spread(beta, weight))
            launch(backwards, tensors, values, PHI[phi], is_dense(forms), mixing_needed)
        d_weight = product_by_member(pulls, states[:-1])
        d_alpha = d_beta = None
        if ctx.needs_input_grad[3]:
            d_alpha = (deltas * turned(forms, states[:-1])).sum((0, 2)).sum_to_size(alpha.shape)
        if ctx.needs_input_grad[4]:
            d_beta = (deltas * values).sum((0, 2)).sum_to_size(beta.shape)
        d_bias = [(pulls * phi.slope_of_bias(values)).sum((0, 2)) for _ in ctx.needs_input_grad[7:]]
        return pulls, below, d_weight, d_alpha, d_beta, None, None, *d_bias


def is_dense(forms: member_forms.Dense | Gathers) -> bool:
    """Whether the filters are matrices."""
    return isinstance(forms, member_forms.Dense)


def filter_numbers(
    forms: member_forms.Dense | Gathers, weight: Float[Tensor, "members hidden hidden"]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the programs read of the filters: O^T; or own, across and index with

    (O x)_i = own_i * x_i + across_i * x[index_i]
    """
    if isinstance(forms, member_forms.Dense):
        return forms.right.contiguous(), weight, weight, weight
    shape = weight.shape[:-1]
    own = across = spread(0.0, weight)
    index = torch.zeros_like(own, dtype=torch.int32)
    for term in forms.terms:
        values = term.weight.expand(shape[0], 1, shape[1])[:, 0]
        if term.index is None:
            own = own + values
        else:
            across, index = values, term.index.expand(shape[0], 1, shape[1])[:, 0].int()
    return weight, own, across.contiguous(), index.contiguous()


def spread(
    value: Value, weight: Float[Tensor, "members hidden hidden"]
) -> Float[Tensor, "members hidden"]:
    """The value of each unit of each member."""
    shape = weight.shape[:-1]
    if not isinstance(value, Tensor):
        return weight.new_full(shape, value)
    return value.detach().expand(shape).contiguous()


def turned(
    forms: member_forms.Dense | Gathers, states: Float[Tensor, "time members batch hidden"]
) -> Float[Tensor, "time members batch hidden"]:
    """O h of each state."""
    rows = states.transpose(0, 1).flatten(1, 2)
    result = torch.zeros_like(rows)
    with exact_products(states.device):
        forms.add(result, rows, 1.0)
    return result.view(states.transpose(0, 1).shape).transpose(0, 1)


def product_by_member(
    pulls: Float[Tensor, "time members batch hidden"],
    states: Float[Tensor, "time members batch hidden"],
) -> Float[Tensor, "members hidden hidden"]:
    """sum_t g_t h_t-1^T of each member."""
    pairs = zip(pulls.unbind(1), states.unbind(1), strict=True)
    return torch.stack([g.flatten(0, 1).T @ h.flatten(0, 1) for g, h in pairs])
