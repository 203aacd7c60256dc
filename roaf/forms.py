"""The three forms in which a filter is applied, each in its own cost.

    Dense       y = O x                                             N^2
    Gather      y_i = sum_k weight_k[i] * x[index_k[i]]             N        rotations, permutations
    Kronecker   y = left * (F_1 kron F_2 kron ...) (right * x)      N log N  Hadamard

All take and give rows, x O^T. Autograd passes through `times`; `mix` and `add` write to what is
there, for the hand-written kernels. `turned` is O^T, which the backward pass applies.
"""

from dataclasses import dataclass, replace
from functools import reduce
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from roaf.precision import product

Rows = Float[Tensor, "*batch size"]
Matrix = Float[Tensor, "size size"]
Weights = Float[Tensor, "#size"]
Index = Int[Tensor, "size"]


@dataclass(frozen=True)
class Dense:
    """O as a matrix, and O^T as the products in place read it."""

    matrix: Matrix
    right: Matrix

    def dense(self) -> Matrix:
        """O."""
        return self.matrix

    def laid_out(self) -> "Dense":
        """Itself with O^T in one block, which is faster where many products follow."""
        return replace(self, right=self.matrix.T.contiguous())

    def scaled(self, alpha: float | Weights) -> "Dense":
        """diag(alpha) O."""
        column = alpha[:, None] if isinstance(alpha, Tensor) else alpha
        matrix = column * self.matrix
        return Dense(matrix, matrix.T)

    def turned(self) -> "Dense":
        """O^T."""
        return Dense(self.matrix.T, self.matrix)

    def times(self, rows: Rows) -> Rows:
        """O x for each row x."""
        return product(rows, self.matrix)

    def back(self, rows: Rows) -> Rows:
        """O^T x for each row x, where products are known to be exact."""
        return rows @ self.matrix

    def mix(self, value: Rows, rows: Rows, alpha: float, beta: float, out: Rows) -> None:
        """Writes alpha * O x + beta * value to `out`."""
        torch.addmm(value, rows, self.right, beta=beta, alpha=alpha, out=out)

    def add(self, target: Rows, rows: Rows) -> None:
        """Adds O x to `target`."""
        target.addmm_(rows, self.right)


@dataclass(frozen=True)
class Term:
    """A weighted permutation: unit i receives weight[i] * x[index[i]]; `inverse` undoes `index`."""

    weight: Weights
    index: Index | None = None
    inverse: Index | None = None

    def pick(self, rows: Rows) -> Rows:
        """x[index], or x itself where every unit stays in its place."""
        return rows if self.index is None else rows.index_select(-1, self.index)

    def turned(self) -> "Term":
        """What went from j to i goes from i to j, with the same weight."""
        if self.inverse is None:
            return self
        return Term(self.weight[self.inverse], self.inverse, self.index)


@dataclass(frozen=True)
class Gather:
    """O as a sum of weighted permutations."""

    largest_dense: ClassVar = 128
    terms: tuple[Term, ...]

    def dense(self) -> Matrix:
        """O."""
        weight = self.terms[0].weight
        units = torch.eye(len(weight), dtype=weight.dtype, device=weight.device)
        return self.times(units).T.contiguous()

    def laid_out(self) -> "Gather":
        """Itself."""
        return self

    def scaled(self, alpha: float | Weights) -> "Gather":
        """diag(alpha) O."""
        return Gather(tuple(replace(term, weight=alpha * term.weight) for term in self.terms))

    def turned(self) -> "Gather":
        """O^T."""
        return Gather(tuple(term.turned() for term in self.terms))

    def times(self, rows: Rows) -> Rows:
        """O x for each row x."""
        first, *others = (term.weight * term.pick(rows) for term in self.terms)
        return sum(others, start=first)

    def back(self, rows: Rows) -> Rows:
        """O^T x for each row x."""
        return self.turned().times(rows)

    def mix(self, value: Rows, rows: Rows, alpha: float, beta: float, out: Rows) -> None:
        """Writes alpha * O x + beta * value to `out`."""
        torch.mul(value, beta, out=out)
        for term in self.terms:
            out.addcmul_(term.pick(rows), term.weight, value=alpha)

    def add(self, target: Rows, rows: Rows) -> None:
        """Adds O x to `target`."""
        for term in self.terms:
            target.addcmul_(term.pick(rows), term.weight)


@dataclass(frozen=True)
class Kronecker:
    """O as a Kronecker product of small matrices between two diagonals."""

    largest_dense: ClassVar = 512
    left: Weights
    factors: tuple[Float[Tensor, "_ _"], ...]
    right: Weights

    def dense(self) -> Matrix:
        """O."""
        one = self.right.new_ones(1, 1)
        return self.left[:, None] * reduce(torch.kron, self.factors, one) * self.right

    def laid_out(self) -> "Kronecker":
        """Itself."""
        return self

    def scaled(self, alpha: float | Weights) -> "Kronecker":
        """diag(alpha) O."""
        return replace(self, left=alpha * self.left)

    def turned(self) -> "Kronecker":
        """O^T."""
        return Kronecker(self.right, tuple(factor.T for factor in self.factors), self.left)

    def times(self, rows: Rows) -> Rows:
        """O x for each row x: each factor along its own axis, the last first."""
        x = (self.right * rows).flatten(0, -2)
        for factor in reversed(self.factors):
            split = x.unflatten(-1, (-1, len(factor)))
            # the axis that was multiplied comes to the front, so the next one is last
            x = product(split, factor).transpose(-1, -2).flatten(-2)
        return self.left * x.view(rows.shape)

    def back(self, rows: Rows) -> Rows:
        """O^T x for each row x."""
        return self.turned().times(rows)

    def mix(self, value: Rows, rows: Rows, alpha: float, beta: float, out: Rows) -> None:
        """Writes alpha * O x + beta * value to `out`."""
        torch.mul(value, beta, out=out)
        out.add_(self.times(rows), alpha=alpha)

    def add(self, target: Rows, rows: Rows) -> None:
        """Adds O x to `target`."""
        target.add_(self.times(rows))


Form = Dense | Gather | Kronecker


def in_quickest(form: Form, size: int) -> Form:
    """The form, or O as a matrix where that many units are few enough for one product of torch.

    Up to `largest_dense` units it is faster than the form of its own: measured over 784 steps of 32
    rows, forward and backward, on one thread of a CPU.
    """
    if isinstance(form, Dense) or size > form.largest_dense:
        return form
    matrix = form.dense()
    return Dense(matrix, matrix.T)
