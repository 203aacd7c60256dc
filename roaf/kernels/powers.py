"""O, O^2, O^3, ... applied to the rows of a chunk at once, row t by O^t, in O(N) for each row.

rotations       x + i y -> (x + i y) conj(v)^t for units x, y of a pair
permutations    y_i = sign_t[i] * x[index_t[i]]
any other       rotations, in the basis of `roaf.kernels.eigenbasis`
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from roaf.forms import Form, Gather, Term
from roaf.kernels.eigenbasis import eigenbasis

Rows = Float[Tensor, "steps batch size"]


@dataclass(frozen=True)
class Rotating:
    """Row t by rotations of units (i, i + planes) with these cosines and sines; others by a factor.

    `sine` is that of what the first unit of a pair receives from the second; an empty one is 0.
    """

    factor: Float[Tensor, "longest 1 size"]
    sine: Float[Tensor, "longest 1 planes"]

    def times(self, rows: Rows) -> Rows:
        """The row of each step, turned."""
        steps, planes = len(rows), self.sine.shape[-1]
        turned = rows * self.factor[:steps]
        first, second = (slice(0, planes), slice(planes, 2 * planes))
        turned[..., first].addcmul_(rows[..., second], self.sine[:steps])
        turned[..., second].addcmul_(rows[..., first], self.sine[:steps], value=-1)
        return turned

    def adjoint(self) -> "Rotating":
        """The transposes."""
        return Rotating(self.factor, -self.sine)


@dataclass(frozen=True)
class Moving:
    """Row t by this signed permutation."""

    index: Int[Tensor, "longest 1 size"]
    sign: Float[Tensor, "longest 1 size"]

    def times(self, rows: Rows) -> Rows:
        """The row of each step, moved."""
        steps = len(rows)
        return rows.gather(-1, self.index[:steps].expand_as(rows)) * self.sign[:steps]


@dataclass(frozen=True)
class Powers:
    """O^t and O^-t for each step t of a chunk, in the basis Q; no basis is that of the units."""

    forth: Rotating | Moving
    back: Rotating | Moving
    basis: Float[Tensor, "size size"] | None = None

    def turned(self) -> "Powers":
        """Those of O^T."""
        if isinstance(self.forth, Rotating) and isinstance(self.back, Rotating):
            # not `back` for `forth`: cosines and sines rounded to float32 are no exact rotation
            return Powers(self.forth.adjoint(), self.back.adjoint(), self.basis)
        return Powers(self.back, self.forth, self.basis)


def powers(form: Form, longest: int) -> Powers:
    """Those of steps 0 to longest - 1, found in float64 and rounded once.

    An O that is not orthogonal raises ValueError.
    """
    match form:
        case Gather((Term(sign, Tensor() as index, Tensor() as inverse),)):
            forth, back = moves(index, sign, longest), moves(inverse, sign[inverse], longest)
            return Powers(forth, back)
        case Gather((Term(factor, None),)):
            return rotations(factor.new_zeros(0), factor, longest, factor.dtype)
        case Gather((Term(cosine, None), Term(sine, Tensor()))) if turns_pairs(cosine):
            half = len(sine) // 2
            planes = torch.complex(cosine[:half], sine[:half])
            return rotations(planes, cosine[2 * half :], longest, cosine.dtype)
    matrix = form.dense()
    found = eigenbasis(matrix)
    turning = rotations(found.planes, found.lines, longest, matrix.dtype)
    return replace(turning, basis=found.basis.to(matrix))


def turns_pairs(cosine: Float[Tensor, "size"]) -> bool:
    """Whether they are of rotations: those of a reflection have two signs in a pair."""
    half = len(cosine) // 2
    return torch.equal(cosine[:half], cosine[half : 2 * half])


def rotations(planes: Tensor, lines: Tensor, longest: int, dtype: torch.dtype) -> Powers:
    """Those of the rotations with these complex eigenvalues, and of real ones after them."""
    values = torch.cat([planes, lines]).to(torch.complex128)
    forth, back = (turns(own, len(planes), longest, dtype) for own in (values, 1 / values))
    return Powers(forth, back)


def turns(
    values: Complex[Tensor, "values"], planes: int, longest: int, dtype: torch.dtype
) -> Rotating:
    """Each eigenvalue to each power, by doubling."""
    found = torch.ones_like(values)[None]
    while len(found) < longest:
        found = torch.cat([found, found * values])
        values = values * values
    found = found[:longest, None]
    cosine, sine = found.real.to(dtype), found.imag[..., :planes].to(dtype)
    return Rotating(torch.cat([cosine[..., :planes], cosine], dim=-1), sine)


def moves(index: Int[Tensor, "size"], sign: Float[Tensor, "size"], longest: int) -> Moving:
    """The signed permutation to each power, by doubling."""
    indices, signs = (
        torch.arange(len(index), device=index.device)[None],
        torch.ones_like(sign)[None],
    )
    while len(indices) < longest:
        signs = torch.cat([signs, sign * signs[:, index]])
        indices = torch.cat([indices, indices[:, index]])
        sign, index = sign * sign[index], index[index]
    return Moving(indices[:longest, None], signs[:longest, None])
