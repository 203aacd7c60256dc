"""The residual convolutional network, its branch scaled down with the depth L.

    x_{l+1} = x_l + s (W2_l * relu(W1_l * relu(x_l) + b1_l) + b2_l),   * a 3x3 convolution

The block is that of K. He, X. Zhang, S. Ren, J. Sun, "Identity mappings in deep residual networks",
2016, arXiv 1603.05027 (the rectifier before the convolution, zero padding), without its batch
normalisation: the scale s does its work. s = 1/sqrt(L) ("sqrt"): S. Hayou et al., "Stable ResNet",
2020, arXiv 2010.12859; the others are those of `baselines.resnet`.

Initialisation: He's rule for both, W ~ N(0, 2 / (9 width)), so that away from the border a branch
has the norm of its input; zero biases.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d

from baselines.costs import Costs
from baselines.resnet import SCALES
from baselines.sizes import check_sizes


class ResNetCNN(nn.Module):
    """`depth` residual blocks of two convolutions, their weights stacked in one tensor each."""

    def __init__(self, width: int, depth: int, branch_scale: str = "sqrt"):
        super().__init__()
        check_sizes(width=width, depth=depth)
        if branch_scale not in SCALES:
            raise ValueError(f"branch_scale {branch_scale!r} is none of {sorted(SCALES)}")
        self.scale = SCALES[branch_scale](depth)
        shape, deviation = (depth, width, width, 3, 3), math.sqrt(2 / (9 * width))
        self.weight_inner = nn.Parameter(torch.randn(shape) * deviation)
        self.weight_outer = nn.Parameter(torch.randn(shape) * deviation)
        self.bias_inner = nn.Parameter(torch.zeros(depth, width))
        self.bias_outer = nn.Parameter(torch.zeros(depth, width))

    def step(
        self, x: Float[Tensor, "batch channels rows columns"], layer: int
    ) -> Float[Tensor, "batch channels rows columns"]:
        """One block of the equation above."""
        hidden = conv2d(x.relu(), self.weight_inner[layer], self.bias_inner[layer], padding=1)
        branch = conv2d(hidden.relu(), self.weight_outer[layer], self.bias_outer[layer], padding=1)
        return x + self.scale * branch

    def forward(
        self, x: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        """The composition of all blocks."""
        # Indexing the stacks block by block would make the backward pass quadratic in depth.
        inner = zip(self.weight_inner.unbind(0), self.bias_inner.unbind(0), strict=True)
        outer = zip(self.weight_outer.unbind(0), self.bias_outer.unbind(0), strict=True)
        for (weight1, bias1), (weight2, bias2) in zip(inner, outer, strict=True):
            hidden = conv2d(x.relu(), weight1, bias1, padding=1)
            x = torch.add(x, conv2d(hidden.relu(), weight2, bias2, padding=1), alpha=self.scale)
        return x


def costs(width: int, depth: int, branch_scale: str = "sqrt") -> Costs:
    """Parameters of the whole stack; state and operations are those of one block at one pixel."""
    return Costs(2 * depth * (9 * width**2 + width), state_size=width, flops=36 * width**2)
