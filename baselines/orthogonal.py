"""What the recurrent networks with orthogonal or unitary matrices share.

A skew-symmetric A is stored as the entries below its diagonal, so that every stored number is used
and counted. The modules are parametrisations: a body registers them on its `weight_hh`, reads the
matrix there, and inside `parametrize.cached()` it is computed once for all steps.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from baselines.exponential import matrix_exponential


class SkewSymmetric(nn.Module):
    """The skew-symmetric matrix whose entries below the diagonal are given, row by row."""

    below: Tensor

    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.register_buffer("below", torch.tril_indices(size, size, offset=-1))

    def forward(self, entries: Float[Tensor, " entries"]) -> Float[Tensor, "size size"]:
        """A with A_ij = -A_ji."""
        row, column = self.below
        a = entries.new_zeros(self.size, self.size).index_put((row, column), entries)
        return a - a.T


class Exponential(nn.Module):
    """The exponential of a skew-symmetric matrix, a rotation."""

    def forward(self, skew: Float[Tensor, "size size"]) -> Float[Tensor, "size size"]:
        """exp(A)."""
        return matrix_exponential(skew)


def parametrize_by_skew(
    body: nn.Module, name: str, entries: Float[Tensor, " entries"], size: int, last: nn.Module
) -> None:
    """Makes `name` an attribute of the body: the matrix that `last` makes of A, trained by A."""
    setattr(body, name, nn.Parameter(entries))
    for part in (SkewSymmetric(size), last):
        # Unsafe only says that the matrix has another shape than the stored entries.
        parametrize.register_parametrization(body, name, part, unsafe=True)


def rotation_entries(size: int, initialisation: str) -> Float[Tensor, " entries"]:
    """Entries below the diagonal of an A made of 2 x 2 rotations; an odd last row is zero.

    "henaff": angles U(-pi, pi), Henaff, Szlam, LeCun 2016, arXiv 1602.06662. "cayley":
    -sqrt((1 - cos u) / (1 + cos u)) with u ~ U(0, pi/2), Helfrich, Willmott, Ye 2018,
    arXiv 1707.09520, so that the Cayley transform turns by u.
    """
    if initialisation not in ANGLES:
        raise ValueError(f"initialisation {initialisation!r} is none of {sorted(ANGLES)}")
    entries, block = torch.zeros(size * (size - 1) // 2), torch.arange(size // 2)
    entries[2 * block * block + 3 * block] = ANGLES[initialisation](size // 2)
    return entries


def real_form(
    w: Float[Tensor, "2 size size"],
) -> Float[Tensor, "state_size state_size"]:
    """The matrix that does to [Re h, Im h] what the complex Re w + i Im w does to h."""
    real, imaginary = w
    return torch.cat([torch.cat([real, -imaginary], 1), torch.cat([imaginary, real], 1)])


def _henaff_angles(count: int) -> Float[Tensor, " count"]:
    return torch.empty(count).uniform_(-math.pi, math.pi)


def _cayley_angles(count: int) -> Float[Tensor, " count"]:
    return -torch.tan(torch.empty(count).uniform_(0.0, math.pi / 2) / 2)


ANGLES = {"cayley": _cayley_angles, "henaff": _henaff_angles}
