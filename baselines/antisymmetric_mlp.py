"""The deep network that integrates an ordinary differential equation of critical stability.

    x_{l+1} = x_l + h tanh((M_l - M_l^T - gamma I) x_l + b_l),    h = T/L

E. Haber, L. Ruthotto, "Stable architectures for deep neural networks", 2017, arXiv 1705.03341. The
eigenvalues of M - M^T are imaginary, so that the equation neither amplifies nor forgets; gamma
moves them to real part -gamma against the drift of Euler's method. At a fixed T the network stays
near one flow whatever its depth L; at a fixed h its gradient grows with depth. M is strictly upper
triangular, the n (n - 1) / 2 free numbers of an antisymmetric matrix, and holds the factor 1/2 that
the authors write before A - A^T.

Our choices: M ~ N(0, 2/width), as the difference of two numbers of N(0, 1/width); b = 0; T = 1,
where the authors' published examples take T = 20 for data in the plane; gamma = 0.01.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class AntisymmetricMLP(nn.Module):
    """`depth` Euler steps from time 0 to `end_time`, with diffusion `gamma`."""

    upper: Tensor

    def __init__(self, width: int, depth: int, end_time: float = 1.0, gamma: float = 0.01):
        super().__init__()
        check_sizes(width=width, depth=depth)
        self.width, self.step_size, self.gamma = width, end_time / depth, gamma
        row, column = torch.triu_indices(width, width, offset=1)
        self.register_buffer("upper", row * width + column)
        free = torch.randn(depth, len(self.upper))
        self.weight = nn.Parameter(free * math.sqrt(2 / width))
        self.bias = nn.Parameter(torch.zeros(depth, width))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One Euler step of the equation above."""
        matrix = self.matrices(self.weight[layer : layer + 1])[0]
        return x + self.step_size * torch.tanh(x @ matrix.T + self.bias[layer])

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all steps."""
        transposed = self.matrices(self.weight).mT
        for matrix, bias in zip(transposed.unbind(0), self.bias.unbind(0), strict=True):
            x = torch.add(x, torch.addmm(bias, x, matrix).tanh(), alpha=self.step_size)
        return x

    def matrices(self, weight: Float[Tensor, "layers free"]) -> Float[Tensor, "layers width width"]:
        """M - M^T - gamma I of every layer."""
        m = weight.new_zeros(len(weight), self.width**2).index_copy(1, self.upper, weight)
        m = m.unflatten(1, (self.width, self.width))
        return m - m.mT - torch.full_like(self.bias[0], self.gamma).diag()


def costs(width: int, depth: int, end_time: float = 1.0, gamma: float = 0.01) -> Costs:
    """Of the whole stack; the operations are those of one step."""
    free = width * (width - 1) // 2
    return Costs(depth * (free + width), state_size=width, flops=2 * width**2)
