"""A stack of layers on a CPU by the compiled programs of the recurrence, a segment at a time.

    x_{l+1} = alpha * O x_l + beta * phi(W_l x_l + b_l)

is a step of the recurrence whose weight is another at each step and whose drive is b_l, the same
for all rows; and so is its way back. What is kept, and the gradients of the weights, are those of
`roaf.kernels.depth`. Narrow stacks gain the most: there a layer's arithmetic takes less time than
to call it.
"""

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import torch

from roaf.kernels import cpu, depth
from roaf.kernels.layers import State
from roaf.kernels.problem import StackProblem

PHI = cpu.PHI[:2]
WIDEST = 64


@torch.compiler.disable
def compose(*stack: Any, **ways: Any) -> State:
    """`depth.compose` by the compiled passes.

    Where numba is not there or cannot compile, it is that alone, and there is one UserWarning.
    """
    if isinstance(passes := load(), str):
        cpu.warn(passes)
        passes = depth
    return depth.compose(*stack, **ways, passes=passes.PASSES)  # type: ignore


def refuses(problem: StackProblem) -> str | None:
    """Why it cannot compute the stack, to follow "backend 'cpu'"; None if it can."""
    if problem.phi not in PHI:
        return "computes stacks of tanh and relu only"
    if not problem.mixes_by_numbers:
        return "takes one number for alpha and one for beta only"
    if not problem.shared_filter:
        return "takes one filter for all layers only"
    lanes = 1 if isinstance(passes := load(), str) else passes.LANES
    if problem.hidden % lanes:
        return f"takes multiples of {lanes} as widths only, not {problem.hidden}"
    return cpu.refuses(problem)


def pays(problem: StackProblem) -> bool:
    """Whether it is there and was faster than "fused" at such a width.

    Measured, forward and backward, on a thread: 4.4 times as fast at 16 units and a batch of 32,
    2.7 times at 32, 1.3 times at 64 and a batch of 128, no faster from 128 on.
    """
    return problem.hidden <= WIDEST and not isinstance(load(), str)


@cache
def load() -> ModuleType | str:
    """The passes; or why there are none, a clause. The first call compiles them."""
    reason = cpu.load()
    return reason if isinstance(reason, str) else import_module("roaf.kernels.cpu_depth_passes")
