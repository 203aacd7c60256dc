"""Fixup: a residual network without normalisation whose first updates do not depend on its depth.

    x_{l+1} = x_l + s_l W2_l (relu(W1_l (x_l + b1_l) + b2_l) + b3_l) + b4_l

H. Zhang, Y. N. Dauphin, T. Ma, "Fixup Initialization: Residual Learning Without Normalization",
2019, arXiv 1901.09321. W1 ~ N(0, 2/width) (He's rule) times L^(-1/(2m-2)) = L^(-1/2), since a
branch has m = 2 layers and the stack L branches; W2 = 0; s = 1; the four biases are single numbers,
0 at first. The stack begins as the identity.

What differs: the paper's classifier begins at zero too, but the readout is the frame's, equal for
all, and is not touched. No rectifier follows the sum: it does in the authors' image network, but
not in their Transformer nor in their theory, and would cut off half of a signed signal. In their
program the scalars learn at a tenth of the rate, and whoever trains this body should do so too.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class Fixup(nn.Module):
    """`depth` residual blocks of two dense layers with scalar biases."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        check_sizes(width=width, depth=depth)
        deviation = math.sqrt(2 / width) / math.sqrt(depth)
        self.weight_inner = nn.Parameter(torch.randn(depth, width, width) * deviation)
        self.weight_outer = nn.Parameter(torch.zeros(depth, width, width))
        self.biases = nn.Parameter(torch.zeros(4, depth))
        self.multiplier = nn.Parameter(torch.ones(depth))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One block of the equation above."""
        b1, b2, b3, b4 = self.biases[:, layer]
        hidden = torch.relu((x + b1) @ self.weight_inner[layer].T + b2) + b3
        return x + self.multiplier[layer] * (hidden @ self.weight_outer[layer].T) + b4

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all blocks."""
        # Indexing the stacks block by block would make the backward pass quadratic in depth.
        parts = [part.unbind(0) for part in self._folded()]
        for bias1, weight1, bias2, weight2 in zip(*parts, strict=True):
            x = x + torch.addmm(bias2, torch.addmm(bias1, x, weight1).relu(), weight2)
        return x

    def _folded(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same blocks without scalars between the products: they are in weights and biases."""
        b1, b2, b3, b4 = self.biases.unsqueeze(2)
        outer = self.multiplier[:, None, None] * self.weight_outer
        bias_inner = b1 * self.weight_inner.sum(2) + b2
        bias_outer = b3 * outer.sum(2) + b4
        return bias_inner, self.weight_inner.mT, bias_outer, outer.mT


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one block."""
    return Costs(depth * (2 * width**2 + 5), state_size=width, flops=4 * width**2)
