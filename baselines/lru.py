"""The linear recurrent unit: a diagonal complex recurrence inside a gated residual block.

    h_t = lambda h_{t-1} + exp(gamma) B LayerNorm(x_t),    lambda = exp(-exp(nu) + i exp(theta))
    y_t = Re(C h_t) + D LayerNorm(x_t)
    out = x_t + W_1 gelu(y_t) * sigmoid(W_2 gelu(y_t))

A. Orvieto et al., "Resurrecting recurrent neural networks for long sequences", 2023, arXiv
2303.06349. A linear encoder lifts the input to `hidden_size`; the paper's block (norm, recurrence,
gated linear unit, skip) follows `num_layers` times. The paper stacks 6; the default here is 1, for
comparison with recurrent networks of one layer. Its normalisation is over the batch where the
sequences of a batch may meet, over the layer here.

Initialisation: |lambda|^2 ~ U(min_radius^2, max_radius^2), the angle ~ U(0, max_angle),
gamma = log sqrt(1 - |lambda|^2), B ~ N(0, 1 / 2 hidden_size), C ~ N(0, 1 / state_size),
D ~ N(0, 1). Long tasks want radii in [0.9, 0.999]. Train nu, theta, gamma and B at half the
learning rate and without weight decay.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.scan import linear_scan
from baselines.stack import Stack

NONZERO = 1e-6
"""Keeps radii off 0 and 1, where nu and gamma are infinite."""


class LRU(Stack):
    """Blocks on a linear encoder; the state of each is Re h and Im h, the output `hidden_size`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        state_size: int | None = None,
        min_radius: float = 0.0,
        max_radius: float = 1.0,
        max_angle: float = 2 * math.pi,
    ):
        size = hidden_size if state_size is None else state_size
        ring = (min_radius, max_radius, max_angle)
        blocks = [LRUBlock(hidden_size, size, *ring) for _ in range(num_layers)]
        super().__init__(nn.Linear(input_size, hidden_size), blocks, nn.Identity())


class LRUBlock(nn.Module):
    """The equations above; a missing `state_size` is `hidden_size`."""

    def __init__(
        self, width: int, state_size: int, min_radius: float, max_radius: float, max_angle: float
    ):
        super().__init__()
        if not 0 <= min_radius < max_radius <= 1:
            raise ValueError(
                f"radii must be 0 <= min < max <= 1, got min_radius {min_radius} and "
                f"max_radius {max_radius}"
            )
        uniform = torch.empty(2, state_size).uniform_(NONZERO, 1 - NONZERO)
        radius = torch.sqrt(min_radius**2 + uniform[0] * (max_radius**2 - min_radius**2))
        self.log_rate = nn.Parameter(torch.log(-torch.log(radius)))
        self.log_angle = nn.Parameter(torch.log(max_angle * uniform[1]))
        self.log_scale = nn.Parameter(0.5 * torch.log(1 - radius**2))
        self.drive = nn.Parameter(torch.randn(2, state_size, width) / math.sqrt(2 * width))
        self.readout = nn.Parameter(torch.randn(2, width, state_size) / math.sqrt(state_size))
        self.skip = nn.Parameter(torch.randn(width))
        self.norm, self.gate = nn.LayerNorm(width), nn.Linear(width, 2 * width)

    def eigenvalues(self) -> Complex[Tensor, " state_size"]:
        """lambda."""
        return torch.polar(torch.exp(-torch.exp(self.log_rate)), torch.exp(self.log_angle))

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros: Re h in the first half, Im h in the second."""
        return self.skip.new_zeros(batch, 2 * len(self.log_rate))

    def step(
        self, x_t: Float[Tensor, "batch width"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above."""
        z = self.norm(x_t)
        h = self.eigenvalues() * torch.complex(*state.chunk(2, dim=-1)) + self._driven(z)
        return x_t + self._read(h, z), torch.cat([h.real, h.imag], dim=-1)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        """The output at every time step, by a parallel scan."""
        z = self.norm(x)
        drive, factor = self._driven(z), self.eigenvalues()
        first = torch.zeros_like(drive[:, 0])
        h = linear_scan(factor.expand(1, x.shape[1], -1), drive, first)
        return x + self._read(h, z)

    def _driven(self, z: Float[Tensor, "*batch width"]) -> Complex[Tensor, "*batch state_size"]:
        scaled = self.drive * torch.exp(self.log_scale).unsqueeze(-1)
        return torch.complex(*functional.linear(z, scaled.flatten(0, 1)).chunk(2, dim=-1))

    def _read(
        self, h: Complex[Tensor, "*batch state_size"], z: Float[Tensor, "*batch width"]
    ) -> Float[Tensor, "*batch width"]:
        real, imaginary = self.readout
        parts = torch.cat([h.real, h.imag], dim=-1)
        y = functional.linear(parts, torch.cat([real, -imaginary], dim=-1)) + self.skip * z
        return functional.glu(self.gate(functional.gelu(y, approximate="tanh")), dim=-1)


def costs(
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    state_size: int | None = None,
    min_radius: float = 0.0,
    max_radius: float = 1.0,
    max_angle: float = 2 * math.pi,
) -> Costs:
    """Of a body with these arguments; the ring changes nothing."""
    n, width = hidden_size if state_size is None else state_size, hidden_size
    block = 3 * n + 4 * n * width + width + 2 * width + 2 * width * (width + 1)
    return Costs(
        parameters=(input_size + 1) * width + num_layers * block,
        state_size=num_layers * 2 * n,
        flops=2 * input_size * width + num_layers * (8 * n * width + 4 * width**2),
    )
