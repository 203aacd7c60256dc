"""The gated recurrent unit.

    r, z = sigmoid(W_{r,z} h_{t-1} + U_{r,z} x_t + b_{r,z})
    n    = tanh(U_n x_t + b_n + r (W_n h_{t-1} + c_n))
    h_t  = (1 - z) n + z h_{t-1}

K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
translation", 2014, arXiv 1406.1078. torch's own `nn.GRU`, which lets the reset gate r act after the
recurrent product (as cuDNN does) where the paper lets it act before, with torch's initialisation.
On a CPU the same equations run in a loop with a backward written out, which is faster than torch's
there; elsewhere torch's kernel runs.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from baselines.costs import Costs


class GRU(nn.Module):
    """`nn.GRU` as a recurrent body; the state is h."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        weight_hh = self.gru.all_weights[0][1]
        return weight_hh.new_zeros(batch, self.gru.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; h is both the output and the next state."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.gru.all_weights[0]
        drive = functional.linear(x_t, weight_ih, bias_ih)
        recurrent = functional.linear(state, weight_hh, bias_hh)
        drive_r, drive_z, drive_n = drive.chunk(3, dim=-1)
        recurrent_r, recurrent_z, recurrent_n = recurrent.chunk(3, dim=-1)
        r = torch.sigmoid(drive_r + recurrent_r)
        z = torch.sigmoid(drive_z + recurrent_z)
        n = torch.tanh(drive_n + r * recurrent_n)
        h = (1 - z) * n + z * state
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        if x.device.type != "cpu":
            return self.gru(x)[0]
        weight_ih, weight_hh, bias_ih, bias_hh = self.gru.all_weights[0]
        drive = functional.linear(x.transpose(0, 1), weight_ih, bias_ih)
        state = self.initial_state(len(x))
        return _Recurrence.apply(drive, state, weight_hh, bias_hh).transpose(0, 1)  # type: ignore


class _Recurrence(Function):
    """h at every step, (time, batch, hidden), from the input's part of the three gates.

    Backward, with d = dL/dh_t, all but d is known beforehand for every step at once:

        dL/d(W_r h) = d (1 - z) (1 - n^2) (W_n h + c_n) r (1 - r)
        dL/d(W_z h) = d (h_{t-1} - n) z (1 - z)
        dL/d(W_n h) = d (1 - z) (1 - n^2) r
        dL/dh_{t-1} = d z + [those three] W
    """

    @staticmethod
    def forward(ctx: Any, drive, state, weight, bias):
        time, batch, hidden = *drive.shape[:2], state.shape[1]
        gates = drive.clone(memory_format=torch.contiguous_format)
        recurrent, states = torch.empty_like(gates), drive.new_empty(time + 1, batch, hidden)
        states[0], transposed = state, weight.T.contiguous()
        parts = (gates[..., : 2 * hidden], recurrent[..., : 2 * hidden])
        r, z, n = gates.chunk(3, dim=-1)
        views = (recurrent, *parts, r, z, n, recurrent[..., 2 * hidden :], states[1:])
        previous = states[0]
        for product, rz, added, r_t, z_t, n_t, memory, following in zip(
            *(view.unbind(0) for view in views), strict=True
        ):
            torch.addmm(bias, previous, transposed, out=product)
            rz.add_(added).sigmoid_()
            n_t.addcmul_(r_t, memory).tanh_()
            torch.lerp(n_t, previous, z_t, out=following)
            previous = following
        ctx.save_for_backward(gates, recurrent, states, weight)
        return states[1:]

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        if torch.is_grad_enabled():  # create_graph
            raise RuntimeError("this loop has no second derivative")
        gates, recurrent, states, weight = ctx.saved_tensors
        r, z, n = gates.chunk(3, dim=-1)
        memory = recurrent.chunk(3, dim=-1)[2]
        through_n = (1 - z) * (1 - n * n)
        slopes = torch.stack(
            [through_n * memory * r * (1 - r), (states[:-1] - n) * z * (1 - z), through_n * r],
            dim=2,
        )
        deltas = grad_outputs[0].clone(memory_format=torch.contiguous_format)
        before = torch.zeros_like(deltas[:1])
        views = ((*before.unbind(0), *deltas[:-1].unbind(0)), deltas, slopes, z)
        for target, delta, slope, z_t in reversed(list(zip(*views, strict=True))):
            slope.mul_(delta.unsqueeze(1))
            target.addmm_(slope.flatten(1), weight).addcmul_(delta, z_t)
        pulls = slopes.flatten(2)
        d_drive = torch.cat([pulls[..., : 2 * n.shape[-1]], deltas * through_n], dim=-1)
        d_weight = pulls.flatten(0, 1).T @ states[:-1].flatten(0, 1)
        return d_drive, before[0], d_weight, pulls.sum((0, 1))


def costs(input_size: int, hidden_size: int) -> Costs:
    """Of one step; torch adds two biases."""
    weights = 3 * hidden_size * (input_size + hidden_size)
    return Costs(parameters=weights + 6 * hidden_size, state_size=hidden_size, flops=2 * weights)
