"""How both models are computed: `reference` defines it, every other backend must equal it."""

from collections.abc import Mapping
from typing import Any, cast

import torch

from roaf.kernels import cpu, cpu_depth, cuda, depth, fused, members, parallel, reference
from roaf.kernels.problem import Backend, Kernel, Problem, choose, stack_problem
from roaf.nonlinearity import Nonlinearity

RECURRENT = {
    "cuda": Backend(cast(Kernel, cuda.recur), cuda.refuses, cuda.pays),
    "parallel": Backend(cast(Kernel, parallel.recur), parallel.refuses, parallel.pays),
    "cpu": Backend(cast(Kernel, cpu.recur), cpu.refuses, cpu.pays, torch.float64),
    "fused": Backend(cast(Kernel, fused.recur), fused.refuses, fused.pays),
    "reference": Backend(reference.recur, reference.refuses, reference.pays),
}
"""In the order in which "auto" asks them; the last computes everything."""
MEMBERS = Backend(cast(Kernel, members.recur), reference.refuses, reference.pays)
"""Many models at once, under `torch.vmap`."""
FEEDFORWARD = {
    "cpu": Backend(cast(Kernel, cpu_depth.compose), cpu_depth.refuses, cpu_depth.pays),
    "fused": Backend(cast(Kernel, depth.compose), fused.refuses, fused.pays),
    "reference": Backend(reference.compose, reference.refuses, reference.pays),
}
"""The same of a stack of layers."""


def check_backend(table: Mapping[str, Any], backend: str, phi: Nonlinearity) -> None:
    """Raises ValueError for an unknown name, or one that needs the slope of a phi that has none."""
    if backend != "auto" and backend not in table:
        allowed = ", ".join(sorted(table))
        raise ValueError(f"backend {backend!r} is unknown; allowed: auto, {allowed}")
    if backend not in ("auto", "reference") and not phi.fusible:
        raise ValueError(
            f"backend {backend!r} needs in_place and slope_at_value of its Nonlinearity; "
            "allowed without them: auto, reference"
        )


def load_kernels() -> None:
    """Compiles the CPU's programs now, or loads them, and not in the first pass."""
    cpu.load()


__all__ = [
    "FEEDFORWARD",
    "MEMBERS",
    "RECURRENT",
    "Backend",
    "Problem",
    "check_backend",
    "choose",
    "load_kernels",
    "stack_problem",
]
