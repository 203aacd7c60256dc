"""The gated recurrent unit.

    r, z = sigmoid(W_{r,z} h_{t-1} + U_{r,z} x_t + b_{r,z})
    n    = tanh(U_n x_t + b_n + r (W_n h_{t-1} + c_n))
    h_t  = (1 - z) n + z h_{t-1}

K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
translation", 2014, arXiv 1406.1078. torch's own `nn.GRU`, which lets the reset gate r act after the
recurrent product (as cuDNN does) where the paper lets it act before, with torch's initialisation.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


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
        return self.gru(x)[0]
