"""Rectified layers that begin as linear ones, by mirrored weights.

    x_{l+1} = W_l [relu(x_l); relu(-x_l)] + b_l,    W_l = [Q_l, -Q_l] and b_l = 0 at initialisation

D. Balduzzi, M. Frean, L. Leary, J. P. Lewis, K. W.-D. Ma, B. McWilliams, "The Shattered Gradients
Problem: If resnets are the answer, then what is the question?", 2017, arXiv 1702.08591: since
relu(x) - relu(-x) = x, the network begins as the linear map Q_L ... Q_1, and its gradients do not
shatter. Here Q is Haar orthogonal, so that it begins as an isometry at any depth. The two halves of
W are trained apart, and with them the layer leaves the linear one.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.mlp import haar
from baselines.sizes import check_sizes


class LooksLinearMLP(nn.Module):
    """`depth` layers of concatenated rectifiers, their weights stacked in one tensor."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        check_sizes(width=width, depth=depth)
        q = haar(width, depth)
        self.weight = nn.Parameter(torch.cat([q, -q], dim=2))
        self.bias = nn.Parameter(torch.zeros(depth, width))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One layer of the equation above."""
        return both_sides(x) @ self.weight[layer].T + self.bias[layer]

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all layers."""
        # Indexing the stack layer by layer would make the backward pass quadratic in depth.
        for weight, bias in zip(self.weight.mT.unbind(0), self.bias.unbind(0), strict=True):
            x = torch.addmm(bias, both_sides(x), weight)
        return x


def both_sides(x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch twice_the_width"]:
    """[relu(x), relu(-x)], the second as relu(x) - x: so its gradient looks linear at 0 too."""
    positive = torch.relu(x)
    return torch.cat([positive, positive - x], dim=1)


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one layer."""
    return Costs(depth * (2 * width**2 + width), state_size=width, flops=4 * width**2)
