"""Forward and backward of the recurrence by the programs of `roaf.kernels.cpu_programs`.

Each thread has some rows of the batch. What the programs do not know is one product over all steps:

    dL/dW = sum_t g_t h_{t-1}^T,   dL/dalpha = sum_t d_t * O h_{t-1},   dL/dbeta = sum_t d_t * s_t

Importing this file needs numba.
"""

from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from roaf.forms import Form
from roaf.kernels.block_pool import room
from roaf.kernels.cpu import rounded
from roaf.kernels.cpu_layout import (
    filled,
    filled_size,
    in_panels,
    layout,
    steps,
    units_of,
    write_filled,
)
from roaf.kernels.cpu_programs import Steps, ascend, descend
from roaf.kernels.fused import refuse_a_graph
from roaf.mixing import Value

PRODUCTS = 2**22  # of two numbers, which take about twice as long as to start a thread

Rows = Float[Tensor, "time batch hidden"]


class Recurrence(Function):
    """`reference.recur` of float32 on a CPU; `phi` is its place in `cpu.PHI` and itself."""

    @staticmethod
    def forward(ctx: Any, drive, state, weight, alpha, beta, form, phi, keep, *bias):
        states, values = go_up(drive, state, weight, alpha, beta, form, phi[0], keep, bias)
        if keep:
            ctx.save_for_backward(states, values, weight, *bias)
            ctx.settings = (alpha, beta, form, phi)
        # no view for autograd, so that a user may write to it; backward then raises, as tanh's does
        return states[1:, :, : drive.shape[-1]].detach()

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        refuse_a_graph()
        states, values, weight, *bias = ctx.saved_tensors
        alpha, beta, form, phi = ctx.settings
        needed, hidden = ctx.needs_input_grad, len(weight)
        pulls, deltas, first = go_down(
            grad_outputs[0], values, weight, alpha, beta, form, phi[0], any(needed[3:5])
        )
        before, values = states[:-1], values[..., :hidden]
        d_weight = (pulls.flatten(0, 1).T @ before.flatten(0, 1))[:hidden, :hidden]
        pulls, d_alpha, d_beta = pulls[..., :hidden], None, None
        if needed[3]:
            d_alpha = (deltas * rounded(form).times(before[..., :hidden])).sum((0, 1))
        if needed[4]:
            d_beta = (deltas * values).sum((0, 1))
        d_bias = [(pulls * phi[1].slope_of_bias(values)).sum((0, 1)) for _ in bias]
        return pulls, first, d_weight, d_alpha, d_beta, None, None, None, *d_bias


def go_up(
    drive: Rows, state: Tensor, weight: Tensor, alpha: Value, beta: Value, form: Form, phi: int,
    keep: bool, bias: Sequence[Tensor],
) -> tuple[Float[Tensor, "later batch filled"], Float[Tensor, "time batch filled"]]:  # fmt: skip
    """Every state from the first, and every value of phi, or none that is of use if not `keep`."""
    time, batch, hidden = drive.shape
    size = filled_size(hidden)
    drive = filled(drive, time, batch, size)
    states = room(time + 1, batch, size)
    write_filled(states[0], state)
    values = room(time, batch, size) if keep else room(1, batch, size).expand(time, -1, -1)
    units, numbers = units_of(beta, bias, size)
    laid_out, w = layout(form, alpha, size), in_panels(weight.T, size)
    settings = phi, units, Steps(w.data_ptr(), 0, 0), laid_out.up
    in_threads(ascend, (time, batch, size), settings, drive, states, values)
    del numbers, laid_out, w  # until here they lie where the addresses say
    return states, values


def go_down(
    above: Rows, values: Float[Tensor, "time batch filled"], weight: Tensor, alpha: Value,
    beta: Value, form: Form, phi: int, collect: bool,
) -> tuple[Float[Tensor, "time batch filled"], Rows, Float[Tensor, "batch hidden"]]:  # fmt: skip
    """g_t; d_t, if that is to be collected; and dL/dh_0."""
    time, batch, size = values.shape
    above = filled(above, time, batch, size)
    pulls = room(time, batch, size)
    carry = torch.zeros(1, batch, size, dtype=torch.float32, device="cpu")
    deltas = room(time, batch, size) if collect else room(1, batch, size).expand(time, -1, -1)
    units, numbers = units_of(beta, (), size)
    laid_out, w = layout(form, alpha, size), in_panels(weight, size)
    settings = phi, units, Steps(w.data_ptr(), 0, 0), laid_out.down
    in_threads(descend, values.shape, settings, above, values, pulls, deltas, carry)
    del numbers, laid_out, w
    return pulls, deltas[..., : len(weight)], carry[0, :, : len(weight)]


def in_threads(
    program: Callable[..., None], sizes: Sequence[int], settings: tuple[Any, ...], *rows: Tensor
) -> None:
    """Runs it for the rows of the batch, split evenly over as many threads as torch uses.

    Over fewer where that is more work than to start them. New threads each time: they take over how
    the caller treats denormal numbers, and none is left for a forked process to miss.
    """
    time, batch, size = sizes
    places = [steps(tensor) for tensor in rows]
    worth = time * batch * size * size // PRODUCTS
    count = max(1, min(torch.get_num_threads(), batch, worth))
    first, *others = ((batch * part // count, batch * (part + 1) // count) for part in range(count))

    def run(begin: int, end: int) -> None:
        here = (place._replace(address=place.address + begin * place.row) for place in places)
        program((time, end - begin, size), *settings, *here)

    threads = [Thread(target=run, args=part) for part in others]
    for thread in threads:
        thread.start()
    run(*first)
    for thread in threads:
        thread.join()
