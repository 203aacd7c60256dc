"""The residual network with a velocity, whose every block can be undone.

    v_{l+1} = gamma v_l + (1 - gamma) s (W2_l relu(W1_l x_l + b1_l) + b2_l)
    x_{l+1} = x_l + v_{l+1},    v_0 = 0

M. E. Sander, P. Ablin, M. Blondel, G. Peyré, "Momentum residual neural networks", 2021, arXiv
2102.07870, with gamma = 0.9. The branch is that of any residual network, here of
`baselines.resnet`, and so are the scale s and the initialisation. The paper has s = 1, with which
the norm explodes at initialisation; 1/sqrt(depth) is the default here.

The inverse divides by gamma: a rounding error of the velocity grows by 1/gamma a block on the way
back. The authors store the bits that gamma v rounds away; this body does not, and its inverse is
good for some 100 blocks at gamma = 0.9 in double precision.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.resnet import SCALES
from baselines.sizes import check_sizes


class MomentumMLP(nn.Module):
    """`depth` blocks of two dense layers; the state is x and the velocity v side by side.

    Raises ValueError for a scale that is none of those of the ResNet, or a gamma outside (0, 1).
    """

    def __init__(self, width: int, depth: int, gamma: float = 0.9, branch_scale: str = "sqrt"):
        super().__init__()
        check_sizes(width=width, depth=depth)
        if not 0 < gamma < 1:
            raise ValueError(f"gamma must lie between 0 and 1, both excluded, not {gamma}")
        if branch_scale not in SCALES:
            raise ValueError(f"branch_scale {branch_scale!r} is none of {sorted(SCALES)}")
        self.gamma, self.gain = gamma, (1 - gamma) * SCALES[branch_scale](depth)
        self.weight_inner = nn.Parameter(torch.randn(depth, width, width) * math.sqrt(2 / width))
        self.weight_outer = nn.Parameter(torch.randn(depth, width, width) / math.sqrt(width))
        self.bias_inner = nn.Parameter(torch.zeros(depth, width))
        self.bias_outer = nn.Parameter(torch.zeros(depth, width))

    def enter(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch state_size"]:
        """x at rest."""
        return torch.cat([x, torch.zeros_like(x)], dim=-1)

    def leave(self, state: Float[Tensor, "batch state_size"]) -> Float[Tensor, "batch width"]:
        """x, without its velocity."""
        return state.chunk(2, dim=-1)[0]

    def step(
        self, state: Float[Tensor, "batch state_size"], layer: int
    ) -> Float[Tensor, "batch state_size"]:
        """One block of the equations above."""
        x, velocity = state.chunk(2, dim=-1)
        velocity = self.gamma * velocity + self.gain * self._branch(x, layer)
        return torch.cat([x + velocity, velocity], dim=-1)

    def inverse(
        self, state: Float[Tensor, "batch state_size"], layer: int
    ) -> Float[Tensor, "batch state_size"]:
        """What `step` made the state of."""
        x, velocity = state.chunk(2, dim=-1)
        x = x - velocity
        velocity = (velocity - self.gain * self._branch(x, layer)) / self.gamma
        return torch.cat([x, velocity], dim=-1)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """x after the composition of all blocks."""
        velocity = torch.zeros_like(x)
        inner = zip(self.weight_inner.mT.unbind(0), self.bias_inner.unbind(0), strict=True)
        outer = zip(self.weight_outer.mT.unbind(0), self.bias_outer.unbind(0), strict=True)
        for (weight1, bias1), (weight2, bias2) in zip(inner, outer, strict=True):
            branch = torch.addmm(bias2, torch.addmm(bias1, x, weight1).relu(), weight2)
            velocity = torch.add(self.gamma * velocity, branch, alpha=self.gain)
            x = x + velocity
        return x

    def _branch(self, x: Tensor, layer: int) -> Tensor:
        hidden = torch.relu(x @ self.weight_inner[layer].T + self.bias_inner[layer])
        return hidden @ self.weight_outer[layer].T + self.bias_outer[layer]


def costs(width: int, depth: int, gamma: float = 0.9, branch_scale: str = "sqrt") -> Costs:
    """Of the whole stack; the operations are those of one block."""
    return Costs(2 * depth * (width**2 + width), state_size=2 * width, flops=4 * width**2)
