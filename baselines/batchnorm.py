"""Batch normalisation for a stack of layers, and the plain network that it normalises.

    BN(z) = gain (z - mean) / sqrt(variance + epsilon) + shift,    each unit over the batch
    x_{l+1} = relu(BN_l(W_l x_l))

S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift", 2015, arXiv 1502.03167: before the nonlinearity (section 3.2), and no bias beside
the shift, which takes its part. Gain 1, shift 0; W ~ N(0, 2/width), He's rule.

G. Yang et al., "A Mean Field Theory of Batch Normalization", 2019, arXiv 1902.08129: without skip
connections the gradient grows exponentially with depth, whatever W's variance; the normalisation
is the cause. Behind a rectifier of a standard normal, of variance (1 - 1/pi) / 2, He's rule makes
z's variance 1 - 1/pi: for large batches and widths BN then multiplies the gradient's norm by
sqrt(pi / (pi - 1)) = 1.21 a layer. Measured at width 32 and batch 32: by 1.24.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class BatchNormStack(nn.Module):
    """`depth` batch normalisations of `width` units, in one tensor for each of their parts.

    Epsilon, momentum and the running variance, an unbiased one, are those of nn.BatchNorm1d.
    Training normalises by the batch, of at least two samples, and evaluation by the running
    statistics.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, depth: int, momentum: float = 0.1, epsilon: float = 1e-5):
        super().__init__()
        check_sizes(width=width, depth=depth)
        self.momentum, self.epsilon = momentum, epsilon
        self.weight = nn.Parameter(torch.ones(depth, width))
        self.bias = nn.Parameter(torch.zeros(depth, width))
        self.register_buffer("running_mean", torch.zeros(depth, width))
        self.register_buffer("running_var", torch.ones(depth, width))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """BN of one layer; never changes the running statistics."""
        statistics = (self.running_mean[layer], self.running_var[layer])
        if self.training:
            statistics = (None, None)
        return self._normalise(self.weight[layer], self.bias[layer], *statistics, x)

    def layers(self) -> list[Callable[[Tensor], Tensor]]:
        """BN of every layer, as functions; in training each updates its running statistics."""
        parts = (self.weight, self.bias, self.running_mean, self.running_var)
        unbound = zip(*(part.unbind(0) for part in parts), strict=True)
        return [partial(self._normalise, *layer) for layer in unbound]

    def _normalise(
        self, weight: Tensor, bias: Tensor, mean: Tensor | None, var: Tensor | None, x: Tensor
    ) -> Tensor:
        return F.batch_norm(x, mean, var, weight, bias, self.training, self.momentum, self.epsilon)


class BatchNormMLP(nn.Module):
    """`depth` rectified layers, each normalised over the batch before its rectifier."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        check_sizes(width=width, depth=depth)
        self.weight = nn.Parameter(torch.randn(depth, width, width) * math.sqrt(2 / width))
        self.normalisation = BatchNormStack(width, depth)

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One layer of the equation above; never changes the running statistics."""
        return torch.relu(self.normalisation.step(x @ self.weight[layer].T, layer))

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all layers; in training it updates the running statistics."""
        # Indexing the stack layer by layer would make the backward pass quadratic in depth.
        for weight, normalise in zip(
            self.weight.mT.unbind(0), self.normalisation.layers(), strict=True
        ):
            x = normalise(x @ weight).relu()
        return x


def costs(width: int, depth: int) -> Costs:
    """Of the whole stack; the operations are those of one layer."""
    return Costs(depth * (width**2 + 2 * width), state_size=width, flops=2 * width**2)
