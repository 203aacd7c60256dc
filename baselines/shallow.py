"""A control: one hidden layer, as many trained numbers as a plain network of `depth` layers.

    y = W2 relu(W1 x + b1) + b2,    W1 of (hidden, width), W2 of (width, hidden)

It says whether a depth bought anything that the same numbers, spent on width, would not have.
Initialisation as in the residual branch: He's rule (arXiv 1502.01852), W1 ~ N(0, 2/width) before
the rectifier and W2 ~ N(0, 1/hidden) after it, so that y has the norm of x; zero biases.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class ShallowMLP(nn.Module):
    """The whole network is its one step, whatever the depth whose numbers it has."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        hidden = hidden_size(width, depth)
        self.weight_inner = nn.Parameter(torch.randn(hidden, width) * math.sqrt(2 / width))
        self.weight_outer = nn.Parameter(torch.randn(width, hidden) / math.sqrt(hidden))
        self.bias_inner = nn.Parameter(torch.zeros(hidden))
        self.bias_outer = nn.Parameter(torch.zeros(width))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """The equation above."""
        if layer != 0:
            raise ValueError(f"the shallow network has layer 0 only, not layer {layer}")
        return self(x)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The equation above."""
        hidden = torch.relu(x @ self.weight_inner.T + self.bias_inner)
        return hidden @ self.weight_outer.T + self.bias_outer


def hidden_size(width: int, depth: int) -> int:
    """The hidden units, each of 2 width + 1 numbers, that spend depth (width^2 + width) best."""
    check_sizes(width=width, depth=depth)
    return max(1, round((depth * (width**2 + width) - width) / (2 * width + 1)))


def costs(width: int, depth: int) -> Costs:
    """Of the network, which is one layer."""
    hidden = hidden_size(width, depth)
    return Costs(hidden * (2 * width + 1) + width, state_size=width, flops=4 * width * hidden)
