"""The recurrent network that integrates an ordinary differential equation of critical stability.

    h_t = h_{t-1} + epsilon tanh((M - M^T - gamma I) h_{t-1} + V x_t + b)

and with a gate, which reads the same matrix,

    z_t = sigmoid((M - M^T - gamma I) h_{t-1} + V_z x_t + b_z)
    h_t = h_{t-1} + epsilon z_t tanh((M - M^T - gamma I) h_{t-1} + V x_t + b)

B. Chang, M. Chen, E. Haber, E. H. Chi, "AntisymmetricRNN: a dynamical system view on recurrent
neural networks", 2019, arXiv 1902.09689. The eigenvalues of M - M^T are imaginary; gamma moves
them to real part -gamma against the drift of Euler's method. M is strictly upper triangular, the
H (H - 1) / 2 free numbers of an antisymmetric matrix.

Initialisation of the paper: V, V_z ~ N(0, 1/input_size), M ~ N(0, sigma^2/H), b = 0. It searches
sigma in {0, 1, 2, 4, 8, 16} and epsilon in {0.01, 0.1, 1}; the defaults here are our choice.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class AntisymmetricRNN(nn.Module):
    """Euler steps of size `epsilon` with diffusion `gamma`; the state is h."""

    upper: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        epsilon: float = 0.01,
        gamma: float = 0.01,
        deviation: float = 1.0,
    ):
        super().__init__()
        self.hidden_size, self.epsilon, self.gamma = hidden_size, epsilon, gamma
        self.register_buffer("upper", torch.triu_indices(hidden_size, hidden_size, offset=1))
        recurrent, drive = torch.randn(self.upper.shape[1]), torch.randn(hidden_size, input_size)
        self.weight_hh = nn.Parameter(recurrent * deviation / math.sqrt(hidden_size))
        self.weight_ih = nn.Parameter(drive / math.sqrt(input_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))

    def transition_matrix(self) -> Float[Tensor, "hidden hidden"]:
        """M - M^T - gamma I."""
        row, column = self.upper
        m = self.weight_hh.new_zeros(self.hidden_size, self.hidden_size)
        m = m.index_put((row, column), self.weight_hh)
        diffusion = torch.full_like(self.bias, self.gamma).diag()
        return m - m.T - diffusion

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        drive = functional.linear(x_t, self.weight_ih, self.bias)
        recurrent = functional.linear(state, self.transition_matrix())
        h = state + self.epsilon * torch.tanh(recurrent + drive)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        recurrence = self.transition_matrix().T
        h, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih, self.bias).unbind(0):
            h = torch.add(h, torch.addmm(drive, h, recurrence).tanh(), alpha=self.epsilon)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class GatedAntisymmetricRNN(AntisymmetricRNN):
    """Euler steps of at most `epsilon`, each shortened by a gate that shares M; the state is h."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        epsilon: float = 0.01,
        gamma: float = 0.01,
        deviation: float = 1.0,
    ):
        super().__init__(input_size, hidden_size, epsilon, gamma, deviation)
        drive = torch.randn(hidden_size, input_size)
        self.weight_gate = nn.Parameter(drive / math.sqrt(input_size))
        self.bias_gate = nn.Parameter(torch.zeros(hidden_size))

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The gated equations above; h is both the output and the next state."""
        recurrent = functional.linear(state, self.transition_matrix())
        push = torch.tanh(recurrent + functional.linear(x_t, self.weight_ih, self.bias))
        gate = torch.sigmoid(recurrent + functional.linear(x_t, self.weight_gate, self.bias_gate))
        h = state + self.epsilon * gate * push
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        recurrence, steps = self.transition_matrix().T, x.transpose(0, 1)
        pushes = functional.linear(steps, self.weight_ih, self.bias).unbind(0)
        gates = functional.linear(steps, self.weight_gate, self.bias_gate).unbind(0)
        h, outputs = self.initial_state(len(x)), []
        for push, gate in zip(pushes, gates, strict=True):
            recurrent = h @ recurrence
            shortened = (recurrent + gate).sigmoid()
            h = torch.addcmul(h, shortened, (recurrent + push).tanh(), value=self.epsilon)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


def costs(
    input_size: int,
    hidden_size: int,
    epsilon: float = 0.01,
    gamma: float = 0.01,
    deviation: float = 1.0,
) -> Costs:
    """Of one step without the gate; only the sizes matter."""
    free = hidden_size * (hidden_size - 1) // 2
    inputs = hidden_size * input_size
    flops = 2 * (inputs + hidden_size**2)
    return Costs(parameters=free + inputs + hidden_size, state_size=hidden_size, flops=flops)


def gated_costs(
    input_size: int,
    hidden_size: int,
    epsilon: float = 0.01,
    gamma: float = 0.01,
    deviation: float = 1.0,
) -> Costs:
    """Of one step with the gate: an input map and a bias more."""
    plain, inputs = costs(input_size, hidden_size), hidden_size * input_size
    return Costs(
        parameters=plain.parameters + inputs + hidden_size,
        state_size=hidden_size,
        flops=plain.flops + 2 * inputs,
    )
