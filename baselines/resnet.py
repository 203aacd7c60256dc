"""The residual network of dense layers, its branch plain or scaled down with the depth L.

    x_{l+1} = x_l + s (W2_l relu(W1_l x_l + b1_l) + b2_l)

s = 1 ("one"): K. He et al., "Deep residual learning for image recognition", 2015, arXiv 1512.03385;
at initialisation the norm grows like 2^(L/2). s = 1/sqrt(L) ("sqrt"): S. Hayou et al., "Stable
ResNet", 2020, arXiv 2010.12859, the only power of L with a non-trivial limit for independent
weights. s = 1/L ("linear"): P. Marion et al., "Scaling ResNets in the large-depth regime", JMLR
26(56), 2025, a limit that is the identity unless the weights of neighbouring layers agree.

Initialisation: He's rule, W1 ~ N(0, 2/width) before the rectifier and W2 ~ N(0, 1/width) after
it, so that a branch has the norm of its input; zero biases.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes

SCALES = {
    "one": lambda depth: 1.0,
    "sqrt": lambda depth: 1 / math.sqrt(depth),
    "linear": lambda depth: 1 / depth,
}


class ResNetMLP(nn.Module):
    """`depth` residual blocks of two dense layers, their weights stacked in one tensor each."""

    def __init__(self, width: int, depth: int, branch_scale: str = "one"):
        super().__init__()
        check_sizes(width=width, depth=depth)
        if branch_scale not in SCALES:
            raise ValueError(f"branch_scale {branch_scale!r} is none of {sorted(SCALES)}")
        self.scale = SCALES[branch_scale](depth)
        self.weight_inner = nn.Parameter(torch.randn(depth, width, width) * math.sqrt(2 / width))
        self.weight_outer = nn.Parameter(torch.randn(depth, width, width) / math.sqrt(width))
        self.bias_inner = nn.Parameter(torch.zeros(depth, width))
        self.bias_outer = nn.Parameter(torch.zeros(depth, width))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One block of the equation above."""
        hidden = torch.relu(x @ self.weight_inner[layer].T + self.bias_inner[layer])
        return x + self.scale * (hidden @ self.weight_outer[layer].T + self.bias_outer[layer])

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all blocks."""
        # Indexing the stacks block by block would make the backward pass quadratic in depth.
        inner = zip(self.weight_inner.mT.unbind(0), self.bias_inner.unbind(0), strict=True)
        outer = zip(self.weight_outer.mT.unbind(0), self.bias_outer.unbind(0), strict=True)
        for (weight1, bias1), (weight2, bias2) in zip(inner, outer, strict=True):
            hidden = torch.addmm(bias1, x, weight1).relu()
            x = torch.add(x, torch.addmm(bias2, hidden, weight2), alpha=self.scale)
        return x


def costs(width: int, depth: int, branch_scale: str = "one") -> Costs:
    """Of the whole stack; the operations are those of one block."""
    return Costs(2 * depth * (width**2 + width), state_size=width, flops=4 * width**2)
