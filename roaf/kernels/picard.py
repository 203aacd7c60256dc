"""A prototype: the stack by sweeps over all layers at once, for a device that is wide and not deep.

    x_l = A^l x_0 + sum_{k<l} A^(l-1-k) u_k,   A = alpha * O,   u_k = beta * phi(W_k x_k + b_k)

A sweep computes all u from all x, and then all x from all u: Picard's iteration. With alpha at most
1 the error after k sweeps is at most of the order of (beta * ||W|| * L)^k / k!, so where beta is
about 1 / L few are enough; L of them are always exact. The backward pass is the same downwards,
with d_l = A^T d_{l+1} + W_l^T g_l, g_l = beta * phi' * d_{l+1}.

The sums are found block by block: with P_k = A^k within a block,

    x_k = P_k * (sum_{i<=k} P_i^-1 u_i + A * (the last x of the block before)),

and the last ones of the blocks obey the same recurrence with A^size. An alpha whose powers are too
small to be inverted raises ValueError.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from roaf.nonlinearity import find_nonlinearity
from roaf.precision import exact_products

BLOCK = 64

State = Float[Tensor, "batch width"]
States = Float[Tensor, "layers batch width"]
Powers = Float[Tensor, "block width width"]


@dataclass(frozen=True)
class Level:
    """A^0, A^1 and so on, transposed as rows are multiplied, their inverses, and A itself."""

    powers: Powers
    inverses: Powers
    matrix: Float[Tensor, "width width"]


def levels(matrix: Float[Tensor, "width width"], alpha: float, depth: int) -> list[Level]:
    """Those of alpha * O, of its BLOCK-th power and so on, until one block holds all layers.

    The powers are found in float64 and rounded once.
    """
    found, turned, scale, count = [], matrix.double().T, alpha, depth
    while True:
        size = min(BLOCK, count)
        if scale ** (size - 1) < torch.finfo(matrix.dtype).tiny:
            raise ValueError(f"alpha {alpha} is too small: its powers vanish within {depth} layers")
        powers, step = powers_of(turned, size)
        scales = scale ** torch.arange(size, dtype=torch.float64, device=matrix.device)
        scales = scales[:, None, None]
        parts = (powers * scales, powers.mT / scales, scale * turned)
        found.append(Level(*(part.to(matrix.dtype) for part in parts)))
        count = -(-count // size)
        if count == 1:
            return found
        turned, scale = step, scale**size


def powers_of(
    matrix: Float[Tensor, "width width"], count: int
) -> tuple[Powers, Float[Tensor, "width width"]]:
    """Those from 0 to count - 1, and the count-th where count is a power of two, by doubling."""
    powers = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)[None]
    while len(powers) < count:
        powers = torch.cat([powers, powers @ matrix])
        matrix = matrix @ matrix
    return powers[:count], matrix


def accumulate(terms: States, levels: Sequence[Level]) -> States:
    """x_0 = terms_0, x_l = A x_{l-1} + terms_l: all x."""
    level, *rest = levels
    count, size = len(terms), len(level.powers)
    blocks = pad(terms, (0, 0, 0, 0, 0, -count % size)).unflatten(0, (-1, size)).transpose(0, 1)
    own = times(blocks, level.inverses).cumsum(0)
    if rest:
        ends = accumulate(own[-1] @ level.powers[-1], rest)
        own[:, 1:] += ends[:-1] @ level.matrix
    return times(own, level.powers).transpose(0, 1).flatten(0, 1)[:count]


def times(
    rows: Float[Tensor, "block blocks batch width"], matrices: Powers
) -> Float[Tensor, "block blocks batch width"]:
    """Each place of a block by its own matrix."""
    return (rows.flatten(1, 2) @ matrices).unflatten(1, rows.shape[1:3])


def compose(
    x: State,
    matrix: Float[Tensor, "width width"],
    weight: Float[Tensor, "depth width width"],
    offset: Float[Tensor, "depth width"],
    alpha: float,
    beta: float,
    phi_name: str,
    sweeps: int,
) -> State:
    """`reference.compose` with one dense O, to the error that so many sweeps leave."""
    return _Composition.apply(x, weight, offset, matrix, alpha, beta, phi_name, sweeps)  # type: ignore


class _Composition(Function):
    @staticmethod
    def forward(ctx: Any, x, weight, offset, matrix, alpha, beta, phi_name, sweeps):
        phi, grades = find_nonlinearity(phi_name), levels(matrix, alpha, len(weight) + 1)
        terms = x.new_zeros(len(weight) + 1, *x.shape)
        terms[0] = x
        with exact_products(x.device):
            states = accumulate(terms, grades)
            for _ in range(sweeps):
                values = phi.function(torch.baddbmm(offset[:, None], states[:-1], weight.mT))
                torch.mul(values, beta, out=terms[1:])
                states = accumulate(terms, grades)
            values = phi.function(torch.baddbmm(offset[:, None], states[:-1], weight.mT))
        ctx.save_for_backward(states, values, weight, matrix)
        ctx.settings = (alpha, beta, phi, sweeps)
        return states[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        states, values, weight, matrix = ctx.saved_tensors
        alpha, beta, phi, sweeps = ctx.settings
        grades, slopes = levels(matrix.T, alpha, len(states)), beta * phi.slope_at_value(values)
        terms = torch.zeros_like(states)  # from the top layer downwards
        terms[0] = grad_outputs[0]
        with exact_products(states.device):
            deltas = accumulate(terms, grades)
            for _ in range(sweeps):
                pulls = slopes * deltas[:-1].flip(0)
                terms[1:] = (pulls @ weight).flip(0)
                deltas = accumulate(terms, grades)
            pulls = slopes * deltas[:-1].flip(0)
            d_weight = pulls.mT @ states[:-1]
        return deltas[-1], d_weight, pulls.sum(1), None, None, None, None, None
