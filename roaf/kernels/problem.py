"""What a backend is asked to compute, as a value it can be chosen by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from roaf.forms import Form
from roaf.mixing import Value
from roaf.nonlinearity import Nonlinearity

Kernel = Callable[..., Tensor]


@dataclass(frozen=True)
class Problem:
    """The sizes, the device and the settings of one pass over a sequence."""

    time: int
    batch: int
    hidden: int
    device: torch.device
    dtype: torch.dtype
    form: Form
    alpha: Value
    beta: Value
    phi: Nonlinearity

    @classmethod
    def of(cls, time: int, batch: int, form: Form, weight: Tensor, *settings: Any) -> "Problem":
        """That of a layer, whose `settings` are alpha, beta, phi and the bias of phi."""
        where = weight.device, weight.dtype
        return cls(time, batch, len(weight), *where, form, *settings[:3])

    @property
    def mixes_by_numbers(self) -> bool:
        """Whether alpha and beta are one number each."""
        return not isinstance(self.alpha, Tensor) and not isinstance(self.beta, Tensor)


@dataclass(frozen=True)
class StackProblem(Problem):
    """The same of a pass through a stack of layers, which are its `time`; `form` is the first's."""

    shared_filter: bool


def stack_problem(x: Tensor, forms: Sequence[Form], weight: Tensor, *settings: Any) -> StackProblem:
    """That of a stack, whose `settings` are the offset, alpha, beta, phi and the bias of phi."""
    shared = all(form is forms[0] for form in forms)
    alpha, beta, phi = settings[1:4]
    sizes = len(weight), len(x), weight.shape[-1], weight.device, weight.dtype
    return StackProblem(*sizes, forms[0], alpha, beta, phi, shared)


@dataclass(frozen=True)
class Backend:
    """One way to compute a model: the kernel, what it cannot do, and where it is best.

    `refuses` gives the clause that follows "backend 'its name' ", or None where it can compute the
    problem; `pays` is asked where it can, by "auto". The filter is given in `filter_dtype`, or else
    in the dtype of the state.
    """

    kernel: Kernel
    refuses: Callable[[Any], str | None]
    pays: Callable[[Any], bool]
    filter_dtype: torch.dtype | None = None


def choose(backends: Mapping[str, Backend], wanted: str, problem: Problem) -> str:
    """The name of the backend for this problem: the one wanted, or for "auto" the first that pays.

    One that cannot compute the problem raises ValueError with its reason.
    """
    if wanted == "auto":
        able = (name for name, b in backends.items() if b.refuses(problem) is None)
        return next(name for name in able if backends[name].pays(problem))
    if reason := backends[wanted].refuses(problem):
        raise ValueError(f"backend {wanted!r} {reason}; allowed: auto, or another backend")
    return wanted
