"""The filters: how the fixed orthogonal matrix O is drawn, and the form in which it is applied.

Each is drawn on the CPU, in float64 or in whole numbers, so that one generator gives one O
everywhere. What is kept is the numbers that determine O, not the matrix.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from roaf.forms import Dense, Form, Gather, Kronecker, Term, in_quickest
from roaf.hadamard import hadamard_factors

Matrix = Float[Tensor, "size size"]
DRAWN: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}


@dataclass(frozen=True)
class Kind:
    """A filter: the numbers that determine O, what tells them, and O from them."""

    draw: Callable[[int, Generator | None], Tensor]
    holds: Callable[[Tensor, int], bool]
    form: Callable[[Tensor, int, torch.dtype], Form]


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
    turn together by a uniform angle. "reflections": they are mirrored in a line at a uniform angle,
    so that half of all directions stay and the others change sign: what a sum over time needs.
    "permutation": a uniform permutation; "signed_permutation": with a random sign for each unit.
    "cycle": unit i takes the value of unit i - 1. "identity": the leaky unit. "hadamard":
    H D / sqrt(size), H a Hadamard matrix and D random signs, for the sizes that have one. Two that
    tell the angles from the axes: "mixed_rotations", the rotations in a Haar basis, and
    "haar_rotations", rotations of units by the eigenangles of a Haar matrix.

    An unknown kind, a size below 1 or a dtype below float32 raises ValueError: rounded to bfloat16,
    O stretches some directions fivefold within 10,000 steps and shrinks others as much.
    """
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"an orthogonal matrix is kept in float32 or float64, not {dtype}")
    return structured(kind, draw_filter(size, kind, generator), size, dtype).dense()


def draw_filter(size: int, kind: str, generator: Generator | None) -> Tensor:
    """The numbers that determine an O of that kind, on the CPU: a matrix, angles, an index."""
    found = find_filter(kind)
    if size < 1:
        raise ValueError(f"size must be at least 1, not {size}")
    return found.draw(size, generator)


def find_filter(kind: str) -> Kind:
    """The filter of that name; an unknown one raises ValueError."""
    if kind not in FILTERS:
        raise ValueError(f"filter {kind!r} is unknown; allowed: {', '.join(FILTERS)}")
    return FILTERS[kind]


def structured(kind: str, numbers: Tensor, size: int, dtype: torch.dtype) -> Form:
    """O in the form of its kind, on the device of the numbers."""
    return find_filter(kind).form(numbers, size, dtype)


def fastest(kind: str, numbers: Tensor, size: int, dtype: torch.dtype) -> Form:
    """O in the form of its kind, or as a matrix where that is as fast in torch."""
    return in_quickest(structured(kind, numbers, size, dtype), size)


def fastest_of_each(kind: str, numbers: Tensor, size: int, dtype: torch.dtype) -> list[Form]:
    """The same for the numbers of many layers, stacked."""
    first = structured(kind, numbers[0], size, dtype)
    if in_quickest(first, size) is first and not isinstance(first, Dense):
        return [structured(kind, own, size, dtype) for own in numbers.unbind(0)]
    matrices = dense_of_each(kind, numbers, size, dtype)
    return [Dense(matrix, matrix.T) for matrix in matrices.unbind(0)]


def dense_of_each(
    kind: str, numbers: Tensor, size: int, dtype: torch.dtype
) -> Float[Tensor, "layers size size"]:
    """The matrices of many layers."""
    stacked = torch.vmap(lambda own: structured(kind, own, size, dtype).dense())(numbers)
    return stacked.contiguous()


def haar(size: int, generator: Generator | None) -> Matrix:
    """Q of a Gaussian matrix with the diagonal of R made positive (Mezzadri, math-ph/0609050)."""
    gaussian = torch.randn(size, size, generator=generator, **DRAWN)
    q, r = torch.linalg.qr(gaussian)
    return q * torch.sign(torch.diagonal(r))


