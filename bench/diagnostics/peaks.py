"""What the machine can do at best, by which a kernel's speed is judged.

matrix product   2 n^3 operations, three float32 matrices of n x n
memory           a copy reads and writes a block that no cache holds
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from bench.diagnostics.view import Reading, Readings
from bench.timing import synchronize

TRIES = 5
SIZES = {"cpu": (2048, 2**26), "cuda": (8192, 2**28)}
"""By device: n, and the numbers of the block that is copied."""


def peaks(device: torch.device) -> Readings:
    """The operations a second of a large product and the bytes a second of a large copy, for each
    of a few tries: noise can only lower them."""
    size, numbers = SIZES[device.type]
    left, right = torch.randn(2, size, size, device=device)
    out = torch.empty_like(left)
    for took in tries(lambda: torch.mm(left, right, out=out), device):
        yield Reading("peak_flops", f"float32 product of {size}", 2 * size**3 / took)
    source = torch.ones(numbers, device=device)
    target = torch.ones_like(source)
    for took in tries(lambda: target.copy_(source), device):
        yield Reading("peak_bandwidth", f"copy of {source.nbytes} bytes", 2 * source.nbytes / took)


def tries(action: Callable[[], Tensor], device: torch.device) -> list[float]:
    """The seconds of each try after a first that is not counted."""
    return [seconds(action, device) for _ in range(TRIES + 1)][1:]


def seconds(action: Callable[[], object], device: torch.device) -> float:
    """How long the action takes, the work that it submits included."""
    synchronize(device)
    start = time.perf_counter()
    action()
    synchronize(device)
    return time.perf_counter() - start
