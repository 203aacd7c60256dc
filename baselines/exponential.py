"""The exponential of a matrix by matrix products, so that its gradient costs twice its value.

    exp(A) = r(A / 2^s)^(2^s),    r(A) = (V - U)^-1 (V + U)

with U the odd and V the even terms of p(A) = sum_k b_k A^k, the numerator of the diagonal Pade
approximant of degree 7. N. J. Higham, "The scaling and squaring method for the matrix exponential
revisited", SIAM J. Matrix Anal. Appl. 26(4), 2005: s is the least for which the 1-norm of A / 2^s
is below a bound that makes the error a rounding error. If A is skew-symmetric or skew-Hermitian,
(V - U)^-1 (V + U) is orthogonal or unitary whatever the degree.

`torch.matrix_exp` gets its gradient from the exponential of a matrix of twice the size.
"""

import math

import torch
from jaxtyping import Shaped
from torch import Tensor

COEFFICIENTS = tuple(
    math.factorial(14 - k) // math.factorial(k) // math.factorial(7 - k) for k in range(8)
)
LARGEST_NORM = {torch.float32: 3.92, torch.float64: 0.95}
"""Up to it the approximant of degree 7 is exact to the precision's rounding."""


def matrix_exponential(a: Shaped[Tensor, "size size"]) -> Shaped[Tensor, "size size"]:
    """exp(A) of a real or complex matrix in single or double precision."""
    norm = torch.linalg.matrix_norm(a.detach(), 1).item()
    bound = LARGEST_NORM[a.real.dtype]
    # a norm that is no number stays one: a run that diverged says so by its loss
    squarings = math.ceil(math.log2(norm / bound)) if bound < norm < math.inf else 0
    power = _pade(a / 2**squarings)
    for _ in range(squarings):
        power = power @ power
    return power


def _pade(a: Shaped[Tensor, "size size"]) -> Shaped[Tensor, "size size"]:
    b, identity = COEFFICIENTS, torch.eye(len(a), dtype=a.dtype, device=a.device)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a @ (b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * identity)
    even = b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * identity
    return torch.linalg.solve(even - odd, even + odd)
