"""The filters: how the fixed orthogonal matrix O is drawn.

Each is drawn in float64 on the CPU, so that one generator gives one matrix everywhere.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Generator, Tensor

Matrix = Float[Tensor, "size size"]


def random_orthogonal(
    size: int,
    kind: str = "haar",
    *,
    generator: Generator | None = None,
    dtype: torch.dtype = torch.float32,
) -> Matrix:
    """An orthogonal matrix of the kind named, (size, size), on the CPU.

    "haar": uniform over the orthogonal group. "uniform_qr": Q of a uniform(-1, 1) matrix, without
    the sign correction, as in the author's published code. "rotations": units i and i + size // 2
    turn together by a uniform angle. "permutation": a uniform permutation. "identity": the leaky
    unit. An unknown kind, a size below 1 or a dtype below float32 raises ValueError: rounded to
    bfloat16, O stretches some directions fivefold within 10,000 steps and shrinks others as much.
    """
    if kind not in FILTERS:
        raise ValueError(f"filter {kind!r} is unknown; allowed: {', '.join(FILTERS)}")
    if size < 1:
        raise ValueError(f"size must be at least 1, not {size}")
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"an orthogonal matrix is kept in float32 or float64, not {dtype}")
    return FILTERS[kind](size, generator).to(dtype)


def haar(size: int, generator: Generator | None) -> Matrix:
    """Q of a Gaussian matrix with the diagonal of R made positive (Mezzadri, math-ph/0609050)."""
    gaussian = torch.randn(size, size, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    return q * torch.sign(torch.diagonal(r))


def uniform_qr(size: int, generator: Generator | None) -> Matrix:
    """Q of a uniform(-1, 1) matrix as the factorisation gives it: orthogonal, not quite Haar."""
    uniform = torch.rand(size, size, generator=generator, dtype=torch.float64)
    return torch.linalg.qr(2 * uniform - 1).Q


def rotations(size: int, generator: Generator | None) -> Matrix:
    """2x2 rotations of units (i, i + size // 2) by uniform angles; an odd last unit stays put."""
    half = size // 2
    angles = 2 * math.pi * torch.rand(half, generator=generator, dtype=torch.float64)
    first, second = torch.arange(half), torch.arange(half, 2 * half)
    matrix = torch.eye(size, dtype=torch.float64)
    matrix[first, first] = matrix[second, second] = torch.cos(angles)
    matrix[first, second] = -torch.sin(angles)
    matrix[second, first] = torch.sin(angles)
    return matrix


def permutation(size: int, generator: Generator | None) -> Matrix:
    """The identity with its rows in a uniformly random order."""
    return identity(size, None)[torch.randperm(size, generator=generator)]


def identity(size: int, generator: Generator | None) -> Matrix:
    """The identity: the layer becomes a leaky unit, or a scaled residual block."""
    return torch.eye(size, dtype=torch.float64)


FILTERS: dict[str, Callable[[int, Generator | None], Matrix]] = {
    "haar": haar,
    "uniform_qr": uniform_qr,
    "rotations": rotations,
    "permutation": permutation,
    "identity": identity,
}
