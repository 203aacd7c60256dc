"""The self-normalising network, whose nonlinearity pulls each unit to mean 0 and variance 1.

    x_{l+1} = selu(W_l x_l + b_l)
    selu(z) = lambda z for z > 0, lambda alpha (exp(z) - 1) otherwise;
    lambda = 1.0507..., alpha = 1.6732...

G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-Normalizing Neural Networks", 2017,
arXiv 1706.02515: W ~ N(0, 1/width) and b = 0, for which mean 0 and variance 1 are a fixed point
that attracts. Its alpha dropout, a regulariser, is left out.

The fixed point holds the forward pass, not the backward one: there the squared gradient grows by
E[selu'(z)^2] = 1.0716 a layer in wide layers, so that the gradient's norm grows by a factor of
10^15 over 1,000 layers; measured at width 32, where the forward pass strays, by 10^7 to 10^11.
"""

from torch.nn.functional import selu

from baselines.costs import Costs
from baselines.mlp import PlainNetwork, xavier
from baselines.sizes import check_sizes


class SelfNormalizingMLP(PlainNetwork):
    """`depth` layers of scaled exponential linear units."""

    def __init__(self, width: int, depth: int):
        check_sizes(width=width, depth=depth)
        super().__init__(xavier(width, depth), selu)


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one layer."""
    return Costs(depth * (width**2 + width), state_size=width, flops=2 * width**2)
