"""Layer normalisation for a stack of layers, and the residual network normalised in its branches.

    LN(x) = gain (x - mean) / sqrt(variance + epsilon) + shift,    each sample over its units
    x_{l+1} = x_l + F_l(LN_l(x_l))                                 ("pre-LN"; F: baselines.branch)
    y = LN_L(x_L)                                                  (what the body returns)

J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", 2016, arXiv 1607.06450. Before the
branch instead of after the sum: R. Xiong et al., "On Layer Normalization in the Transformer
Architecture", 2020, arXiv 2002.04745, of which this is the feed-forward part, with the final
normalisation before the readout: at initialisation every branch adds the same variance, so that
from x_0 to x_L the norm grows like sqrt(l) and the gradient of the input like sqrt(L), a power and
no exponential; LN_L divides both by the norm. Gain 1, shift 0, He's rule in the branch; every
normalisation has a gain and a shift of its own.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from baselines.branch import BranchStack, branch_parameters
from baselines.costs import Costs
from baselines.sizes import check_sizes


class LayerNormStack(nn.Module):
    """`depth` layer normalisations of `width` units; epsilon is that of nn.LayerNorm."""

    def __init__(self, width: int, depth: int, epsilon: float = 1e-5):
        super().__init__()
        check_sizes(width=width, depth=depth)
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(depth, width))
        self.bias = nn.Parameter(torch.zeros(depth, width))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """LN of one layer."""
        return self._normalise(self.weight[layer], self.bias[layer], x)

    def layers(self) -> list[Callable[[Tensor], Tensor]]:
        """LN of every layer, as functions."""
        unbound = zip(self.weight.unbind(0), self.bias.unbind(0), strict=True)
        return [partial(self._normalise, *layer) for layer in unbound]

    def _normalise(self, weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
        return F.layer_norm(x, weight.shape, weight, bias, self.epsilon)


class LayerNormResNet(nn.Module):
    """`depth` residual blocks, the input of each branch and what leaves the last normalised."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        self.branch = BranchStack(width, depth)
        self.normalisation = LayerNormStack(width, depth)
        self.final = LayerNormStack(width, 1)

    def enter(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """x itself."""
        return x

    def leave(self, state: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The final LN."""
        return self.final.step(state, 0)

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One block of the equation above."""
        return x + self.branch.step(self.normalisation.step(x, layer), layer)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all blocks, and the final LN."""
        for normalise, branch in zip(
            self.normalisation.layers(), self.branch.layers(), strict=True
        ):
            x = x + branch(normalise(x))
        return self.leave(x)


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one block."""
    parameters = branch_parameters(width, depth) + 2 * (depth + 1) * width
    return Costs(parameters, state_size=width, flops=4 * width**2)
