"""How tensors are laid out for `roaf.kernels.cpu_programs`: filled to whole vectors, in panels.

Importing this file needs numba.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from weakref import finalize

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from roaf.forms import Dense, Form, Gather
from roaf.kernels.block_pool import room
from roaf.kernels.cpu_products import VECTORS
from roaf.kernels.cpu_programs import Filter, Steps, Units, pack
from roaf.kernels.cpu_vectors import LANES
from roaf.mixing import Value

Pieces = Int[np.ndarray, "pieces 4"]
Panels = Float[Tensor, "*many _"]
TERMS = 2  # that a program knows; a filter of more becomes a matrix
NO_PIECES = np.zeros((0, 4), np.int64)

_layouts: dict[int, "Layout"] = {}  # by the identity of the form


@dataclass(frozen=True)
class Layout:
    """alpha O as the two programs take it; `kept` holds what lies at the addresses."""

    alpha: Value
    up: Filter
    down: Filter
    kept: tuple[Tensor, ...]


def filled_size(hidden: int) -> int:
    """The next multiple of a vector's lanes."""
    return -(-hidden // LANES) * LANES


def filled(tensor: Float[Tensor, "*lead hidden"], *shape: int) -> Float[Tensor, "*lead filled"]:
    """It in one block of float32 of that shape, with zeros after what it has; itself if it is one.

    Rows may lie anywhere, the numbers of a row next to each other.
    """
    if tensor.shape == shape and tensor.stride(-1) == 1:
        return tensor
    block = room(*shape)
    write_filled(block, tensor)
    return block


def write_filled(block: Tensor, tensor: Tensor) -> None:
    """Copies the tensor to the first numbers of each row, and zeros to the others."""
    hidden, size = tensor.shape[-1], block.shape[-1]
    block[..., :hidden] = tensor
    if hidden < size:
        block[..., hidden:] = 0


def in_panels(matrix: Float[Tensor, "*many hidden hidden"], size: int) -> Panels:
    """Each matrix in float32, filled up to that size, as `cpu_products` reads it.

    What fits into one panel lies there row after row, as it does in most tensors.
    """
    lead, each = matrix.shape[:-2], matrix.detach().float().reshape(-1, *matrix.shape[-2:]).numpy()
    if each.shape[-1] == size <= VECTORS * LANES:
        return torch.from_numpy(np.ascontiguousarray(each)).view(*lead, size * size)
    panels = torch.empty(len(each), size * size, dtype=torch.float32, device="cpu")
    pack(each, size, panels.numpy())
    return panels.view(*lead, -1)


def exact(form: Form, alpha: Value) -> Dense | Gather:
    """alpha O in double precision.

    An alpha of 0.9999 that is rounded to float32 is off by 2e-4 after ten thousand steps.
    """
    alpha = alpha.detach().double() if isinstance(alpha, Tensor) else alpha
    if isinstance(form, Gather) and len(form.terms) <= TERMS:
        terms = (replace(term, weight=term.weight.double()) for term in form.terms)
        return Gather(tuple(terms)).scaled(alpha)
    matrix = form.dense().double()
    return Dense(matrix, matrix.T).scaled(alpha)


def layout(form: Form, alpha: Value, size: int) -> Layout:
    """alpha O laid out; what it was for the same form and number before, as long as that lives."""
    known = _layouts.get(id(form))
    if known is not None and not isinstance(alpha, Tensor) and known.alpha == alpha:
        return known
    if known is None:
        finalize(form, _layouts.pop, id(form), None).atexit = False
    known = _layouts[id(form)] = lay_out(exact(form, alpha), alpha, size)
    return known


def lay_out(form: Dense | Gather, alpha: Value, size: int) -> Layout:
    """alpha O, which the form is, laid out."""
    if isinstance(form, Gather):
        (up, *kept), (down, *others) = in_pieces(form, size), in_pieces(form.turned(), size)
        return Layout(alpha, up, down, (*kept, *others))
    kept = in_panels(form.matrix.T, size), in_panels(form.matrix, size)
    up, down = (Filter(panels.data_ptr(), 0, NO_PIECES, 0, 0) for panels in kept)
    return Layout(alpha, up, down, kept)


def in_pieces(form: Gather, size: int) -> tuple[Filter, Tensor, Tensor]:
    """The filter as pieces, see `cpu_rows.turn`, and what holds its weights and its indices.

    Each weight is a sum of two numbers of float32, and the small ones are added before the large:
    added to a state they would be lost.
    """
    terms, hidden = len(form.terms), len(form.terms[0].weight)
    index = torch.arange(size, dtype=torch.int32, device="cpu").repeat(terms, 1)
    weight = torch.zeros(terms, 2, size, dtype=torch.float32, device="cpu")
    for term, own, numbers in zip(form.terms, index, weight, strict=True):
        numbers[1, :hidden] = term.weight
        numbers[0, :hidden] = term.weight - term.weight.float()
        if term.index is not None:
            own[:hidden] = term.index
    pieces = find_pieces(index.numpy())
    return Filter(0, terms, pieces, weight.data_ptr(), index.data_ptr()), weight, index


def find_pieces(index: Int[np.ndarray, "terms filled"]) -> Pieces:
    """(target, length, sources), where each term's units lie side by side, or are picked: -1."""
    blocks = index.reshape(len(index), -1, LANES)
    is_run = (np.diff(blocks) == 1).all((0, 2))
    found: list[list[int]] = []
    for block, sources in enumerate(np.where(is_run, blocks[..., 0], -1).T.tolist()):
        if found and continues(found[-1], sources):
            found[-1][1] += LANES
        else:
            found.append([block * LANES, LANES, *sources, *[-1] * (TERMS - len(sources))])
    return np.array(found, np.int64)


def continues(piece: list[int], sources: list[int]) -> bool:
    """Whether the next block goes on where the piece ends."""
    length, before = piece[1], piece[2 : 2 + len(sources)]
    on = [-1 if source < 0 else source + length for source in before]
    return on == sources


def units_of(beta: Value, bias: Sequence[Tensor], size: int) -> tuple[Units, Tensor]:
    """beta and phi's bias, or 0, of each unit, and what holds them."""
    if not bias and not isinstance(beta, Tensor):
        return units_of_number(beta, size)
    block = torch.zeros(2, size, dtype=torch.float32, device="cpu")
    for row, value in zip(block, (beta, *bias), strict=False):
        row[: len(value) if isinstance(value, Tensor) else size] = value
    return Units(*(row.data_ptr() for row in block)), block


@lru_cache(maxsize=64)
def units_of_number(beta: float, size: int) -> tuple[Units, Tensor]:
    """The same where beta is a number and there is no bias."""
    block = torch.tensor([beta, 0.0], dtype=torch.float32, device="cpu").repeat_interleave(size)
    return Units(block.data_ptr(), block[size:].data_ptr()), block


def steps(rows: Float[Tensor, "time batch filled"]) -> Steps:
    """Where they lie."""
    return Steps(rows.data_ptr(), 4 * rows.stride(0), 4 * rows.stride(1))
