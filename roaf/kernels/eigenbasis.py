"""The basis in which an orthogonal matrix turns planes: O = Q R Q^T, R in 2x2 rotations.

The Hermitian matrix e^{-i} O + e^{i} O^T has the eigenvectors of O with the eigenvalues
2 cos(theta - 1), which tell theta from -theta. An eigenvector a + i b of e^{i theta} gives the
plane of sqrt(2) a and sqrt(2) b. `eigh` returns an orthonormal set whatever eigenvalues coincide,
which a general eigensolver does not.
"""

import cmath
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

Matrix = Float[Tensor, "size size"]

ROUNDED = 1e-3  # what is farther from orthogonal was not meant to be
REAL = 1e-8  # an imaginary part below it is rounding: sqrt of the rounding error of float64


@dataclass(frozen=True)
class Eigenbasis:
    """Q, and the eigenvalues that turn its planes or flip its lines.

    O acts on y = Q^T x, units i and i + planes together, the last units alone.
    """

    basis: Matrix
    planes: Complex[Tensor, "planes"]
    lines: Float[Tensor, "lines"]


def eigenbasis(matrix: Matrix) -> Eigenbasis:
    """That of the orthogonal matrix nearest to this one, in float64 on the device of the matrix.

    It is found once for each matrix and remembered. A matrix that is not orthogonal raises
    ValueError.
    """
    return _remembered(_Content(matrix))


class _Content:
    """A matrix that is compared by its numbers."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix.detach()

    def __hash__(self) -> int:
        return hash((self.matrix.shape, self.matrix.device, self.matrix[0, :2].sum().item()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and torch.equal(self.matrix, other.matrix)


@lru_cache(maxsize=16)
def _remembered(content: _Content) -> Eigenbasis:
    content.matrix = content.matrix.clone()  # the caller may write to his own
    device = content.matrix.device
    found = decompose(nearest_orthogonal(content.matrix.cpu().double()))
    return Eigenbasis(found.basis.to(device), found.planes.to(device), found.lines.to(device))


def nearest_orthogonal(matrix: Matrix) -> Matrix:
    """By three steps of Newton and Schulz, for a matrix that is orthogonal but for rounding."""
    error = (matrix.T @ matrix - torch.eye(len(matrix), dtype=matrix.dtype)).abs().max()
    if not error < ROUNDED:
        raise ValueError("the filter is not orthogonal; allowed: an orthogonal matrix")
    for _ in range(3):
        matrix = 1.5 * matrix - 0.5 * matrix @ (matrix.T @ matrix)
    return matrix


def decompose(matrix: Matrix) -> Eigenbasis:
    """The planes first, all their sqrt(2) a and then all their sqrt(2) b, then what only flips."""
    half = cmath.exp(-1j) * matrix
    vectors = torch.linalg.eigh(half + half.mH).eigenvectors
    values = (vectors.conj() * (matrix.to(vectors) @ vectors)).sum(0)
    turning = values.imag > REAL
    planes = math.sqrt(2) * vectors[:, turning]
    lines, signs = still(matrix, vectors[:, values.imag.abs() <= REAL])
    basis = torch.cat([planes.real, planes.imag, lines], dim=1)
    return Eigenbasis(basis, values[turning] / values[turning].abs(), signs)


def still(
    matrix: Matrix, vectors: Complex[Tensor, "size lines"]
) -> tuple[Float[Tensor, "size lines"], Float[Tensor, "lines"]]:
    """A real orthonormal basis of what O keeps or flips, and 1 or -1 for each of its vectors."""
    count = vectors.shape[1]
    span = torch.cat([vectors.real, vectors.imag], dim=1)
    real = torch.linalg.svd(span, full_matrices=False).U[:, :count]
    values, inner = torch.linalg.eigh(real.T @ ((matrix + matrix.T) / 2) @ real)
    return real @ inner, values.sign()
