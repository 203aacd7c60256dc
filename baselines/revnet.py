"""The reversible residual network, whose every block can be undone.

    y_1 = x_1 + s F_l(x_2)
    y_2 = x_2 + s G_l(y_1),    F(v), G(v) = W2 relu(W1 v + b1) + b2

with x_1 and x_2 the halves of the state.

A. N. Gomez, M. Ren, R. Urtasun, R. B. Grosse, "The reversible residual network: backpropagation
without storing activations", 2017, arXiv 1707.04585. F and G are any branches of a residual
network. Here each has one hidden layer of the full width, so that a block has the operations and
the matrix elements of a block of `baselines.resnet`. The paper has s = 1, with which the norm
explodes at initialisation; the scales s are those of `baselines.resnet`, 1/sqrt(depth) by default.

Initialisation: He's rule, as there: W1 ~ N(0, 4/width) on inputs of half the width, W2 ~ N(0,
1/width), so that a branch has the norm of its input; zero biases.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.resnet import SCALES
from baselines.sizes import check_sizes


class RevNet(nn.Module):
    """`depth` blocks, F and G of a block in places 2 l and 2 l + 1 of the stacks; `width` is even.

    Raises ValueError for a width that is odd or a scale that is none of those of the ResNet.
    """

    def __init__(self, width: int, depth: int, branch_scale: str = "sqrt"):
        super().__init__()
        check_sizes(width=width, depth=depth)
        if width % 2:
            raise ValueError(f"width must be even, to be split into halves, not {width}")
        if branch_scale not in SCALES:
            raise ValueError(f"branch_scale {branch_scale!r} is none of {sorted(SCALES)}")
        half, branches = width // 2, 2 * depth
        self.scale = SCALES[branch_scale](depth)
        self.weight_inner = nn.Parameter(torch.randn(branches, width, half) * math.sqrt(2 / half))
        self.weight_outer = nn.Parameter(torch.randn(branches, half, width) / math.sqrt(width))
        self.bias_inner = nn.Parameter(torch.zeros(branches, width))
        self.bias_outer = nn.Parameter(torch.zeros(branches, half))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One block of the equations above."""
        first, second = x.chunk(2, dim=-1)
        first = first + self.scale * self._branch(second, 2 * layer)
        second = second + self.scale * self._branch(first, 2 * layer + 1)
        return torch.cat([first, second], dim=-1)

    def inverse(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """What `step` made x of."""
        first, second = x.chunk(2, dim=-1)
        second = second - self.scale * self._branch(first, 2 * layer + 1)
        first = first - self.scale * self._branch(second, 2 * layer)
        return torch.cat([first, second], dim=-1)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all blocks."""
        changed, read = x.chunk(2, dim=-1)
        inner = zip(self.weight_inner.mT.unbind(0), self.bias_inner.unbind(0), strict=True)
        outer = zip(self.weight_outer.mT.unbind(0), self.bias_outer.unbind(0), strict=True)
        # The halves change places after each branch, and are back after the two of a block.
        for (weight1, bias1), (weight2, bias2) in zip(inner, outer, strict=True):
            branch = torch.addmm(bias2, torch.addmm(bias1, read, weight1).relu(), weight2)
            changed, read = read, torch.add(changed, branch, alpha=self.scale)
        return torch.cat([changed, read], dim=-1)

    def _branch(self, half: Tensor, index: int) -> Tensor:
        hidden = torch.relu(half @ self.weight_inner[index].T + self.bias_inner[index])
        return hidden @ self.weight_outer[index].T + self.bias_outer[index]


def costs(width: int, depth: int, branch_scale: str = "sqrt") -> Costs:
    """Of the whole stack; the operations are those of one block."""
    half = width // 2
    parameters = 2 * depth * (2 * width * half + width + half)
    return Costs(parameters, state_size=width, flops=8 * width * half)
