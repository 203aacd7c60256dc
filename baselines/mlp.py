"""The plain deep tanh network, the floor that every other depth body is compared with.

    x_{l+1} = tanh(W_l x_l + b_l)

X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
AISTATS 2010: W ~ N(0, 1/width) (Xavier normal for a square matrix), b = 0. The signal and its
gradient both shrink with depth, the more slowly the smaller they are.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs


class MLP(nn.Module):
    """`depth` tanh layers, their weights stacked in one tensor."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(depth, width, width) / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(depth, width))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One layer of the equation above."""
        return torch.tanh(x @ self.weight[layer].T + self.bias[layer])

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all layers."""
        # Indexing the stack layer by layer would make the backward pass quadratic in depth.
        for weight, bias in zip(self.weight.mT.unbind(0), self.bias.unbind(0), strict=True):
            x = torch.addmm(bias, x, weight).tanh()
        return x


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one layer."""
    return Costs(parameters=depth * (width**2 + width), state_size=width, flops=2 * width**2)
