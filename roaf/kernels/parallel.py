"""The recurrence by sweeps over a chunk of time at once: isometric Picard iteration.

    h_t = A^t h_0 + sum_{i<=t} A^(t-i) beta * phi(W h_{i-1} + drive_i),   A = alpha * O

A sweep computes phi at every step of the chunk from the states of the sweep before, one product for
all of them, and then all states from all values of phi: h_t = O^t k_t, where k_t obeys a recurrence
with alpha alone, which a triangle of powers of alpha solves. The backward pass is the same
downwards, from

    d_t = dL/dh_t + A^T d_{t+1} + W^T g_{t+1},   g_t = beta * phi'(s_t) * d_t.

`roaf.kernels.sweeps` says when a chunk is near enough: the states of a sequence are within 1e-5 of
its largest one in float32 (1e-10 in float64, more where torch's setting allows lower precision),
but for what W makes of small differences, the rounding errors of any kernel among them. A chunk
that does not settle is computed step by step, and so are all where beta * ||W||_2 is too large for
the shortest chunks.

This is the iteration of DEER and its relatives (Y. H. Lim et al., arXiv 2309.12252) with alpha * O
for the Jacobian matrix, which needs neither its powers nor its storage.
"""

from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from roaf.forms import Form, Gather
from roaf.kernels import fused
from roaf.kernels.changes import factor, has_bfloat16, precision
from roaf.kernels.chunks import Layer, Plan, backward_chunk, forward_chunk, scan
from roaf.kernels.powers import Powers, powers
from roaf.kernels.problem import Kernel, Problem
from roaf.kernels.sweeps import Bound, spectral_norm
from roaf.nonlinearity import Nonlinearity
from roaf.precision import exact_products

SIZES = (256, 128, 64, 32, 16)  # of chunks
SPREAD = 0.5  # the largest c * size at which a longer chunk is taken
WIDEST = 2.0  # the largest c * size at which sweeps are tried at all
SWEEPS = 16  # a chunk

Drive = Float[Tensor, "time batch hidden"]
State = Float[Tensor, "batch hidden"]


@torch.compiler.disable
def recur(
    drive: Drive,
    state: State,
    form: Form,
    weight: Float[Tensor, "hidden hidden"],
    alpha: float,
    beta: float,
    phi: Nonlinearity,
    *bias: Float[Tensor, "hidden"],
) -> Drive:
    """Equal to `reference.recur` within the tolerance."""
    layer = Layer(form, weight.detach(), alpha, beta, phi, tuple(b.detach() for b in bias))
    if (found := ways(layer, len(drive))) is None:
        return cast(Kernel, fused.recur)(drive, state, form, weight, alpha, beta, phi, *bias)
    return _Recurrence.apply(found, drive, state, weight, *bias)  # type: ignore


def refuses(problem: Problem) -> str | None:
    """Why it cannot compute the problem, if it cannot."""
    if not problem.phi.fusible:
        return "needs in_place and slope_at_value of its Nonlinearity"
    if not problem.mixes_by_numbers:
        return "takes numbers for alpha and beta, not one for each unit"
    return None


def pays(problem: Problem) -> bool:
    """Whether it is the fastest: where each step would read a large W for one row.

    Measured over 784 steps on one thread of a CPU that has products of bfloat16: at hidden 1024
    half the time of the fused kernel for one sequence and for four, as long for 16; at hidden 512
    as long for one and twice as long for eight. A dense O would have to be decomposed first, which
    takes seconds.
    """
    structured = isinstance(problem.form, Gather)
    alone = problem.batch == 1 and problem.hidden >= 1024 and problem.time >= SIZES[-1]
    on_cpu = problem.device.type == "cpu" and problem.dtype == torch.float32
    return structured and alone and on_cpu and has_bfloat16(problem.device)


@dataclass(frozen=True)
class Report:
    """How a pass went: the steps of a chunk, and the sweeps of each in the order of computation.

    None stands for a chunk that was computed step by step.
    """

    size: int
    sweeps: tuple[int | None, ...]

    @property
    def fell_back(self) -> bool:
        """Whether a chunk was computed step by step."""
        return None in self.sweeps


