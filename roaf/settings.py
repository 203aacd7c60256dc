"""What both models check and share at construction."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn


class FixedBuffers(nn.Module):
    """A module whose buffers follow it to a device but keep their own dtype.

    The filters are float64: a module turned to float64 has them exact, and one turned to half
    precision does not round them.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "FixedBuffers":
        kept = {name: buffer for name, buffer in self._buffers.items() if buffer is not None}
        super()._apply(fn, recurse)
        for name, buffer in kept.items():
            moved = self._buffers[name]
            assert moved is not None
            self._buffers[name] = buffer.to(moved.device)
        return self


def check_sizes(**sizes: int) -> None:
    """Raises ValueError for a size below 1, by its name."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, not {size}")


def check_memory(activation_memory: str) -> None:
    """Raises ValueError for anything but "full", the one way there is so far."""
    if activation_memory != "full":
        raise ValueError(f"activation_memory {activation_memory!r} is unknown; allowed: full")


def uniform_parameter(
    shape: tuple[int, ...], bound: float, generator: Generator | None, where: dict[str, Any]
) -> nn.Parameter:
    """Uniform in (-bound, bound), drawn on the CPU so that one seed gives one model everywhere."""
    dtype = where["dtype"] or torch.get_default_dtype()
    value = torch.rand(shape, generator=generator, dtype=dtype) * (2 * bound) - bound
    return nn.Parameter(value.to(where["device"]))
