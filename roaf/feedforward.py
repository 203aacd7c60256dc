"""RoaMLP: a stack of equal layers, each with a random orthogonal additive filter.

    x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l),   alpha + beta = 1

A. Ceni, arXiv 2210.01245. Whether the paper draws one O a layer is not known; `shared_filter`
decides. With a fixed beta the gradient still vanishes exponentially: `depth_schedule` shrinks it.
"""

import math
import warnings
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from roaf.activation import STATES, check_possible, choose, states_kept
from roaf.forms import Form
from roaf.kernels import feedforward, reference
from roaf.kernels.depth import Descent
from roaf.kernels.workspace import Workspace
from roaf.mixing import Coefficient, Mixing, Value, jacobian_bounds
from roaf.nonlinearity import Nonlinearity, find_nonlinearity
from roaf.orthogonal import dense_of_each, draw_filter, fastest, fastest_of_each
from roaf.precision import applied_dtype
from roaf.room import check_room
from roaf.saved import Filtered
from roaf.settings import (
    check_finite,
    check_memory,
    check_rows,
    check_sizes,
    uniform_parameter,
    wanted_device,
)
from roaf.vanishing import warn_of_vanishing


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
        activation_memory: what is kept for the backward pass, in states of (batch, width):
            "full", two a layer: the fastest, while there is room.
            "sqrt", one every ~sqrt(depth) layers, and two a layer of one such segment at a time:
            the same gradients to the last bit for one more forward pass, about a third more time.
            "recompute", the last one, and two a layer of one segment: the states are found from
            above, by some products of O and W a layer, the fewer the smaller beta is. The
            gradients are those of "full" to a rounding that grows with depth, and wrong with a
            warning where the stack forgets its input. Where beta * ||W|| of a layer is above 0.9
            of alpha, that pass is "sqrt", with a warning. Not for an alpha of 0, nor for modrelu.
        generator: draws O and the weights, on the CPU, so that one seed gives one model everywhere.

    Trained: weight (depth, width, width) and bias (depth, width), stacked, which makes an
    optimiser's step two tensors instead of two a layer. They start uniform in +-1/sqrt(width), as
    torch.nn.Linear does. A setting that is not allowed raises ValueError, and so does a state_dict
    with weights that are not finite or a filter that is visibly of another kind, see `roaf.saved`.
    What does not fit in memory raises MemoryError, before it is allocated where that can be known.
    An alpha and beta that are expected to take the gradient out of six decades get a UserWarning.
    Past some 100,000 layers the optimiser needs the most memory: see `roaf.AdamInBackward`.

    Example:
        >>> alpha, beta = depth_schedule(c=1, depth=1000)
        >>> deep = RoaMLP(32, 1000, alpha=alpha, beta=beta)
        >>> deep(torch.randn(8, 32)).shape
        torch.Size([8, 32])
    """

    orthogonal: Tensor
    bias: Tensor | None
    phi_bias: Tensor
    _descent: Descent | None = None
    _workspace: Workspace | None = None
    _warned = False

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
        check_memory(activation_memory, tuple(STATES))
        self.width, self.depth = width, depth
        self.filter, self.shared_filter, self.backend = filter, shared_filter, backend
        self.activation_memory = activation_memory
        self._phi = find_nonlinearity(nonlinearity)
        self._kernel = feedforward(backend, self._phi)
        self.mixing = Mixing(alpha, beta, width, (depth,))
        self._fused = backend != "reference" and self._phi.fusible
        self._check_mixing()
        draws = [draw_filter(width, filter, generator)]
        self._check_room_for_numbers(draws[0])
        draws += [
            draw_filter(width, filter, generator) for _ in range(0 if shared_filter else depth - 1)
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
            alpha, beta = (v[layer] if isinstance(v, Tensor) else v for v in (alpha, beta))
            weight = self.weight[layer].to(offset)
            own = (self._form(numbers), weight, alpha, beta, self._phi, *(b[layer] for b in bias))
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
            ways = self._ways(x, layers[1], alpha, beta) if self._fused else {}
            out = self._kernel(x.to(offset), *layers, alpha, beta, self._phi, *bias, **ways)
        return out.to(x.dtype)

    def descend_with(self, descent: Descent | None) -> None:
        """Gives the gradients of weight and bias to it in every backward pass; None ends that.

        Their `grad` then stays None. A copy of the model, or one that was saved, has none. Weights
        below float32, or another backend than the fused one, raise ValueError.
        """
        kept = applied_dtype(self.weight) == self.weight.dtype
        if descent is not None and not (self._fused and kept):
            raise ValueError(
                "gradients are given away by the fused backend, from weights of float32 or float64"
            )
        self._descent = descent

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_descent", "_workspace")}

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

    def _ways(self, x: Tensor, weight: Tensor, alpha: Value, beta: Value) -> dict[str, Any]:
        """What the fused kernel does otherwise than usual, for this x."""
        given = (x, *self.parameters())
        if not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)):
            return {}
        gradient = weight.nbytes if self._descent is None and weight.requires_grad else 0
        states = states_kept(self.activation_memory, self.depth)
        self._workspace = self._workspace or Workspace()
        needed = states * x.numel() * weight.element_size() + gradient - self._workspace.free_bytes
        what = f"a backward pass with activation_memory={self.activation_memory!r}"
        help = 'activation_memory="sqrt" needs the least for its speed, a smaller batch needs less'
        check_room(needed, x.device, what, help)
        settings = (alpha, beta, self._phi, self._workspace)
        memory, warning = choose(self.activation_memory, weight, *settings)
        if warning and not self._warned:
            self._warned = True
            warnings.warn(warning, stacklevel=3)
        return {"memory": memory, "descent": self._descent}

    def _check_mixing(self) -> None:
        """Raises ValueError, or warns, where alpha and beta do not go with the other settings."""
        with torch.no_grad():
            alpha, beta = self.mixing.values(torch.float64)
        if not any(torch.is_tensor(value) and value.is_meta for value in (alpha, beta)):
            check_possible(self.activation_memory, self._fused, self._phi, alpha)
            warn_of_vanishing(alpha, beta, self.depth)

    def _check_room_for_numbers(self, filter: Tensor) -> None:
        """Raises MemoryError where the weights and the filters are too many for the memory."""
        numbers = self.depth * self.width * (self.width + 1)
        filters = 1 if self.shared_filter else 2 * self.depth  # those drawn, and then stacked
        needed = numbers * torch.get_default_dtype().itemsize + filters * filter.nbytes
        what = f"RoaMLP({self.width}, {self.depth})"
        help = "a smaller width or depth needs less"
        check_room(needed, wanted_device(None), what, help)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **more: Any) -> None:
        for name in self._parameters:
            saved = state_dict.get(prefix + name)
            if saved is not None and not saved.is_meta:
                check_finite(prefix + name, saved)
        super()._load_from_state_dict(state_dict, prefix, *args, **more)
