"""The plain deep network, the floor that every other depth body is compared with.

    x_{l+1} = phi(W_l x_l + b_l),    b = 0 at initialisation

phi = tanh, W ~ N(0, 1/width) ("xavier", for a square matrix): X. Glorot, Y. Bengio, "Understanding
the difficulty of training deep feedforward neural networks", AISTATS 2010. The signal and its
gradient both shrink with depth, the more slowly the smaller they are.
phi = relu, W ~ N(0, 2/width) ("he"): K. He et al., "Delving Deep into Rectifiers", 2015,
arXiv 1502.01852. Right on average, but at a finite width the log of the norm drifts down.
phi = tanh, W Haar orthogonal ("orthogonal"): A. Saxe, J. McClelland, S. Ganguli, "Exact solutions
to the nonlinear dynamics of learning in deep linear neural networks", 2013, arXiv 1312.6120, for
linear layers; J. Pennington, S. Schoenholz, S. Ganguli, "Resurrecting the sigmoid in deep learning
through dynamical isometry", 2017, arXiv 1711.04735, for tanh. The decay is a power of the depth.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class PlainNetwork(nn.Module):
    """Layers of one nonlinearity; their weights are stacked in one tensor, their biases zero."""

    def __init__(
        self,
        weight: Float[Tensor, "depth width width"],
        nonlinearity: Callable[[Tensor], Tensor],
    ):
        super().__init__()
        self.nonlinearity = nonlinearity
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(weight.shape[:2]))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One layer of the equation above."""
        return self.nonlinearity(x @ self.weight[layer].T + self.bias[layer])

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all layers."""
        # Indexing the stack layer by layer would make the backward pass quadratic in depth.
        for weight, bias in zip(self.weight.mT.unbind(0), self.bias.unbind(0), strict=True):
            x = self.nonlinearity(torch.addmm(bias, x, weight))
        return x


class MLP(PlainNetwork):
    """`depth` layers of a nonlinearity and an initialisation by name."""

    def __init__(
        self, width: int, depth: int, nonlinearity: str = "tanh", initialisation: str = "xavier"
    ):
        check_sizes(width=width, depth=depth)
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(f"nonlinearity {nonlinearity!r} is none of {sorted(NONLINEARITIES)}")
        if initialisation not in INITIALISATIONS:
            raise ValueError(
                f"initialisation {initialisation!r} is none of {sorted(INITIALISATIONS)}"
            )
        weight = INITIALISATIONS[initialisation](width, depth)
        super().__init__(weight, NONLINEARITIES[nonlinearity])


def xavier(width: int, depth: int) -> Float[Tensor, "depth width width"]:
    """Gaussian matrices that keep the norm of what they multiply, on average."""
    return torch.randn(depth, width, width) / math.sqrt(width)


def he(width: int, depth: int) -> Float[Tensor, "depth width width"]:
    """Gaussian matrices that make good what a rectifier takes away, on average."""
    return torch.randn(depth, width, width) * math.sqrt(2 / width)


def haar(width: int, depth: int) -> Float[Tensor, "depth width width"]:
    """Uniform draws from the orthogonal group, made in float64 and rounded once."""
    q, r = torch.linalg.qr(torch.randn(depth, width, width, dtype=torch.float64))
    # Only with the signs of R's diagonal is the Q of a Gaussian matrix uniform.
    return (q * r.diagonal(dim1=1, dim2=2).sign()[:, None]).to(torch.get_default_dtype())


def costs(
    width: int, depth: int, nonlinearity: str = "tanh", initialisation: str = "xavier"
) -> Costs:
    """Of the whole stack; the operations are those of one layer."""
    return Costs(parameters=depth * (width**2 + width), state_size=width, flops=2 * width**2)


NONLINEARITIES = {"relu": torch.relu, "tanh": torch.tanh}
INITIALISATIONS = {"he": he, "orthogonal": haar, "xavier": xavier}
