"""Singular values of a product of ten thousand Jacobians, which no float can hold.

The product is never formed. Rows are pulled back one step at a time, P <- P J, and turned into an
orthonormal frame again by a QR decomposition with pivoting; what is left is gathered as

    (P J)^T diag(exp(l)) = Q diag(exp(l')) T Pi^T,    U <- T Pi^T U,

with the scales l kept as logarithms and T triangular with ones on its diagonal and entries that
pivoting keeps near 1, so that neither the largest nor the smallest is lost (S. Oliveira, D. E.
Stewart, "Exponential splittings of products of matrices and accurately computing singular values of
long products", Linear Algebra and its Applications 309, 2000).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Link = Callable[[Tensor], Tensor]
ROUNDING = 1e-15
"""The error of a row, relative to the longest, before others are taken out of it."""
CAREFUL = 1e-6
"""Where some row stands out of the others by less than this, pivots are chosen one by one."""
LARGEST_ENTRY = math.log(1e3)
"""Of T, as it is without choosing pivots one by one; beyond it they are chosen."""
COUPLED = 1e-13
BLOCK_RANGE = 12.0
"""Within a block of coupled directions a plain SVD is exact to about exp(12) * 1e-16."""


@dataclass(frozen=True)
class Product:
    """The product of the Jacobians so far: (diag(exp(log_scale)) unit)^T rows.

    `rows` (rank, size) are orthonormal; `log_scale` (rank) and `unit` (rank, count) are l and U of
    the equation above. Lost directions are gone from all three.
    """

    rows: Float[Tensor, "rank size"]
    log_scale: Float[Tensor, " rank"]
    unit: Float[Tensor, "rank count"]

    def sorted_scale(self) -> Float[Tensor, " count"]:
        """The scales, largest first; -inf for a lost direction."""
        lost = self.unit.new_full((self.unit.shape[1] - len(self.log_scale),), -math.inf)
        return torch.cat([torch.sort(self.log_scale, descending=True).values, lost])


@dataclass(frozen=True)
class Way:
    """A product, and its sorted scales after each link."""

    product: Product
    scales: list[Float[Tensor, " count"]]


def empty_product(rows: Float[Tensor, "count size"]) -> Product:
    """No Jacobian yet: the identity, seen through orthonormal rows."""
    count = len(rows)
    return Product(rows, rows.new_zeros(count), torch.eye(count).to(rows))


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


def extended(product: Product, pulled: Float[Tensor, "rank size"]) -> Product:
    """The product with one more link: `pulled` are its rows after it.

    Rows that are not numbers make every scale NaN.
    """
    if not len(pulled) or not torch.isfinite(pulled).all():
        return Product(pulled, product.log_scale * math.nan, product.unit)
    order, q, r = _by_scale(pulled, product.log_scale)
    logs = _log_entries(r, product.log_scale[order])
    if _is_delicate(r) or not logs.amax() < LARGEST_ENTRY:
        order, q, r = _by_pivots(pulled, product.log_scale)
        logs = _log_entries(r, product.log_scale[order])
    scale = torch.log(torch.diagonal(r)) + product.log_scale[order[: len(r)]]
    unit = (torch.sign(r) * torch.exp(logs)) @ product.unit[order]
    return _levelled(Product(q.mT.contiguous(), scale, unit))


def _by_scale(
    pulled: Float[Tensor, "rank size"], log_scale: Tensor
) -> tuple[Int[Tensor, " rank"], Tensor, Tensor]:
    """(order, Q, R) of the rows sorted by their sizes in the product, which mostly is pivoting."""
    sizes = log_scale + torch.log(torch.linalg.vector_norm(pulled, dim=1))
    order = torch.argsort(sizes, descending=True)
    return order, *_positive(*torch.linalg.qr(pulled[order].mT))


def _by_pivots(
    pulled: Float[Tensor, "rank size"], log_scale: Tensor
) -> tuple[Int[Tensor, " rank"], Tensor, Tensor]:
    """The same with each pivot chosen as the row of which most is left, and lost rows left out.

    Gram and Schmidt's way. A pivot of which little was left has a direction of little precision;
    what it takes out of the other rows adds to their errors. A row of which no more than its error
    is left is lost.
    """
    rest, frame, chosen = pulled.clone(), torch.zeros_like(pulled), list[int]()
    error = torch.full_like(log_scale, ROUNDING) * torch.linalg.vector_norm(pulled, dim=1).max()
    while len(chosen) < len(pulled):
        left = torch.linalg.vector_norm(rest, dim=1)
        left = torch.where(left > error, left, 0.0)
        left[chosen] = 0.0
        pivot = int(torch.argmax(torch.log(left) + log_scale))
        if left[pivot] == 0:
            break
        direction = rest[pivot] / left[pivot]
        direction = direction - (frame @ direction) @ frame
        frame[len(chosen)] = direction / torch.linalg.vector_norm(direction)
        shares = rest @ frame[len(chosen)]
        error = error + shares.abs() * error[pivot] / left[pivot]
        rest = rest - shares[:, None] * frame[len(chosen)]
        chosen.append(pivot)
    others = [row for row in range(len(pulled)) if row not in set(chosen)]
    order = torch.tensor(chosen + others, dtype=torch.long, device=pulled.device)
    q = frame[: len(chosen)].mT
    return order, *_positive(q, (q.mT @ pulled[order].mT).triu())


def _is_delicate(r: Float[Tensor, "rank rank"]) -> bool:
    """Whether so little of some row stands out of those before it that errors must be followed."""
    return bool(torch.diagonal(r).min() <= CAREFUL * torch.linalg.vector_norm(r, dim=0).max())


def _log_entries(r: Float[Tensor, "kept rank"], log_scale: Tensor) -> Float[Tensor, "kept rank"]:
    """log |T|, T = R diag(exp(l)) with each row over its diagonal entry; -inf below that."""
    logs = torch.log(r.abs()) + log_scale
    return logs - torch.diagonal(logs)[:, None]


def _levelled(product: Product) -> Product:
    """The same with the size of each row of U moved to its scale."""
    size = product.unit.abs().amax(dim=1) if len(product.unit) else product.log_scale
    unit = product.unit / size[:, None]
    return Product(product.rows, product.log_scale + torch.log(size), unit)


def log_singular_values(product: Product) -> Float[Tensor, " count"]:
    """The natural logarithms of the singular values, largest first; -inf where rank was lost.

    QR of the transpose, again and again, drives U to the identity wherever scales differ (a product
    form of the QR algorithm); directions that stay coupled have scales so near each other that the
    SVD of their block is exact.
    """
    count = product.unit.shape[1]
    if not len(product.log_scale) or torch.isnan(product.log_scale).any():
        return product.sorted_scale()
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


def _transposed(scale: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """l and U of a triangular matrix with the same singular values: A^T = Q R diag(exp(l))."""
    _, r = _positive(*torch.linalg.qr(unit.mT))
    ratios = torch.exp((scale - scale[:, None]).triu())
    diagonal = torch.diagonal(r)
    return scale + torch.log(diagonal), r * ratios / diagonal[:, None]


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
    links: Sequence[Link], states: Sequence[Float[Tensor, "1 size"]], rows: Tensor
) -> Way:
    """The product of the Jacobians of all links, the last one first."""
    product = empty_product(rows)
    scales: list[Tensor] = []
    for place in reversed(range(len(links))):
        pulled = pull_back(links[place], states[place], product.rows)
        product = extended(product, pulled)
        scales.append(product.sorted_scale())
    return Way(product, scales)
