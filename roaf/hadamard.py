"""Hadamard matrices: entries +-1, rows orthogonal, as Kronecker factors for a fast product.

    H_N = H_2 kron H_2 kron ... kron H_m,   N = 2^k m

with m = 1 (J. Sylvester, 1867) or m = q + 1 for a prime q = 3 mod 4, where H_m = I + S and S holds
the quadratic residues of q (R. Paley, J. Math. Phys. 12, 1933, his first construction). Sizes that
these two do not give, 28 and 36 among them, are not offered.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

# measured: one product with a block of 32 is faster than five butterflies, or than 4 x 8
LARGEST_BLOCK = 32
EXACT: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}


def hadamard_factors(size: int) -> tuple[Float[Tensor, "_ _"], ...]:
    """Small Hadamard matrices in float64 whose Kronecker product has that size.

    A size that has none raises ValueError, which names the nearest that have.
    """
    base = _base(size)
    if base is None:
        raise ValueError(f"a Hadamard filter of size {size} is unknown; nearest: {_nearest(size)}")
    factors, rest = [], size // base
    while rest > 1:
        factors.append(_sylvester(min(rest, LARGEST_BLOCK)))
        rest //= len(factors[-1])
    return (*factors, paley(base)) if base > 1 else tuple(factors)


def paley(size: int) -> Float[Tensor, "size size"]:
    """The Hadamard matrix I + S of a prime q = size - 1 = 3 mod 4, in float64."""
    q = size - 1
    character = torch.full((q,), -1.0, **EXACT)
    character[torch.arange(1, q, device="cpu") ** 2 % q] = 1
    character[0] = 0
    steps = torch.arange(q, device="cpu")
    skew = torch.zeros(size, size, **EXACT)
    skew[0, 1:], skew[1:, 0] = 1, -1
    skew[1:, 1:] = character[(steps[:, None] - steps) % q]
    return skew + torch.eye(size, **EXACT)


def _base(size: int) -> int | None:
    """The smallest m with size = 2^k m, or None."""
    odd = size
    while odd % 2 == 0:
        odd //= 2
    if odd == 1:
        return 1
    halvings = (odd * 2**k for k in range(size.bit_length()) if odd * 2**k <= size)
    return next((m for m in halvings if m % 4 == 0 and _is_prime(m - 1)), None)


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))


def _nearest(size: int) -> str:
    """The admissible sizes next below and next above."""
    below = next(n for n in range(size - 1, 0, -1) if _base(n))
    above = next(n for n in range(size + 1, 2 * size + 1) if _base(n))
    return f"{below} and {above}"


def _sylvester(size: int) -> Float[Tensor, "size size"]:
    """The Hadamard matrix of a power of two."""
    pair = torch.tensor([[1.0, 1.0], [1.0, -1.0]], **EXACT)
    matrix = torch.ones(1, 1, **EXACT)
    while len(matrix) < size:
        matrix = torch.kron(matrix, pair)
    return matrix
