"""Products of something that settles: what is new in it is multiplied, in low precision.

A product in bfloat16 errs by half a percent of what is multiplied. Where that is the change between
two sweeps it is little, and on a CPU that has such products they are several times faster.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from roaf.precision import LOWERED, read_setting

Rows = Float[Tensor, "*batch size"]
States = Float[Tensor, "steps batch size"]
Matrix = Float[Tensor, "before after"]


@dataclass(frozen=True)
class Precision:
    """How the products with W are computed, and how near the result must be.

    A change of the states is multiplied in `low`, which errs by at most `rounding` of it. Where
    that spoils the result, a sweep multiplies the states themselves, exactly.
    """

    low: torch.dtype
    rounding: float
    tolerance: float


def precision(device: torch.device, dtype: torch.dtype) -> Precision:
    """That which torch's setting asks for, with bfloat16 for changes where the machine has it.

    The setting "medium" asks for bfloat16 on a CPU and, as torch has it, for TF32 on a GPU; "high"
    asks for TF32.
    """
    if dtype != torch.float32:
        return Precision(dtype, 0.0, 1e-10)
    asked = read_setting(device.type)
    if asked in ("medium", "bf16"):
        return Precision(torch.bfloat16, 0.0, 1e-3)
    tolerance = 1e-4 if asked in LOWERED else 1e-5
    if has_bfloat16(device):
        return Precision(torch.bfloat16, 2.0**-7, tolerance)
    return Precision(dtype, 0.0, tolerance)


def has_bfloat16(device: torch.device) -> bool:
    """Whether products of bfloat16 are the faster ones."""
    return device.type == "cuda" or torch.cpu._is_amx_tile_supported()


class Followed:
    """x @ matrix for an x that settles: the product of its change is added to the last one.

    So the product in low precision errs in proportion to the change alone.
    """

    def __init__(self, matrix: Matrix, low: Matrix) -> None:
        self._matrix, self._low = matrix, low
        self._last: Tensor | None = None
        self._total: Tensor | None = None

    def product(self, x: States, exact: bool) -> States:
        """That of this x, wholly from it if `exact`; the next product is written over it.

        x itself must stay as it is until then.
        """
        rows = x.flatten(0, 1)
        if exact:
            self._total = rows @ self._matrix
        elif self._total is None or self._last is None:
            self._total = (rows.to(self._low.dtype) @ self._low).to(rows.dtype)
        elif self._low.dtype == x.dtype:
            self._total.addmm_(rows - self._last, self._low)
        else:
            self._total += (rows - self._last).to(self._low.dtype) @ self._low
        self._last = rows
        return self._total.view(*x.shape[:2], -1)


class Unchanged:
    """x, where there is no matrix."""

    def product(self, x: States, exact: bool) -> States:
        """x."""
        return x


@dataclass(frozen=True)
class Factor:
    """A matrix that rows are multiplied by, also in low precision; None is the identity."""

    matrix: Matrix | None
    low: Matrix | None

    def follow(self) -> Followed | Unchanged:
        """Its products with something that settles."""
        if self.matrix is None or self.low is None:
            return Unchanged()
        return Followed(self.matrix, self.low)

    def times(self, rows: Rows) -> Rows:
        """The product with any rows, exact."""
        return rows if self.matrix is None else rows @ self.matrix


def factor(matrix: Matrix | None, precision: Precision) -> Factor:
    """That of a matrix."""
    if matrix is None:
        return Factor(None, None)
    return Factor(matrix, matrix.to(precision.low))
