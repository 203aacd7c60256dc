"""DeepNorm: layer normalisation after the sum, the skip scaled up and the branch's weights down.

    x_{l+1} = LN_l(a x_l + F_l(x_l)),    a = (2N)^(1/4)            (F: baselines.branch)

H. Wang et al., "DeepNet: Scaling Transformers to 1,000 Layers", 2022, arXiv 2203.00555. The branch
has Xavier's weights, N(0, 1/width), times b = (8N)^(-1/4), and zero biases; gain 1, shift 0. N
counts the layers of a Transformer's encoder, each of two such blocks, attention and feed-forward.
A stack of `depth` feed-forward blocks is therefore N = depth/2, so that a = depth^(1/4) and
b = (4 depth)^(-1/4): as there, (2 b^2 / a^2) summed over all blocks is 1, whatever the depth.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.branch import BranchStack, branch_parameters
from baselines.costs import Costs
from baselines.layernorm import LayerNormStack
from baselines.sizes import check_sizes


class DeepNorm(nn.Module):
    """`depth` residual blocks, each sum normalised."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        check_sizes(width=width, depth=depth)
        scale = (4 * depth) ** -0.25
        self.skip_scale = depth**0.25
        self.branch = BranchStack(width, depth, gains=(scale, scale))
        self.normalisation = LayerNormStack(width, depth)

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One block of the equation above."""
        return self.normalisation.step(self.skip_scale * x + self.branch.step(x, layer), layer)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all blocks."""
        for normalise, branch in zip(
            self.normalisation.layers(), self.branch.layers(), strict=True
        ):
            x = normalise(torch.add(branch(x), x, alpha=self.skip_scale))
        return x


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one block."""
    parameters = branch_parameters(width, depth) + 2 * depth * width
    return Costs(parameters, state_size=width, flops=4 * width**2)
