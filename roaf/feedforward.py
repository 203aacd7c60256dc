"""RoaMLP: a stack of equal layers, each with a random orthogonal additive filter.

    x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l),   alpha + beta = 1

A. Ceni, arXiv 2210.01245. Whether the paper draws one O a layer is not known; `shared_filter`
decides. With a fixed beta the gradient still vanishes exponentially: `depth_schedule` shrinks it.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from roaf.forms import Form
from roaf.kernels import FEEDFORWARD, find_kernel, reference
from roaf.mixing import Coefficient, Mixing, Value, each, jacobian_bounds
from roaf.nonlinearity import Nonlinearity, find_nonlinearity
from roaf.orthogonal import dense_of_each, draw_filter, fastest, fastest_of_each
from roaf.precision import applied_dtype
from roaf.saved import Filtered
from roaf.settings import (
    check_memory,
    check_rows,
    check_sizes,
    uniform_parameter,
    wanted_device,
)


class RoaMLP(Filtered):
    """A stack of `depth` layers of equal width, (batch, width) -> (batch, width).

        x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l)

    Arguments:
        width, depth: units of a layer, and layers.
        alpha: the weight of the filter: a number of at least 0; a tensor with one for each unit
            (width,), layer (depth, 1) or both (depth, width); or `Learned(lower, upper)`, trained
            between these bounds, one for each layer.
        beta: the weight of phi, likewise; None means 1 - alpha. `depth_schedule(c, depth)` gives
            both for a depth.
        filter: how O is drawn, see `roaf.random_orthogonal`.
        shared_filter: one O for all layers, or one for each.
        nonlinearity: phi: "tanh", "relu", "modrelu" (with a trained bias `phi_bias` a unit), or a
            `Nonlinearity(function, lipschitz)` of your own.
        bias: whether there is a b.
        backend: "reference", "fused", or "auto", the fastest: fused unless phi is your own.
        activation_memory: "full", every layer's input is kept for the backward pass.
        generator: draws O and the weights, on the CPU, so that one seed gives one model everywhere.

    Trained: weight (depth, width, width) and bias (depth, width), stacked, which makes an
    optimiser's step two tensors instead of two a layer. They start uniform in +-1/sqrt(width), as
    torch.nn.Linear does. A setting that is not allowed raises ValueError, and so
    does a state_dict with a filter that is visibly of another kind, see `roaf.saved`.

    Example:
        >>> alpha, beta = depth_schedule(c=1, depth=1000)
        >>> deep = RoaMLP(32, 1000, alpha=alpha, beta=beta)
        >>> deep(torch.randn(8, 32)).shape
        torch.Size([8, 32])
    """

    orthogonal: Tensor
    bias: Tensor | None
    phi_bias: Tensor

    def __init__(
        self,
        width: int,
        depth: int,
        *,
        alpha: Coefficient,
        beta: Coefficient | None = None,
        filter: str = "haar",
        shared_filter: bool = True,
        nonlinearity: str | Nonlinearity = "tanh",
        bias: bool = True,
        backend: str = "auto",
        activation_memory: str = "full",
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        check_sizes(width=width, depth=depth)
        check_memory(activation_memory)
        self.width, self.depth = width, depth
        self.filter, self.shared_filter, self.backend = filter, shared_filter, backend
        self._phi = find_nonlinearity(nonlinearity)
        self._kernel = find_kernel(FEEDFORWARD, backend, self._phi)
        self.mixing = Mixing(alpha, beta, width, (depth,))
        draws = [
            draw_filter(width, filter, generator) for _ in range(1 if shared_filter else depth)
        ]
        numbers = draws[0] if shared_filter else torch.stack(draws)
        bound, where = 1 / math.sqrt(width), {"device": wanted_device(None), "dtype": None}
        self.register_buffer("orthogonal", numbers.to(where["device"]))
        self.weight = uniform_parameter((depth, width, width), bound, generator, where)
        biases = uniform_parameter((depth, width), bound, generator, where) if bias else None
        self.register_parameter("bias", biases)
        if self._phi.slope_of_bias is not None:
            self.phi_bias = nn.Parameter(torch.zeros(depth, width))

    @property
    def filter_size(self) -> int:
        """The units that the filter acts on."""
        return self.width

    @property
    def alpha(self) -> Value:
        """alpha at this moment: a float, or a tensor (depth, width)."""
        return self.mixing.values(applied_dtype(self.weight))[0]

    @property
    def beta(self) -> Value:
        """beta at this moment: a float, or a tensor (depth, width)."""
        return self.mixing.values(applied_dtype(self.weight))[1]

    def orthogonal_matrix(self) -> Float[Tensor, "*layers width width"]:
        """The fixed O, or one a layer where they are not shared, in the dtype of application."""
        if self.shared_filter:
            return self._form(self.orthogonal).dense()
        dtype = applied_dtype(self.weight)
        return dense_of_each(self.filter, self.orthogonal, self.width, dtype)

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """The output of one layer: the equation above, and nothing else."""
        numbers = self.orthogonal if self.shared_filter else self.orthogonal[layer]
        with torch.autocast(x.device.type, enabled=False):
            offset, alpha, beta, *bias = self._vectors()
            mixing = (each(alpha, self.depth)[layer], each(beta, self.depth)[layer])
            weight = self.weight[layer].to(offset)
            own = (self._form(numbers), weight, *mixing, self._phi, *(b[layer] for b in bias))
            return reference.update(x.to(offset), offset[layer], *own)

    def step_bounds(self) -> list[tuple[float, float]]:
        """(lower, upper) bounds of the singular values of each layer's Jacobian.

        At every input where phi has a slope, for the weights of this moment: within
        kappa * ||diag(beta) W_l|| of the least and the greatest alpha, kappa the Lipschitz constant
        of phi.
        """
        alpha, beta = self.mixing.values(torch.float64)
        return jacobian_bounds(alpha, beta, self.weight, self._phi.lipschitz)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The output of the last layer; an x that is not such a tensor raises ValueError."""
        check_rows(x, self.width)
        with torch.autocast(x.device.type, enabled=False):
            offset, alpha, beta, *bias = self._vectors()
            layers = (self._forms(), self.weight.to(offset), offset)
            out = self._kernel(x.to(offset), *layers, alpha, beta, self._phi, *bias)
        return out.to(x.dtype)

    def extra_repr(self) -> str:
        return (
            f"{self.width}, depth={self.depth}, filter={self.filter!r}, "
            f"shared_filter={self.shared_filter}, backend={self.backend!r}"
        )

    def _form(self, numbers: Tensor) -> Form:
        return fastest(self.filter, numbers, self.width, applied_dtype(self.weight))

    def _forms(self) -> list[Form]:
        if self.shared_filter:
            return [self._form(self.orthogonal)] * self.depth
        dtype = applied_dtype(self.weight)
        return fastest_of_each(self.filter, self.orthogonal, self.width, dtype)

    def _vectors(self) -> tuple[Any, ...]:
        """b, alpha, beta and the bias of phi, in the dtype of the state."""
        dtype = applied_dtype(self.weight)
        offset = self.bias
        if offset is None:
            offset = self.weight.new_zeros(self.depth, self.width)
        bias = () if self._phi.slope_of_bias is None else (self.phi_bias.to(dtype),)
        return offset.to(dtype), *self.mixing.values(dtype), *bias