@dataclass(frozen=True)
class Ways:
    """What both directions share."""

    layer: Layer
    powers: Powers
    bound: Bound
    most: int

    def forth(self) -> Plan:
        """The plan of the states."""
        return self._plan(self.powers, self._weight().T)

    def back(self) -> Plan:
        """The plan of the gradients."""
        return self._plan(self.powers.turned(), self._weight())

    def _weight(self) -> Float[Tensor, "hidden basis"]:
        weight, basis = self.layer.weight, self.powers.basis
        return weight if basis is None else weight @ basis

    def _plan(self, powers: Powers, weight: Float[Tensor, "before after"]) -> Plan:
        basis = self.powers.basis
        matrices = (weight, basis, None if basis is None else basis.T)
        weigh, inward, outward = (factor(matrix, self.bound.precision) for matrix in matrices)
        summed = scan(powers, self.layer.alpha, weight)
        return Plan(self.layer, summed, weigh, inward, outward, self.bound, self.most)


def ways(layer: Layer, time: int, most: int = SWEEPS) -> Ways | None:
    """How to compute that layer over so many steps, None where sweeps could not settle.

    modReLU with a bias above 0 jumps, and no bound holds.
    """
    used = precision(layer.weight.device, layer.weight.dtype)
    rate = layer.beta * layer.phi.lipschitz * spectral_norm(layer.weight)
    size = next((size for size in SIZES if rate * size <= SPREAD), SIZES[-1])
    if not rate * size <= WIDEST or any(bool((bias > 0).any()) for bias in layer.bias):
        return None
    size = even(time, size)
    bound = Bound(layer.alpha, rate, size, time, used)
    return Ways(layer, powers(layer.form, bound.size + 1), bound, most)


def advance(plan: Plan, drive: Drive, state: State) -> tuple[Tensor, Drive, Report]:
    """(the states before and after each step, the values of phi, how it went)."""
    states = drive.new_empty(len(drive) + 1, *state.shape)
    states[0] = state
    values = torch.empty_like(drive, memory_format=torch.contiguous_format)
    last, counts = plan.inward.times(state), []
    for chunk in chunks(len(drive), plan.bound.size):
        later = slice(chunk.start + 1, chunk.stop + 1)
        states[later], values[chunk], last, count = forward_chunk(plan, drive[chunk], last)
        counts.append(count)
    return states, values, Report(plan.bound.size, tuple(counts))


def retreat(plan: Plan, given: Drive, values: Drive) -> tuple[Drive, State, Report]:
    """(the gradients by the pre-activations, by the first state, how it went)."""
    pulls = torch.empty_like(values)
    after, counts = torch.zeros_like(plan.inward.times(given[-1])), []
    for chunk in reversed(chunks(len(values), plan.bound.size)):
        slopes = plan.layer.slopes(values[chunk])
        pulls[chunk], after, count = backward_chunk(plan, given[chunk], slopes, after)
        counts.append(count)
    return pulls, plan.outward.times(after), Report(plan.bound.size, tuple(counts))


def even(time: int, size: int) -> int:
    """The largest of as many chunks as there are of that size, if they are as equal as can be."""
    return -(-time // -(-time // size))


def chunks(time: int, size: int) -> list[slice]:
    """Where each begins and ends."""
    return [slice(first, min(first + size, time)) for first in range(0, time, size)]


class _Recurrence(Function):
    @staticmethod
    def forward(ctx: Any, found, drive, state, weight, *bias):
        with exact_products(drive.device):
            states, values, _ = advance(found.forth(), drive, state)
        ctx.save_for_backward(states, values, weight, *bias)
        ctx.found = found
        return states[1:].detach()

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        fused.refuse_a_graph()
        states, values, *_ = ctx.saved_tensors
        with exact_products(values.device):
            pulls, d_state, _ = retreat(ctx.found.back(), grad_outputs[0], values)
            d_weight = pulls.flatten(0, 1).T @ states[:-1].flatten(0, 1)
        phi = ctx.found.layer.phi
        d_bias = [(pulls * phi.slope_of_bias(values)).sum((0, 1)) for _ in ctx.needs_input_grad[4:]]
        return None, pulls, d_state, d_weight, *d_bias
