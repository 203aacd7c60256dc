"""ReZero: every layer begins as the identity, its gate a single trained number.

    x_{l+1} = x_l + a_l relu(W_l x_l + b_l),    a_l = 0 at first

T. Bachlechner, B. P. Majumder, H. H. Mao, G. W. Cottrell, J. McAuley, "ReZero is All You Need: Fast
Convergence at Large Depth", 2020, arXiv 2003.04887; the fully connected network of the authors'
program. At initialisation the Jacobian is the identity and no weight has a gradient until its gate
has moved. W ~ N(0, 2/width), Xavier's rule with gain sqrt(2); b uniform within 1/sqrt(width), as
the program leaves it to torch.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class ReZero(nn.Module):
    """`depth` gated residual layers, their weights stacked in one tensor."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        check_sizes(width=width, depth=depth)
        self.weight = nn.Parameter(torch.randn(depth, width, width) * math.sqrt(2 / width))
        self.bias = nn.Parameter((2 * torch.rand(depth, width) - 1) / math.sqrt(width))
        self.gate = nn.Parameter(torch.zeros(depth))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One layer of the equation above."""
        return x + self.gate[layer] * torch.relu(x @ self.weight[layer].T + self.bias[layer])

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all layers."""
        # Indexing the stack layer by layer would make the backward pass quadratic in depth.
        parts = (self.weight.mT.unbind(0), self.bias.unbind(0), self.gate.unbind(0))
        for weight, bias, gate in zip(*parts, strict=True):
            x = torch.addcmul(x, gate, torch.addmm(bias, x, weight).relu())
        return x


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one layer."""
    return Costs(depth * (width**2 + width + 1), state_size=width, flops=2 * width**2)
