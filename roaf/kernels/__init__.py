"""How the recurrence is computed: `reference` defines it, every other backend must equal it."""

from collections.abc import Callable

from torch import Tensor

from roaf.kernels import fused, reference

Kernel = Callable[..., Tensor]

RECURRENT: dict[str, Kernel] = {"reference": reference.recur, "fused": fused.recur}
FEEDFORWARD: dict[str, Kernel] = {"reference": reference.compose, "fused": fused.compose}


def find_kernel(table: dict[str, Kernel], backend: str) -> Kernel:
    """The kernel of that name; "auto" takes the fastest, an unknown name raises ValueError."""
    if backend != "auto" and backend not in table:
        raise ValueError(f"backend {backend!r} is unknown; allowed: auto, {', '.join(table)}")
    return table["fused" if backend == "auto" else backend]
