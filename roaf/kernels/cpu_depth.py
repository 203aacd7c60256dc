"""A stack of layers on a CPU by the compiled programs of the recurrence, a segment at a time.

    x_{l+1} = alpha * O x_l + beta * phi(W_l x_l + b_l)

is a step of the recurrence whose weight is another at each step and whose drive is b_l, the same
for all rows; and so is its way back. What is kept, and the gradients of the weights, are those of
`roaf.kernels.depth`. Narrow stacks gain the most: there a layer's arithmetic takes less time than
to call it.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from roaf.forms import Form
from roaf.kernels import cpu, depth
from roaf.kernels.layers import State
from roaf.kernels.memory import Memory
from roaf.mixing import Value
from roaf.nonlinearity import Nonlinearity

PHI = cpu.PHI[:2]


WIDEST = 64


@torch.compiler.disable
def compose(
    x: State,
    forms: Sequence[Form],
    weight: Float[Tensor, "depth width width"],
    offset: Float[Tensor, "depth width"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "depth width"],
    memory: Memory | None = None,
    descent: depth.Descent | None = None,
) -> State:
    """Equal to `reference.compose`; what `refuses` names raises ValueError.

    Where numba is not there or cannot compile, this is `depth.compose`, and there is one
    UserWarning.
    """
    if reason := refuses(x, forms, weight, alpha, beta, phi):
        raise ValueError(f"backend 'cpu' {reason}; allowed: auto, or another backend")
    if isinstance(passes := load(), str):
        cpu.warn(passes)
        passes = depth
    given = x, forms, weight, offset, alpha, beta, phi, *bias
    ways = {"memory": memory, "descent": descent, "passes": passes.PASSES}
    return depth.compose(*given, **ways)  # type: ignore


@torch.compiler.disable
def fastest(
    x: State,
    forms: Sequence[Form],
    weight: Float[Tensor, "depth width width"],
    offset: Float[Tensor, "depth width"],
    alpha: Value,
    beta: Value,
    *others: Any,
    **ways: Any,
) -> State:
    """`compose` where it can and pays, else `depth.compose`.

    Measured, forward and backward, on a thread: 4.4 times as fast at 16 units and a batch of 32,
    2.7 times at 32, 1.3 times at 64 and a batch of 128, no faster from 128 on.
    """
    possible = refuses(x, forms, weight, alpha, beta, others[0]) is None
    pays = possible and x.shape[-1] <= WIDEST and not isinstance(load(), str)
    kernel = compose if pays else depth.compose
    return kernel(x, forms, weight, offset, alpha, beta, *others, **ways)  # type: ignore


def refuses(
    x: State,
    forms: Sequence[Form],
    weight: Float[Tensor, "depth width width"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
) -> str | None:
    """Why it cannot compute the stack, to follow "backend 'cpu'"; None if it can."""
    if x.device.type != "cpu" or weight.dtype != torch.float32:
        return f"computes float32 on the CPU only, not {weight.dtype} on {x.device.type}"
    if phi not in PHI:
        return "computes stacks of tanh and relu only"
    if isinstance(alpha, Tensor) or isinstance(beta, Tensor):
        return "takes one number for alpha and one for beta only"
    if any(form is not forms[0] for form in forms):
        return "takes one filter for all layers only"
    if cpu.peek_interpreter_stack() is not None:
        return "reads the memory of plain tensors, not of those of torch.func and torch.vmap"
    lanes = 1 if isinstance(passes := load(), str) else passes.LANES
    if weight.shape[-1] % lanes:
        return f"takes multiples of {lanes} as widths only, not {weight.shape[-1]}"
    return None


@cache
def load() -> ModuleType | str:
    """The passes; or why there are none, a clause. The first call compiles them."""
    reason = cpu.load()
    return reason if isinstance(reason, str) else import_module("roaf.kernels.cpu_depth_passes")
