"""The echo state network at the edge of stability: a reservoir and an orthogonal map, mixed.

    h_t = (1 - beta) O h_{t-1} + beta tanh(W h_{t-1} + U x_t + b),    all fixed, O orthogonal

A. Ceni, C. Gallicchio, "Edge of stability echo state networks", 2023, arXiv 2308.02902: ROAF's
recurrence, untrained. The singular values of its Jacobian lie between
1 - beta - beta |W| and 1 - beta + beta |W|, and so do the moduli of the eigenvalues.

O is the orthogonal factor of a matrix of uniform entries, W, U and b are those of the echo state
network. Spectral radius, input scaling and beta are tuned for each task; beta = 0.1 is our choice.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from baselines.costs import Costs
from baselines.esn import ESN


class ES2N(ESN):
    """`beta` weighs the reservoir, 1 - beta the orthogonal map; a body without parameters."""

    orthogonal: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        beta: float = 0.1,
        spectral_radius: float = 0.99,
        input_scaling: float = 1.0,
    ):
        super().__init__(input_size, hidden_size, spectral_radius, input_scaling)
        if not 0.0 < beta <= 1.0:
            raise ValueError(f"beta must lie above 0 and not above 1, got {beta}")
        self.beta = beta
        matrix = torch.empty(hidden_size, hidden_size, dtype=torch.float64).uniform_(-1.0, 1.0)
        orthogonal, _ = torch.linalg.qr(matrix)
        self.register_buffer("orthogonal", orthogonal.to(self.bias))

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        kept = functional.linear(state, self.orthogonal)
        candidate, _ = super().step(x_t, state)
        h = (1 - self.beta) * kept + self.beta * candidate
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; both products with h are one."""
        both = torch.cat([self.weight_hh, (1 - self.beta) * self.orthogonal]).T
        h, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih, self.bias).unbind(0):
            recurrent, kept = (h @ both).chunk(2, dim=-1)
            h = torch.add(kept, torch.tanh(recurrent + drive), alpha=self.beta)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


def costs(
    input_size: int,
    hidden_size: int,
    beta: float = 0.1,
    spectral_radius: float = 0.99,
    input_scaling: float = 1.0,
) -> Costs:
    """Of one step; nothing in the body is trained."""
    flops = 2 * hidden_size * (input_size + 2 * hidden_size)
    return Costs(parameters=0, state_size=hidden_size, flops=flops)
