"""The branch that several residual bodies share: two dense layers with a rectifier between them.

    F_l(x) = W2_l relu(W1_l x + b1_l) + b2_l

Initialisation: W1 ~ N(0, 2/width) before the rectifier and W2 ~ N(0, 1/width) after it (He's rule,
K. He et al., "Delving deep into rectifiers", 2015, arXiv 1502.01852), so that F has the norm of its
input; zero biases.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.sizes import check_sizes

HE_GAINS = (math.sqrt(2), 1.0)


class BranchStack(nn.Module):
    """`depth` branches, in one tensor for each of their parts.

    `gains` are the deviations of W1 and W2 times sqrt(width).
    """

    def __init__(self, width: int, depth: int, gains: tuple[float, float] = HE_GAINS):
        super().__init__()
        check_sizes(width=width, depth=depth)
        inner, outer = (gain / math.sqrt(width) for gain in gains)
        self.weight_inner = nn.Parameter(torch.randn(depth, width, width) * inner)
        self.weight_outer = nn.Parameter(torch.randn(depth, width, width) * outer)
        self.bias_inner = nn.Parameter(torch.zeros(depth, width))
        self.bias_outer = nn.Parameter(torch.zeros(depth, width))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """F of one layer, as in the equation above."""
        hidden = torch.relu(x @ self.weight_inner[layer].T + self.bias_inner[layer])
        return hidden @ self.weight_outer[layer].T + self.bias_outer[layer]

    def layers(self) -> list[Callable[[Tensor], Tensor]]:
        """F of every layer, as functions."""
        # Indexing the stacks layer by layer would make the backward pass quadratic in depth.
        parts = (self.weight_inner.mT, self.bias_inner, self.weight_outer.mT, self.bias_outer)
        return [partial(_branch, *part) for part in zip(*(p.unbind(0) for p in parts), strict=True)]


def branch_parameters(width: int, depth: int) -> int:
    """The trained numbers of a stack."""
    return 2 * depth * (width**2 + width)


def _branch(weight1: Tensor, bias1: Tensor, weight2: Tensor, bias2: Tensor, x: Tensor) -> Tensor:
    return torch.addmm(bias2, torch.addmm(bias1, x, weight1).relu(), weight2)
