"""Singular values of a product of ten thousand Jacobians, which no float can hold.

The product is never formed. Rows are pulled back one step at a time, P <- P J, and turned into an
orthonormal frame again by a QR decomposition; the triangular factors are gathered as

    A = diag(exp(l)) U,    A <- R A,

with the scales l kept as logarithms, so that neither the largest nor the smallest is lost
(S. Oliveira, D. E. Stewart, "Exponential splittings of products of matrices and accurately
computing singular values of long products", Linear Algebra and its Applications 309, 2000).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

Link = Callable[[Tensor], Tensor]
RANK_TOLERANCE = 1e-14
"""A diagonal entry of R below this fraction of the largest is a direction that is lost."""
COUPLED = 1e-13
BLOCK_RANGE = 12.0
"""Within a block of coupled directions a plain SVD is exact to about exp(12) * 1e-16."""


@dataclass(frozen=True)
class Product:
    """The product of the Jacobians so far: its rows, (rank, size), times `scaled` on the left.

    `log_scale` (rank) and `unit` (rank, count) are l and U of the equation above; `growth` holds
    log |R_ii| of each decomposition, -inf where a direction is lost.
    """

    rows: Float[Tensor, "rank size"]
    log_scale: Float[Tensor, " rank"]
    unit: Float[Tensor, "rank count"]
    growth: tuple[Float[Tensor, " count"], ...] = ()


def empty_product(rows: Float[Tensor, "count size"]) -> Product:
    """No Jacobian yet: the identity, seen through orthonormal rows."""
    count = len(rows)
    return Product(rows, rows.new_zeros(count), torch.eye(count, dtype=rows.dtype).to(rows))


def pull_back(
    link: Link, state: Float[Tensor, "1 size"], rows: Float[Tensor, "count size"]
) -> Float[Tensor, "count size"]:
    """rows @ J for the Jacobian J of the link at the state.

    Each row has a copy of the state of its own: a step treats the rows of a batch alike, so one
    backward pass of a batch gives all of them.
    """
    with torch.enable_grad():
        copies = state.detach().expand(len(rows), -1).clone().requires_grad_()
        out = link(copies)
        (pulled,) = torch.autograd.grad(out, copies, rows, materialize_grads=True)
    return pulled


def extended(
    product: Product, pulled: Float[Tensor, "rank size"]
) -> tuple[Product, Float[Tensor, " count"]]:
    """(the product with one more decomposition, log R_ii): `pulled` are its rows links later."""
    if not len(pulled):
        return product, product.unit.new_full((product.unit.shape[1],), -math.inf)
    q, r = torch.linalg.qr(pulled.mT)
    q, r = _positive(q, r)
    diagonal = torch.diagonal(r)
    rank = _rank(diagonal)
    growth = diagonal.new_full((product.unit.shape[1],), -math.inf)
    growth[:rank] = torch.log(diagonal[:rank])
    unit = _rescaled(r, product.log_scale)[:rank] @ product.unit
    scale = product.log_scale[:rank] + growth[:rank]
    return replace(product, rows=q.mT[:rank].contiguous(), log_scale=scale, unit=unit), growth


def log_singular_values(product: Product) -> Float[Tensor, " count"]:
    """The natural logarithms of the singular values, largest first; -inf where rank was lost.

    QR of the transpose, again and again, drives U to the identity wherever scales differ (a product
    form of the QR algorithm); directions that stay coupled have scales so near each other that the
    SVD of their block is exact.
    """
    count = product.unit.shape[1]
    if not len(product.log_scale):
        return product.log_scale.new_full((count,), -math.inf)
    scale, unit = _decoupled(product.log_scale, product.unit)
    found = torch.cat([_block_values(scale[b], unit[b, b]) for b in _blocks(unit)])
    lost = scale.new_full((count - len(found),), -math.inf)
    return torch.cat([torch.sort(found, descending=True).values, lost])


def _decoupled(scale: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """l and U of a matrix with the same singular values, each block of U of a small range.

    Two directions whose scales differ by g are coupled by exp(-g) less after each transposition, so
    after 3 n the scales within a block of n directions differ by 10 at most.
    """
    for _ in range(3 * unit.shape[1] + 20):
        order = torch.argsort(scale, descending=True)
        scale, unit = _transposed(scale[order], unit[order])
        if all(_range(scale[block]) < BLOCK_RANGE for block in _blocks(unit)):
            break
    return scale, unit


def _positive(q: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    """The decomposition whose R has no negative entry on the diagonal: it is unique."""
    sign = torch.where(torch.diagonal(r) < 0, -1.0, 1.0).to(r)
    return q * sign, r * sign[:, None]


def _rank(diagonal: Float[Tensor, " count"]) -> int:
    """How many directions there are before the first that is lost."""
    threshold = max(float(diagonal.max()) * RANK_TOLERANCE, 1e-300) if len(diagonal) else 0.0
    lost = torch.nonzero(~(diagonal > threshold))
    return int(lost[0]) if len(lost) else len(diagonal)


def _transposed(scale: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """l and U of a triangular matrix with the same singular values: A^T = Q R diag(exp(l))."""
    _, r = _positive(*torch.linalg.qr(unit.mT))
    return scale + torch.log(torch.diagonal(r)), _rescaled(r, scale)


def _rescaled(r: Tensor, scale: Tensor) -> Tensor:
    """The U of R diag(exp(l)) = diag(R_ii exp(l_i)) U; rows of lost directions mean nothing."""
    ratios = torch.exp((scale - scale[:, None]).triu())
    return r * ratios / torch.diagonal(r)[:, None]


def _blocks(unit: Float[Tensor, "rank rank"]) -> list[slice]:
    """The finest cut of a triangular matrix into contiguous blocks that nothing couples."""
    place = torch.arange(len(unit), device=unit.device)
    reach = torch.where(unit.abs() > COUPLED, place, -1).amax(dim=1)
    ends = torch.cummax(torch.maximum(reach, place), dim=0).values
    cuts = [0, *(i + 1 for i, end in enumerate(ends.tolist()) if end == i)]
    return [slice(start, stop) for start, stop in itertools.pairwise(cuts)]


def _block_values(scale: Tensor, unit: Tensor) -> Tensor:
    top = scale.max()
    return torch.log(torch.linalg.svdvals(torch.exp(scale - top)[:, None] * unit)) + top


def _range(scale: Tensor) -> float:
    return float(scale.max() - scale.min())


def pulled_through(
    links: Sequence[Link], states: Sequence[Float[Tensor, "1 size"]], rows: Tensor, every: int = 1
) -> Product:
    """The product of the Jacobians of all links, the last one first, decomposed `every` links."""
    product, pulled = empty_product(rows), rows
    growth: list[Tensor] = []
    for place in range(len(links) - 1, -1, -1):
        pulled = pull_back(links[place], states[place], pulled)
        if place % every == 0:
            product, grown = extended(product, pulled)
            growth.append(grown)
            pulled = product.rows
    return replace(product, growth=tuple(growth))
