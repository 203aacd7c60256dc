"""Large blocks of float32 on the CPU that are handed on when the last tensor in them is gone.

A fresh block is had from the system page by page, which can take longer than to fill it. Unlike
that of `roaf.kernels.workspace`, a block here belongs to its tensors, whoever holds them: a result,
a pass that waits for its backward, a gradient.
"""

import weakref
from collections import deque
from math import prod

import torch
from torch import Tensor

SMALLEST, LARGEST = 2**18, 2**27  # numbers of a block worth keeping: from 1 MiB, at most 512 MiB

_free: deque[Tensor] = deque()


def room(*shape: int) -> Tensor:
    """An uninitialised tensor of float32."""
    size = prod(shape)
    if not SMALLEST <= size <= LARGEST:
        return torch.empty(shape, dtype=torch.float32, device="cpu")
    block = _take(size)
    lent = block.numpy()  # a new array, which dies with the last tensor that sees the block
    weakref.finalize(lent, _give_back, block).atexit = False
    return torch.from_numpy(lent).view(shape)


def _take(size: int) -> Tensor:
    """A free block of that size, or a new one."""
    for _ in range(len(_free)):
        try:
            block = _free.popleft()
        except IndexError:  # another thread took it
            break
        if len(block) == size:
            return block
        _free.append(block)
    return torch.empty(size, dtype=torch.float32, device="cpu")


def _give_back(block: Tensor) -> None:
    """Keeps the block, and of the others the latest as far as all are within the limit."""
    _free.append(block)
    while sum(map(len, list(_free))) > LARGEST:
        _free.popleft()
