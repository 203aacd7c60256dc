"""The two-layer Hamiltonian network, whose every layer can be undone.

    y_{l+1} = y_l + h K_l^T tanh(K_l z_l + b_l)
    z_{l+1} = z_l - h M_l^T tanh(M_l y_{l+1} + c_l),    h = T/L

with y the first and z the second half of the state.

B. Chang, L. Meng, E. Haber, L. Ruthotto, D. Begert, E. Holtham, "Reversible architectures for
arbitrarily deep residual neural networks", 2018, arXiv 1709.03698: Verlet's method for a
Hamiltonian system, K and M being its K_1 and K_2. Each layer is symplectic: it keeps volume, not
norms. At a fixed T the network stays near one flow whatever its depth L; at a fixed h the gradient
grows with depth. The authors' image networks rectify; tanh is the activation of its predecessor by
Haber and Ruthotto (arXiv 1705.03341).

Our choices: K, M ~ N(0, 2/width), one over the number of their columns; zero biases; T = 1, where
the authors' published image network takes h = 0.1.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class HamiltonianMLP(nn.Module):
    """`depth` Verlet steps from time 0 to `end_time`; `width` is even."""

    def __init__(self, width: int, depth: int, end_time: float = 1.0):
        super().__init__()
        check_sizes(width=width, depth=depth)
        if width % 2:
            raise ValueError(f"width must be even, to be split into halves, not {width}")
        half, self.step_size = width // 2, end_time / depth
        self.weight_first = nn.Parameter(torch.randn(depth, half, half) / math.sqrt(half))
        self.weight_second = nn.Parameter(torch.randn(depth, half, half) / math.sqrt(half))
        self.bias_first = nn.Parameter(torch.zeros(depth, half))
        self.bias_second = nn.Parameter(torch.zeros(depth, half))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One Verlet step of the equations above."""
        y, z = x.chunk(2, dim=-1)
        y = y + self.step_size * self._force_on_first(z, layer)
        z = z - self.step_size * self._force_on_second(y, layer)
        return torch.cat([y, z], dim=-1)

    def inverse(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """What `step` made x of."""
        y, z = x.chunk(2, dim=-1)
        z = z + self.step_size * self._force_on_second(y, layer)
        y = y - self.step_size * self._force_on_first(z, layer)
        return torch.cat([y, z], dim=-1)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all steps."""
        (y, z), h = x.chunk(2, dim=-1), self.step_size
        first = zip(self.weight_first.unbind(0), self.bias_first.unbind(0), strict=True)
        second = zip(self.weight_second.unbind(0), self.bias_second.unbind(0), strict=True)
        for (k, b), (m, c) in zip(first, second, strict=True):
            y = torch.addmm(y, torch.addmm(b, z, k.T).tanh(), k, alpha=h)
            z = torch.addmm(z, torch.addmm(c, y, m.T).tanh(), m, alpha=-h)
        return torch.cat([y, z], dim=-1)

    def _force_on_first(self, z: Tensor, layer: int) -> Tensor:
        k = self.weight_first[layer]
        return torch.tanh(z @ k.T + self.bias_first[layer]) @ k

    def _force_on_second(self, y: Tensor, layer: int) -> Tensor:
        m = self.weight_second[layer]
        return torch.tanh(y @ m.T + self.bias_second[layer]) @ m


def costs(width: int, depth: int, end_time: float = 1.0) -> Costs:
    """Of the whole stack; the operations are those of one step."""
    half = width // 2
    return Costs(2 * depth * (half**2 + half), state_size=width, flops=8 * half**2)
