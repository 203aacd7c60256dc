"""The long expressive memory: two slow states, each with time steps that the input decides.

    d_z, d_y = dt sigmoid(W_{1,2} y_{t-1} + V_{1,2} x_t + b_{1,2})
    z_t = (1 - d_z) z_{t-1} + d_z tanh(W_z y_{t-1} + V_z x_t + b_z)
    y_t = (1 - d_y) y_{t-1} + d_y tanh(W_y z_t + V_y x_t + b_y)

T. K. Rusch, S. Mishra, N. B. Erichson, M. W. Mahoney, "Long expressive memory for sequence
modeling", 2022, arXiv 2110.04744. y reads the new z_t, where a published port reads z_{t-1}, which
is another model. For dt <= 1 both states are weighted means, so they stay between -1 and 1.

dt is tuned for each task; the default is the authors' for psMNIST. Every weight and bias starts
U(-1/sqrt(H), 1/sqrt(H)); their code has two biases a gate where the paper, and this, has one.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class LEM(nn.Module):
    """Steps of at most `time_step`; the state is y and z, the output y."""

    def __init__(self, input_size: int, hidden_size: int, time_step: float = 0.31):
        super().__init__()
        if not 0.0 < time_step <= 1.0:
            raise ValueError(f"time_step must lie above 0 and not above 1, got {time_step}")
        self.hidden_size, self.time_step = hidden_size, time_step
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.weight_zy = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros: y in the first half, z in the second."""
        return self.bias.new_zeros(batch, 2 * self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; the rows of the weights are d_z, d_y, z and y."""
        y, z = state.chunk(2, dim=-1)
        drive_dz, drive_dy, drive_z, drive_y = functional.linear(
            x_t, self.weight_ih, self.bias
        ).chunk(4, dim=-1)
        from_dz, from_dy, from_z = functional.linear(y, self.weight_hh).chunk(3, dim=-1)
        d_z = self.time_step * torch.sigmoid(drive_dz + from_dz)
        d_y = self.time_step * torch.sigmoid(drive_dy + from_dy)
        z = (1 - d_z) * z + d_z * torch.tanh(drive_z + from_z)
        y = (1 - d_y) * y + d_y * torch.tanh(functional.linear(z, self.weight_zy) + drive_y)
        return y, torch.cat([y, z], dim=-1)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """y at every time step."""
        recurrence, across, size = self.weight_hh.T, self.weight_zy.T, self.hidden_size
        drives = functional.linear(x.transpose(0, 1), self.weight_ih, self.bias)
        from_x, to_y = drives.split([3 * size, size], dim=-1)
        (y, z), outputs = self.initial_state(len(x)).chunk(2, dim=-1), []
        for drive, drive_y in zip(from_x.unbind(0), to_y.unbind(0), strict=True):
            gates, candidate = torch.addmm(drive, y, recurrence).split([2 * size, size], dim=-1)
            d_z, d_y = (self.time_step * gates.sigmoid()).chunk(2, dim=-1)
            z = torch.lerp(z, candidate.tanh(), d_z)
            y = torch.lerp(y, torch.addmm(drive_y, z, across).tanh(), d_y)
            outputs.append(y)
        return torch.stack(outputs, dim=1)


def costs(input_size: int, hidden_size: int, time_step: float = 0.31) -> Costs:
    """Of one step; only the sizes matter."""
    weights = 4 * hidden_size * (input_size + hidden_size)
    return Costs(
        parameters=weights + 4 * hidden_size, state_size=2 * hidden_size, flops=2 * weights
    )
