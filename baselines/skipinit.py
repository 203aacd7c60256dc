"""SkipInit: batch normalisation's effect on a residual block, from one trained number a branch.

    x_{l+1} = x_l + a_l F_l(x_l)                                   (F: baselines.branch)

S. De, S. L. Smith, "Batch Normalization Biases Residual Blocks Towards the Identity Function in
Deep Networks", 2020, arXiv 2002.10444: a_l = 0 at first, or a value of at most 1/sqrt(depth); He's
rule in the branch. With 0 the stack begins as the identity, and no weight has a gradient until its
multiplier has moved.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.branch import BranchStack, branch_parameters
from baselines.costs import Costs


class SkipInit(nn.Module):
    """`depth` residual blocks, each branch times a number that begins as `multiplier`."""

    def __init__(self, width: int, depth: int, multiplier: float | int = 0.0):
        super().__init__()
        self.branch = BranchStack(width, depth)
        self.multiplier = nn.Parameter(torch.full((depth,), float(multiplier)))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One block of the equation above."""
        return x + self.multiplier[layer] * self.branch.step(x, layer)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all blocks."""
        multipliers = self.multiplier.unbind(0)
        for multiplier, branch in zip(multipliers, self.branch.layers(), strict=True):
            x = torch.addcmul(x, multiplier, branch(x))
        return x


def costs(width: int, depth: int, multiplier: float | int = 0.0) -> Costs:
    """Of the whole stack; the operations are those of one block."""
    return Costs(branch_parameters(width, depth) + depth, state_size=width, flops=4 * width**2)
