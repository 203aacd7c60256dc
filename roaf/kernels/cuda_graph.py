"""The recurrence as CUDA graphs: two accumulating products a step, 64 steps a launch.

The steps of `roaf.kernels.fused` take longer to launch than to compute. Here 64 of them are
recorded once, on buffers of their own, and replayed along the sequence; the last ones are filled up
with zeros. The product with O is exact; the one with W follows torch's setting for float32 products
(`torch.set_float32_matmul_precision`).

The graphs and buffers of the last few shapes are kept, one set for each stream: on one stream the
passes follow each other. Only their recording is particular to CUDA; a test runs them on a CPU.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from roaf.forms import Dense, Form
from roaf.kernels import fused
from roaf.kernels.problem import Problem
from roaf.mixing import Value
from roaf.nonlinearity import Nonlinearity
from roaf.precision import exact_products, read_setting

STEPS = 64
KEPT = 8  # shapes

Rows = Float[Tensor, "time batch hidden"]


def recur(
    drive: Rows,
    state: Float[Tensor, "batch hidden"],
    form: Form,
    weight: Float[Tensor, "hidden hidden"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    *bias: Float[Tensor, "hidden"],
) -> Rows:
    """Equal to `reference.recur`."""
    if drive.is_cuda and torch.cuda.is_current_stream_capturing():  # a graph of the user's own
        return fused.recur(drive, state, form, weight, alpha, beta, phi, *bias)  # pyright: ignore
    mixing = (alpha, beta, phi)
    return _Recurrence.apply(drive, state, weight, form, mixing, *bias)  # type: ignore


def refuses(problem: Problem) -> str | None:
    """A mixing by tensors, which a graph would have to be recorded anew for."""
    if problem.mixes_by_numbers and problem.phi.fusible:
        return None
    return (
        f"takes an alpha and a beta that are numbers at {problem.hidden} units and "
        f"{problem.batch} rows, and a phi with in_place and slope_at_value"
    )


@dataclass(frozen=True)
class Key:
    """What a graph is recorded for; `form` only shows how O is applied, its numbers may change."""

    steps: int
    shapes: tuple[torch.Size, ...]
    where: tuple[torch.device, torch.dtype, int]  # the last is the stream
    precision: str
    mixing: tuple[float, float, Nonlinearity]
    biases: int
    form: Form = field(compare=False)


@dataclass(frozen=True)
class Pass:
    """One direction: the buffers that `run` reads and writes, and what is the same at each step."""

    states: Float[Tensor, "after batch hidden"]
    values: Rows
    constants: list[Tensor]
    run: Callable[[], object]

    def fill(self, *constants: Tensor) -> None:
        """Copies them to where the graph reads them."""
        for mine, given in zip(self.constants, constants, strict=True):
            mine.copy_(given)


class _Recurrence(Function):
    @staticmethod
    def forward(ctx: Any, drive, state, weight, form, mixing, *bias):
        keep = any(ctx.needs_input_grad)
        states = drive.new_empty(len(drive) + 1, *state.shape)
        values = torch.empty_like(states[1:]) if keep else None
        states[0] = state
        with torch.cuda.device_of(drive):
            up = ascent(key_of(drive, form, mixing, len(bias)))
            up.fill(weight, *parts(operand(form, mixing[0])), *bias)
            up.states[0] = state
            for steps, size in chunks(len(drive), len(up.values)):
                up.values[:size] = drive[steps]
                up.run()
                states[1:][steps] = up.states[1 : size + 1]
                if values is not None:
                    values[steps] = up.values[:size]
                up.states[0] = up.states[-1]
        ctx.save_for_backward(states, values, weight, *bias)
        ctx.settings = (form, mixing)
        # no view for autograd, so that a user may write to it; backward then raises, as tanh's does
        return states[1:].detach()

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        fused.refuse_a_graph()
        states, values, weight, *bias = ctx.saved_tensors
        form, (alpha, beta, phi) = ctx.settings
        pulls = phi.slope_at_value(values) * beta  # a slope may be `values` itself
        below = torch.zeros_like(states[0])
        with torch.cuda.device_of(values):
            down = descent(key_of(values, form, (alpha, beta, phi), len(bias)))
            down.fill(weight, *parts(operand(form, alpha)))
            for steps, size in reversed(list(chunks(len(values), len(down.values)))):
                down.states.zero_()
                down.values.zero_()
                down.states[1 : size + 1] = grad_outputs[0][steps]
                down.states[size] += below
                down.values[:size] = pulls[steps]
                down.run()
                pulls[steps] = down.values[:size]
                below.copy_(down.states[0])
        d_weight = pulls.flatten(0, 1).T @ states[:-1].flatten(0, 1)
        d_bias = [(pulls * phi.slope_of_bias(values)).sum((0, 1)) for _ in bias]
        return pulls, below, d_weight, None, None, *d_bias


def key_of(drive: Rows, form: Form, mixing: tuple[float, float, Nonlinearity], biases: int) -> Key:
    """The key of this problem on the stream of this moment."""
    kind = drive.device.type
    stream = torch.cuda.current_stream(drive.device).cuda_stream if kind == "cuda" else 0
    # of short sequences a power of two, so that there are few
    steps = min(STEPS, 1 << max(0, len(drive) - 1).bit_length())
    shapes = (drive.shape[1:], *(part.shape for part in parts(form)))
    where = (drive.device, drive.dtype, stream)
    return Key(steps, shapes, where, read_setting(kind), mixing, biases, form)


@lru_cache(KEPT)
def ascent(key: Key) -> Pass:
    """Forwards: `values` hold the drive before and phi after, `states` begin with the first one."""
    (states, values, weight, *bias), form = buffers(key)
    alpha, beta, phi = key.mixing

    def steps() -> None:
        rows = zip(values.unbind(0), states[:-1].unbind(0), states[1:].unbind(0), strict=True)
        for value, previous, following in rows:
            phi.in_place(value.addmm_(previous, weight.T), *bias)  # pyright: ignore
            with exact_products(weight.device):
                if isinstance(form, Dense):
                    form.mix(value, previous, 1.0, beta, following)
                else:
                    turned = form.times(previous)
                    torch.add(turned, turned, alpha=alpha - 1, out=following)
                    following.add_(value, alpha=beta)

    constants = [weight, *parts(form), *bias]
    return Pass(states, values, constants, recorded(steps, weight.device))


@lru_cache(KEPT)
def descent(key: Key) -> Pass:
    """Backwards: `states` hold dL/dy_t, and a zero before them, and become d_t; `values` hold

    beta * phi' and become g_t.
    """
    (states, values, weight, *_), form = buffers(key)
    loss = 1 - key.mixing[0]

    def steps() -> None:
        back = form.turned()  # here, as it may copy numbers, which change
        rows = zip(values.unbind(0), states[:-1].unbind(0), states[1:].unbind(0), strict=True)
        for pull, target, delta in reversed(list(rows)):
            kept = delta if isinstance(form, Dense) else torch.add(delta, delta, alpha=-loss)
            with exact_products(weight.device):
                back.add(target, kept)
            target.addmm_(pull.mul_(delta), weight)

    return Pass(states, values, [weight, *parts(form)], recorded(steps, weight.device))


def buffers(key: Key) -> tuple[list[Tensor], Form]:
    """Zeros for the states, the values, W and the biases of phi; and a copy of O."""
    (batch, hidden), (device, dtype, _) = key.shapes[0], key.where
    rows = [(key.steps + 1, batch, hidden), (key.steps, batch, hidden)]
    shapes = [*rows, (hidden, hidden), *[(hidden,)] * key.biases]
    with torch.inference_mode(False):  # else they could be written to in no other mode
        zeros = [torch.zeros(shape, device=device, dtype=dtype) for shape in shapes]
        return zeros, deepcopy(key.form)


def recorded(steps: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """What replays the steps as one CUDA graph; on a CPU the steps themselves."""
    if device.type != "cuda":
        return steps
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        steps()  # once outside a graph, for what libraries set up at their first call
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # a backward pass is another thread, and what the others do meanwhile is no concern of this one
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        steps()
    return graph.replay


def operand(form: Form, alpha: float) -> Form:
    """alpha * O, rounded as one, if O is a matrix; else O, and each step takes 1 - alpha off.

    Rounded on its own, alpha would be off the same way at every step: 0.9999 by 2e-4 in 10,000.
    """
    if not isinstance(form, Dense):
        return form
    matrix = (alpha * form.matrix.double()).to(form.matrix)
    return Dense(matrix, matrix.T)


def parts(form: Any) -> list[Tensor]:
    """The tensors of a form, in the order of its fields."""
    if isinstance(form, Tensor):
        return [form]
    if form is None:
        return []
    inner = form if isinstance(form, tuple) else [getattr(form, f.name) for f in fields(form)]
    return [part for each in inner for part in parts(each)]


def chunks(steps: int, most: int) -> Iterator[tuple[slice, int]]:
    """The steps of each launch, and how many they are."""
    for first in range(0, steps, most):
        size = min(most, steps - first)
        yield slice(first, first + size), size
