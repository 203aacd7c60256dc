"""RoaMLP: a stack of equal layers, each with a random orthogonal additive filter.

    x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l),   alpha + beta = 1

A. Ceni, arXiv 2210.01245. Whether the paper draws one O a layer is not known; `shared_filter`
decides. With a fixed beta the gradient still vanishes exponentially: `depth_schedule` shrinks it.
"""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from roaf.kernels import FEEDFORWARD, find_kernel, reference
from roaf.nonlinearity import find_nonlinearity
from roaf.orthogonal import random_orthogonal
from roaf.settings import (
    FixedBuffers,
    applied_dtype,
    check_memory,
    check_sizes,
    mixing,
    uniform_parameter,
)


class RoaMLP(FixedBuffers, nn.Module):
    """`depth` layers of equal width; weights are stacked, (depth, width, width).

    Stacked weights make an optimiser's step two tensors instead of two a layer. W_l and b_l start
    uniform in +-1/sqrt(width), as torch.nn.Linear does.
    """

    orthogonal: Tensor
    bias: Tensor | None

    def __init__(
        self,
        width: int,
        depth: int,
        *,
        alpha: float,
        beta: float | None = None,
        filter: str = "haar",
        shared_filter: bool = True,
        nonlinearity: str = "tanh",
        bias: bool = True,
        backend: str = "auto",
        activation_memory: str = "full",
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        check_sizes(width=width, depth=depth)
        check_memory(activation_memory)
        self.width, self.depth = width, depth
        self.alpha, self.beta = mixing(alpha, beta)
        self.filter, self.backend = filter, backend
        self._phi = find_nonlinearity(nonlinearity)
        self._kernel = find_kernel(FEEDFORWARD, backend)
        draws = [
            random_orthogonal(width, filter, generator=generator, dtype=torch.float64)
            for _ in range(1 if shared_filter else depth)
        ]
        self.register_buffer("orthogonal", draws[0] if shared_filter else torch.stack(draws))
        bound, where = 1 / math.sqrt(width), {"device": None, "dtype": None}
        self.weight = uniform_parameter((depth, width, width), bound, generator, where)
        biases = uniform_parameter((depth, width), bound, generator, where) if bias else None
        self.register_parameter("bias", biases)

    def orthogonal_matrix(self) -> Float[Tensor, "*layers width width"]:
        """The fixed O, or one a layer where they are not shared, in the dtype of application."""
        return self.orthogonal.to(applied_dtype(self.weight))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """The output of one layer: the equation above, and nothing else."""
        o = self.orthogonal_matrix()
        o = o if o.ndim == 2 else o[layer]
        weight, bias = self.weight[layer].to(o), self._biases()[layer].to(o)
        with torch.autocast(x.device.type, enabled=False):
            return reference.update(x.to(o), bias, o, weight, self.alpha, self.beta, self._phi)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The output of the last layer."""
        o, bias = self.orthogonal_matrix(), self._biases()
        with torch.autocast(x.device.type, enabled=False):
            weight, bias = self.weight.to(o), bias.to(o)
            out = self._kernel(x.to(o), o, weight, bias, self.alpha, self.beta, self._phi)
        return out.to(x.dtype)

    def extra_repr(self) -> str:
        return (
            f"{self.width}, depth={self.depth}, alpha={self.alpha:g}, beta={self.beta:g}, "
            f"filter={self.filter!r}, backend={self.backend!r}"
        )

    def _biases(self) -> Float[Tensor, "depth width"]:
        if self.bias is None:
            return self.weight.new_zeros(self.depth, self.width)
        return self.bias
