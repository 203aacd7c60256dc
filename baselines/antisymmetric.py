"""The recurrent network that integrates an ordinary differential equation of critical stability.

    h_t = h_{t-1} + epsilon tanh((M - M^T - gamma I) h_{t-1} + V x_t + b)

B. Chang, M. Chen, E. Haber, E. H. Chi, "AntisymmetricRNN: a dynamical system view on recurrent
neural networks", 2019, arXiv 1902.09689. The eigenvalues of M - M^T are imaginary; gamma moves
them to real part -gamma against the drift of Euler's method. M is strictly upper triangular, the
H (H - 1) / 2 free numbers of an antisymmetric matrix.

Initialisation of the paper: V ~ N(0, 1/input_size), M ~ N(0, sigma^2/H), b = 0. It searches
sigma in {0, 1, 2, 4, 8, 16} and epsilon in {0.01, 0.1, 1}; the defaults here are our choice.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


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
