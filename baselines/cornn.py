"""The coupled oscillatory recurrent network: damped oscillators of position y and velocity z.

    z_t = z_{t-1} + dt (tanh(W y_{t-1} + Z z_{t-1} + V x_t + b) - gamma y_{t-1} - epsilon z_{t-1})
    y_t = y_{t-1} + dt z_t

T. K. Rusch, S. Mishra, "Coupled oscillatory recurrent neural network (coRNN): an accurate and
(gradient) stable architecture for learning long time dependencies", 2021, arXiv 2010.00951.
Defaults are the authors' for psMNIST; they tune dt, gamma and epsilon for each task.
Every weight and bias starts U(-k, k) with k = 1 / sqrt(input_size + 2 H), as in the authors' code.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class CoRNN(nn.Module):
    """Oscillators in steps of `time_step`; the state is y and z, the output y."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        time_step: float = 0.076,
        gamma: float = 0.4,
        epsilon: float = 8.0,
    ):
        super().__init__()
        self.hidden_size, self.time_step = hidden_size, time_step
        self.gamma, self.epsilon = gamma, epsilon
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_position = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.weight_velocity = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))
        bound = 1 / math.sqrt(input_size + 2 * hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros: y in the first half, z in the second."""
        return self.bias.new_zeros(batch, 2 * self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; the output is y."""
        y, z = state.chunk(2, dim=-1)
        drive = functional.linear(x_t, self.weight_ih, self.bias)
        coupling = functional.linear(y, self.weight_position)
        coupling = coupling + functional.linear(z, self.weight_velocity)
        force = torch.tanh(coupling + drive) - self.gamma * y - self.epsilon * z
        z = z + self.time_step * force
        y = y + self.time_step * z
        return y, torch.cat([y, z], dim=-1)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """y at every time step; the constants are gathered so that a step is seven operations."""
        dt, stiffness, kept = self.time_step, -self.time_step * self.gamma, self._kept_velocity()
        position, velocity = self.weight_position.T, self.weight_velocity.T
        (y, z), outputs = self.initial_state(len(x)).chunk(2, dim=-1), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih, self.bias).unbind(0):
            force = torch.addmm(torch.addmm(drive, y, position), z, velocity).tanh()
            z = torch.add(torch.add(z * kept, y, alpha=stiffness), force, alpha=dt)
            y = torch.add(y, z, alpha=dt)
            outputs.append(y)
        return torch.stack(outputs, dim=1)

    def _kept_velocity(self) -> float:
        """The factor by which damping alone shrinks a velocity in a step."""
        return 1 - self.time_step * self.epsilon


def costs(
    input_size: int,
    hidden_size: int,
    time_step: float = 0.076,
    gamma: float = 0.4,
    epsilon: float = 8.0,
) -> Costs:
    """Of one step; only the sizes matter."""
    weights = hidden_size * (input_size + 2 * hidden_size)
    return Costs(parameters=weights + hidden_size, state_size=2 * hidden_size, flops=2 * weights)
