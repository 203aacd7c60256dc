"""How the recurrence is computed: `reference` defines it, every other backend must equal it."""

from collections.abc import Callable, Mapping
from typing import cast

from torch import Tensor

from roaf.kernels import depth, fused, reference
from roaf.nonlinearity import Nonlinearity

Kernel = Callable[..., Tensor]

RECURRENT = {"reference": reference.recur, "fused": cast(Kernel, fused.recur)}
FEEDFORWARD = {"reference": reference.compose, "fused": cast(Kernel, depth.compose)}


def find_kernel(table: Mapping[str, Kernel], backend: str, phi: Nonlinearity) -> Kernel:
    """The kernel of that name; "auto" takes the fastest that can compute phi.

    An unknown name, or "fused" with a phi of unknown slope, raises ValueError.
    """
    if backend != "auto" and backend not in table:
        raise ValueError(f"backend {backend!r} is unknown; allowed: auto, {', '.join(table)}")
    if backend == "fused" and not phi.fusible:
        raise ValueError(
            "backend 'fused' needs in_place and slope_at_value of its Nonlinearity; "
            "allowed without them: auto, reference"
        )
    if backend == "auto":
        backend = "fused" if phi.fusible else "reference"
    return table[backend]
