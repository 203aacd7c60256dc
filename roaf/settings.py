"""What the models check and share at construction."""

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
            if buffer.is_meta:  # which has no numbers to move
                self._buffers[name] = torch.empty_like(buffer, device=moved.device)
            else:
                self._buffers[name] = buffer.to(moved.device)
        return self


def check_sizes(**sizes: int) -> None:
    """Raises ValueError for a size below 1, by its name."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, not {size}")


def check_memory(activation_memory: str, allowed: tuple[str, ...]) -> None:
    """Raises ValueError for a way to keep activations that the model does not have."""
    if activation_memory not in allowed:
        names = ", ".join(allowed)
        raise ValueError(f"activation_memory {activation_memory!r} is unknown; allowed: {names}")


def check_finite(name: str, saved: Tensor) -> None:
    """Raises ValueError for numbers that are not finite, with the first layer that has one."""
    finite = torch.isfinite(saved).flatten(1).all(1)
    if not finite.all():
        layer = int((~finite).nonzero()[0])
        raise ValueError(
            f"{name!r} in the state is not finite, first at layer {layer}; allowed: finite numbers"
        )


def check_rows(x: Tensor, width: int) -> None:
    """Raises ValueError unless x is of a floating type and (batch, width)."""
    _check_floating(x)
    if x.ndim != 2 or x.shape[1] != width:
        raise ValueError(f"x has the shape {tuple(x.shape)}, which must be (batch, {width})")


def check_sequences(x: Tensor, features: int) -> None:
    """Raises ValueError unless x is of a floating type and (batch, time, features) or one of it."""
    _check_floating(x)
    if x.ndim not in (2, 3) or x.shape[-1] != features or 0 in x.shape:
        raise ValueError(
            f"x has the shape {tuple(x.shape)}, which must be (batch, time, {features}) "
            f"or (time, {features}), no part of it empty"
        )


def check_states(h0: Tensor | None, shape: tuple[int, ...]) -> None:
    """Raises ValueError unless h0 is None or of that shape."""
    if h0 is not None and tuple(h0.shape) != shape:
        raise ValueError(
            f"h0 has the shape {tuple(h0.shape)}, which must be {shape} here: "
            "layers times directions, the batch if x has one, hidden_size"
        )


def _check_floating(x: Tensor) -> None:
    if not x.is_floating_point():
        raise ValueError(f"x is of {x.dtype}; allowed: a floating type such as torch.float32")


def wanted_device(device: torch.device | str | None) -> torch.device:
    """The device given, else torch's default one."""
    return torch.get_default_device() if device is None else torch.device(device)


def uniform_parameter(
    shape: tuple[int, ...], bound: float, generator: Generator | None, where: dict[str, Any]
) -> nn.Parameter:
    """Uniform in (-bound, bound), drawn on the CPU so that one seed gives one model everywhere."""
    dtype = where["dtype"] or torch.get_default_dtype()
    value = torch.rand(shape, generator=generator, dtype=dtype, device="cpu")
    value.mul_(2 * bound).sub_(bound)  # in place: a deep stack is drawn in the memory it needs
    return nn.Parameter(value.to(wanted_device(where["device"])))
