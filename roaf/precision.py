"""What keeps the filter from being rounded: no half precision, no TF32, whatever the user allows.

Ten thousand products with an O of ten bits are no isometry any more. Structured filters are
elementwise and need no care; products with a dense matrix do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear

# the setting of each operation came with torch 2.9; before there is one for all
ONE_SETTING = torch.__version__ < "2.9"
EXACT = "highest" if ONE_SETTING else "ieee"
INHERITED = "none"
LOWERED = ("high", "medium", "tf32", "bf16")


def applied_dtype(weight: Tensor) -> torch.dtype:
    """The dtype in which O and the state are kept: the weights', but never below float32.

    An O rounded to bfloat16 is no isometry any more: a test shows it over 10,000 steps.
    """
    return torch.promote_types(weight.dtype, torch.float32)


def product(
    rows: Float[Tensor, "*batch columns"], matrix: Float[Tensor, "rows columns"]
) -> Float[Tensor, "*batch rows"]:
    """rows @ matrix^T, in float64 where the user lets float32 be rounded.

    So the backward pass of any order is exact too, without a setting that must outlive this call.
    """
    if rows.dtype == torch.float32 and is_lowered(rows.device.type):
        return linear(rows.double(), matrix.double()).float()
    return linear(rows, matrix)


@contextmanager
def exact_products(device: torch.device) -> Iterator[None]:
    """Within it, products of float32 are of float32: no autocast, no TF32, no bfloat16."""
    with torch.autocast(device.type, enabled=False), exact_setting(device.type):
        yield


@contextmanager
def exact_setting(kind: str) -> Iterator[None]:
    """Within it, torch's setting for that kind of device is exact; after it, what it was.

    The setting is the process's, so another thread sees it too for that time. One that was
    inherited from torch's settings above it is inherited again.
    """
    if not is_lowered(kind):
        yield
        return
    before = read_setting(kind)
    write_setting(kind, EXACT)
    try:
        yield
    finally:
        restore_setting(kind, before)


def is_lowered(kind: str) -> bool:
    """Whether torch may round the operands of a float32 product on this kind of device."""
    return kind in ("cpu", "cuda") and read_setting(kind) in LOWERED


def read_setting(kind: str) -> str:
    """How exact torch keeps products of float32 on "cpu" or "cuda"."""
    return torch.get_float32_matmul_precision() if ONE_SETTING else _setting(kind).fp32_precision


def write_setting(kind: str, value: str) -> None:
    """The inverse of `read_setting`."""
    if ONE_SETTING:
        torch.set_float32_matmul_precision(value)
    else:
        _setting(kind).fp32_precision = value


def restore_setting(kind: str, before: str) -> None:
    """Inherits the setting if that gives what it was before, else writes it.

    torch tells what a setting is and not whether it is inherited, so one that was written equal to
    what it would inherit is inherited from now on.
    """
    if not ONE_SETTING:
        write_setting(kind, INHERITED)
    if read_setting(kind) != before:
        write_setting(kind, before)


def _setting(kind: str) -> Any:
    backend: Any = torch.backends.cuda if kind == "cuda" else torch.backends.mkldnn
    return backend.matmul