def uniform_qr(size: int, generator: Generator | None) -> Matrix:
    """Q of a uniform(-1, 1) matrix as the factorisation gives it: orthogonal, not Haar.

    Householder's algorithm fixes the signs of R, so that for one thing the determinant is the same
    in every draw.
    """
    uniform = torch.rand(size, size, generator=generator, **DRAWN)
    return torch.linalg.qr(2 * uniform - 1).Q


def rotations(size: int, generator: Generator | None) -> Float[Tensor, "2 half"]:
    """Cosines and sines of size // 2 uniform angles."""
    angles = 2 * math.pi * torch.rand(size // 2, generator=generator, **DRAWN)
    return torch.stack([torch.cos(angles), torch.sin(angles)])


def mixed_rotations(size: int, generator: Generator | None) -> Matrix:
    """Q R Q^T with rotations R of independent uniform angles, and a Haar Q."""
    turns = as_rotations(rotations(size, generator), size, torch.float64).dense()
    basis = haar(size, generator)
    return basis @ turns @ basis.T


def haar_rotations(size: int, generator: Generator | None) -> Float[Tensor, "2 half"]:
    """Cosines and sines of the eigenangles of a Haar matrix of determinant 1, which repel."""
    matrix = haar(size, generator)
    matrix[0] *= torch.linalg.det(matrix).sign()
    angles = torch.linalg.eigvals(matrix).angle().sort().values[size - size // 2 :]
    return torch.stack([torch.cos(angles), torch.sin(angles)])


def reflections(size: int, generator: Generator | None) -> Float[Tensor, "half 1"]:
    """Twice the angles of size // 2 lines, as a column, which tells them from other numbers."""
    return 2 * math.pi * torch.rand(size // 2, 1, generator=generator, **DRAWN)


def permutation(size: int, generator: Generator | None) -> Int[Tensor, "size"]:
    """A uniformly random order of the units."""
    return torch.randperm(size, generator=generator, device="cpu")


def signed_permutation(size: int, generator: Generator | None) -> Int[Tensor, "2 size"]:
    """A uniformly random order of the units, and a random sign for each."""
    order = torch.randperm(size, generator=generator, device="cpu")
    return torch.stack([order, _signs(size, generator)])


def hadamard(size: int, generator: Generator | None) -> Int[Tensor, "size"]:
    """Random signs; a size without a known Hadamard matrix raises ValueError."""
    hadamard_factors(size)
    return _signs(size, generator)


def nothing(size: int, generator: Generator | None) -> Int[Tensor, "0"]:
    """No numbers: the size alone determines O."""
    return torch.empty(0, dtype=torch.int64, device="cpu")


def is_matrix(numbers: Tensor, size: int) -> bool:
    """Whether they can be the entries of matrices (*layers, size, size)."""
    return numbers.is_floating_point() and numbers.shape[-2:] == (size, size)


def is_turns(numbers: Tensor, size: int) -> bool:
    """Whether they can be cosines and sines, (*layers, 2, size // 2)."""
    return numbers.is_floating_point() and numbers.shape[-2:] == (2, size // 2)


def is_lines(numbers: Tensor, size: int) -> bool:
    """Whether they can be angles, (*layers, size // 2, 1)."""
    return numbers.is_floating_point() and numbers.shape[-2:] == (size // 2, 1)


def is_order(numbers: Tensor, size: int) -> bool:
    """Whether each row (*layers, size) holds every index once."""
    if numbers.is_floating_point() or numbers.shape[-1:] != (size,):
        return False
    return bool((numbers.sort().values == torch.arange(size, device=numbers.device)).all())


def is_signs(numbers: Tensor, size: int) -> bool:
    """Whether each row (*layers, size) holds nothing but 1 and -1."""
    whole = not numbers.is_floating_point() and numbers.shape[-1:] == (size,)
    return whole and bool((numbers.abs() == 1).all())


def is_signed_order(numbers: Tensor, size: int) -> bool:
    """Whether they are an order and signs, (*layers, 2, size)."""
    if numbers.shape[-2:] != (2, size):
        return False
    return is_order(numbers[..., 0, :], size) and is_signs(numbers[..., 1, :], size)


def is_nothing(numbers: Tensor, size: int) -> bool:
    """Whether there are none, (*layers, 0)."""
    return numbers.shape[-1:] == (0,) and not numbers.is_floating_point()


def as_matrix(numbers: Tensor, size: int, dtype: torch.dtype) -> Dense:
    """The matrix itself."""
    matrix = numbers.to(dtype)
    return Dense(matrix, matrix.T)


def as_rotations(numbers: Tensor, size: int, dtype: torch.dtype) -> Gather:
    """2x2 rotations of units (i, i + size // 2); an odd last unit stays put."""
    cosine, sine = numbers.to(dtype)
    return _paired((cosine, cosine), (-sine, sine), size)


def as_reflections(numbers: Tensor, size: int, dtype: torch.dtype) -> Gather:
    """2x2 reflections of units (i, i + size // 2); an odd last unit stays put."""
    doubled = numbers[:, 0]
    cosine, sine = doubled.cos().to(dtype), doubled.sin().to(dtype)
    return _paired((cosine, -cosine), (sine, sine), size)


def as_permutation(numbers: Tensor, size: int, dtype: torch.dtype) -> Gather:
    """Unit i takes the value of unit index[i]."""
    return _gathered(numbers, torch.ones_like(numbers, dtype=dtype))


def as_signed_permutation(numbers: Tensor, size: int, dtype: torch.dtype) -> Gather:
    """Unit i takes the value of unit index[i], times its sign."""
    index, sign = numbers
    return _gathered(index, sign.to(dtype))


def as_cycle(numbers: Tensor, size: int, dtype: torch.dtype) -> Gather:
    """Unit i takes the value of unit i - 1, the first that of the last."""
    index = torch.arange(size, device=numbers.device).roll(1)
    return _gathered(index, numbers.new_ones(size, dtype=dtype))


def as_identity(numbers: Tensor, size: int, dtype: torch.dtype) -> Gather:
    """Every unit keeps its value: the layer becomes a leaky unit, or a scaled residual block."""
    return Gather((Term(numbers.new_ones(size, dtype=dtype)),))


def as_hadamard(numbers: Tensor, size: int, dtype: torch.dtype) -> Kronecker:
    """H D / sqrt(size): random signs, then the fast transform."""
    signs = numbers.to(dtype)
    factors = tuple(factor.to(signs) for factor in hadamard_factors(size))
    return Kronecker(torch.full_like(signs, 1 / math.sqrt(size)), factors, signs)


def _signs(size: int, generator: Generator | None) -> Int[Tensor, "size"]:
    return 2 * torch.randint(2, (size,), generator=generator, device="cpu") - 1


def _paired(own: tuple[Tensor, Tensor], across: tuple[Tensor, Tensor], size: int) -> Gather:
    """Of units i and i + size // 2, what each takes of itself and of the other."""
    half, rest = size // 2, own[0].new_ones(size % 2)
    units = torch.arange(size, device=rest.device)
    partner = torch.cat([units[half : 2 * half], units[:half], units[2 * half :]])
    crossing = Term(torch.cat([*across, 0 * rest]), partner, partner)
    return Gather((Term(torch.cat([*own, rest])), crossing))


def _gathered(index: Tensor, weight: Tensor) -> Gather:
    return Gather((Term(weight, index, torch.argsort(index)),))


FILTERS: dict[str, Kind] = {
    "haar": Kind(haar, is_matrix, as_matrix),
    "uniform_qr": Kind(uniform_qr, is_matrix, as_matrix),
    "rotations": Kind(rotations, is_turns, as_rotations),
    "mixed_rotations": Kind(mixed_rotations, is_matrix, as_matrix),
    "haar_rotations": Kind(haar_rotations, is_turns, as_rotations),
    "reflections": Kind(reflections, is_lines, as_reflections),
    "permutation": Kind(permutation, is_order, as_permutation),
    "signed_permutation": Kind(signed_permutation, is_signed_order, as_signed_permutation),
    "cycle": Kind(nothing, is_nothing, as_cycle),
    "identity": Kind(nothing, is_nothing, as_identity),
    "hadamard": Kind(hadamard, is_signs, as_hadamard),
}
