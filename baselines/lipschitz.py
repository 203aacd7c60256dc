"""The recurrent network that integrates a linear and a Lipschitz nonlinear part side by side.

    h_t = h_{t-1} + epsilon (A h_{t-1} + tanh(W h_{t-1} + U x_t + b))
    A   = (1 - beta) (M + M^T) + beta (M - M^T) - gamma I,    W likewise from its own M

N. B. Erichson, O. Azencot, A. Queiruga, L. Hodgkinson, M. W. Mahoney, "Lipschitz recurrent neural
networks", 2021, arXiv 2006.12070. beta sets how skew both matrices are, gamma moves their spectra
to the left; the dynamics are globally stable while the symmetric part of A is negative definite
and its smallest modulus exceeds the norm of W. Euler's method, one evaluation a step.

Defaults are the authors' for MNIST: beta 0.75, gamma 0.001, epsilon 0.03 and M ~ N(0, (0.1/H)^2),
a deviation that falls with H and not with its root; U and b are torch's U(-1/sqrt(I), 1/sqrt(I)).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class LipschitzRNN(nn.Module):
    """Euler steps of size `epsilon`; the state is h."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        epsilon: float = 0.03,
        beta: float = 0.75,
        gamma: float = 0.001,
        deviation: float = 0.1,
    ):
        super().__init__()
        if not 0.0 <= beta <= 1.0:
            raise ValueError(f"beta must lie between 0 and 1, got {beta}")
        self.hidden_size, self.epsilon = hidden_size, epsilon
        self.beta, self.gamma = beta, gamma
        scale = deviation / hidden_size
        self.weight_linear = nn.Parameter(scale * torch.randn(hidden_size, hidden_size))
        self.weight_hh = nn.Parameter(scale * torch.randn(hidden_size, hidden_size))
        self.input = nn.Linear(input_size, hidden_size)

    def matrices(self) -> tuple[Float[Tensor, "hidden hidden"], Float[Tensor, "hidden hidden"]]:
        """A and W."""
        return self._shifted(self.weight_linear), self._shifted(self.weight_hh)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.weight_hh.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        a, w = self.matrices()
        push = torch.tanh(functional.linear(state, w) + self.input(x_t))
        h = state + self.epsilon * (functional.linear(state, a) + push)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; both products with h are one."""
        a, w = self.matrices()
        kept = torch.eye(self.hidden_size, dtype=a.dtype, device=a.device) + self.epsilon * a
        both = torch.cat([w, kept]).T
        h, outputs = self.initial_state(len(x)), []
        for drive in self.input(x.transpose(0, 1)).unbind(0):
            recurrent, moved = (h @ both).chunk(2, dim=-1)
            h = torch.add(moved, torch.tanh(recurrent + drive), alpha=self.epsilon)
            outputs.append(h)
        return torch.stack(outputs, dim=1)

    def _shifted(self, m: Float[Tensor, "hidden hidden"]) -> Float[Tensor, "hidden hidden"]:
        """(1 - beta) (M + M^T) + beta (M - M^T) - gamma I, in which M stays whole."""
        diffusion = torch.full_like(m[0], self.gamma).diag()
        return m + (1 - 2 * self.beta) * m.T - diffusion


def costs(
    input_size: int,
    hidden_size: int,
    epsilon: float = 0.03,
    beta: float = 0.75,
    gamma: float = 0.001,
    deviation: float = 0.1,
) -> Costs:
    """Of one step; only the sizes matter."""
    weights = hidden_size * (input_size + 2 * hidden_size)
    return Costs(parameters=weights + hidden_size, state_size=hidden_size, flops=2 * weights)
