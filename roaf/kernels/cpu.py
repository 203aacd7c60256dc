"""The recurrence on a CPU as one compiled program each way, without a step of Python: numba.

    h_t = alpha * O h_{t-1} + beta * phi(W h_{t-1} + drive_t)

Each thread takes some rows of the batch through all of time, with W, and a dense O, in its cache;
rotations and permutations cost O(hidden). Rows are filled with zeros to whole vectors: as
phi(0) = 0, what was filled in stays zero. The programs are in `roaf.kernels.cpu_programs`, what
calls them in `cpu_passes`; both are imported at the first use, as they need numba. Compiling takes
some seconds once, and is kept on disk where there is a folder for it.
"""

import warnings
from dataclasses import replace
from functools import cache
from importlib import import_module
from types import ModuleType

import torch
from jaxtyping import Float
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack

from roaf.forms import Dense, Form, Gather
from roaf.kernels import fused
from roaf.kernels.problem import Problem
from roaf.mixing import Value
from roaf.nonlinearity import NONLINEARITIES, Nonlinearity

LARGEST = 1024
PHI = tuple(NONLINEARITIES[name] for name in ("tanh", "relu", "modrelu"))


@torch.compiler.disable
def recur(
    drive: Float[Tensor, "time batch hidden"],
    state: Float[Tensor, "batch hidden"],
    form: Form,
    weight: Float[Tensor, "hidden hidden"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "hidden"],
) -> Float[Tensor, "time batch hidden"]:
    """Equal to `reference.recur`; what `refuses` names raises ValueError.

    The filter may be in double precision: rotations and weighted permutations are then applied to
    more digits than float32 has, which ten thousand steps show. Where numba is not there or cannot
    compile, this is `fused.recur`, and there is one UserWarning.
    """
    time, batch, hidden = drive.shape
    problem = Problem(time, batch, hidden, drive.device, drive.dtype, form, alpha, beta, phi)
    if reason := refuses(problem):
        raise ValueError(f"backend 'cpu' {reason}")
    passes = load()
    if isinstance(passes, str):
        warn(passes)
        settings = (rounded(form), weight, alpha, beta, phi)
        return fused.recur(drive, state, *settings, *bias)  # type: ignore
    given = (drive, state, weight, alpha, beta, *bias)
    needed = any(isinstance(value, Tensor) and value.requires_grad for value in given)
    keep = needed and torch.is_grad_enabled()
    settings = (alpha, beta, form, (PHI.index(phi), phi), keep)
    return passes.Recurrence.apply(drive, state, weight, *settings, *bias)


def rounded(form: Form) -> Form:
    """The filter in float32."""
    if isinstance(form, Gather):
        return Gather(tuple(replace(term, weight=term.weight.float()) for term in form.terms))
    matrix = form.dense().float()
    return Dense(matrix, matrix.T)


def refuses(problem: Problem) -> str | None:
    """Why it cannot compute the problem, to follow "backend 'cpu'"; None if it can."""
    if problem.device.type != "cpu":
        return f"computes on the CPU only, not on {problem.device.type}"
    if problem.dtype != torch.float32:
        return f"computes float32 only, not {problem.dtype}"
    if problem.phi not in PHI:
        return "computes tanh, relu and modrelu only, no nonlinearity of your own"
    if peek_interpreter_stack() is not None:
        return "reads the memory of plain tensors, not of those of torch.func and torch.vmap"
    return None


def pays(problem: Problem) -> bool:
    """Whether it is there and was faster than "fused" at such sizes.

    Measured, forward and backward: 1.05 to 1.85 times as fast at 64 to 1,024 units with a batch of
    1 to 128 on a thread, slower at 2,048 with a batch of 1. On two threads, of which a batch of 1
    leaves one idle here and not there, 1.2 to 1.7 times at 512 and 1,024 units on one processor,
    and on another 0.85 to 0.9, but over 10,000 steps 17 times.
    """
    return problem.hidden <= LARGEST and not isinstance(load(), str)


@cache
def load() -> ModuleType | str:
    """The passes; or why there are none, a clause. The first call compiles them."""
    try:
        return import_module("roaf.kernels.cpu_passes")
    except ImportError as error:
        return f"needs numba ({error})"
    except Exception as error:  # whatever a compiler on a machine unknown to us may raise
        return f"could not be compiled ({type(error).__name__}: {error})"


@cache
def warn(reason: str) -> None:
    """A UserWarning, once a process."""
    warnings.warn(f"backend 'cpu' {reason}; 'fused' takes its place", stacklevel=3)
