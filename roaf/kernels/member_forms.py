"""The filters of many models at once, rows of (members, batch, size): `roaf.forms` with a member
dimension in front, as far as the hand-written kernels need them.

A filter is taken apart into tensors, which `torch.vmap` can stack, and put together again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from roaf.forms import Form, Gather

Rows = Float[Tensor, "members batch size"]
Weights = Float[Tensor, "members 1 size"]
Index = Int[Tensor, "members 1 size"] | Int[Tensor, "size"]
"""One for each member, or the same for all."""


@dataclass(frozen=True)
class Dense:
    """O^T of each member, as rows are multiplied by it."""

    right: Float[Tensor, "members size size"]

    def turned(self) -> "Dense":
        """O^T."""
        return Dense(self.right.mT)

    def mix(self, value: Rows, rows: Rows, alpha: float, beta: float, out: Rows) -> None:
        """Writes alpha * O x + beta * value to `out`."""
        torch.baddbmm(value, rows, self.right, beta=beta, alpha=alpha, out=out)

    def add(self, target: Rows, rows: Rows, alpha: float) -> None:
        """Adds alpha * O x to `target`."""
        target.baddbmm_(rows, self.right, alpha=alpha)


@dataclass(frozen=True)
class Term:
    """A weighted permutation a member: unit i receives weight[i] * x[index[i]]."""

    weight: Weights
    index: Index | None
    inverse: Index | None

    def turned(self) -> "Term":
        """What went from j to i goes from i to j."""
        return Term(pick(self.weight, self.inverse), self.inverse, self.index)


@dataclass(frozen=True)
class Gathers:
    """O of each member as a sum of weighted permutations."""

    terms: tuple[Term, ...]

    def turned(self) -> "Gathers":
        """O^T."""
        return Gathers(tuple(term.turned() for term in self.terms))

    def mix(self, value: Rows, rows: Rows, alpha: float, beta: float, out: Rows) -> None:
        """Writes alpha * O x + beta * value to `out`."""
        torch.mul(value, beta, out=out)
        self.add(out, rows, alpha)

    def add(self, target: Rows, rows: Rows, alpha: float) -> None:
        """Adds alpha * O x to `target`."""
        for term in self.terms:
            target.addcmul_(pick(rows, term.index), term.weight, value=alpha)


def pick(rows: Rows, index: Index | None) -> Rows:
    """x[index] of each member's rows, or x itself where every unit stays in its place."""
    if index is None:
        return rows
    if index.ndim == 1:
        return rows.index_select(-1, index)
    return rows.gather(-1, index.expand_as(rows))


def taken_apart(form: Form) -> tuple[Tensor | None, ...]:
    """The numbers of one model's filter: O itself, or weight, index and inverse of each term."""
    if isinstance(form, Gather):
        return tuple(
            part for term in form.terms for part in (term.weight, term.index, term.inverse)
        )
    return (form.dense(),)


def together(numbers: Sequence[Tensor | None], dims: Sequence[int | None], members: int):
    """The filters whose numbers were stacked along `dims`; None is a tensor that all share."""
    if len(numbers) == 1:
        (matrix,), (dim,) = numbers, dims
        assert matrix is not None  # a dense filter has its matrix
        return Dense(lead(matrix, dim, members).mT.contiguous())
    parts = [_part(*pair, members) for pair in zip(numbers, dims, strict=True)]
    return Gathers(tuple(Term(*parts[k : k + 3]) for k in range(0, len(parts), 3)))  # type: ignore


def _part(numbers: Tensor | None, dim: int | None, members: int) -> Tensor | None:
    """(members, 1, size), or the index that all share."""
    if numbers is None or (dim is None and not numbers.is_floating_point()):
        return numbers
    return lead(numbers, dim, members).unsqueeze(1)


def lead(tensor: Tensor, dim: int | None, members: int) -> Tensor:
    """The tensor with its member dimension in front; one that all share is repeated, not copied."""
    return tensor.expand(members, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
