"""What the stacks of equal layers, of units and of images, have in common: their numbers.

x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l)
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from roaf.available_memory import check_room
from roaf.forms import Form
from roaf.mixing import Coefficient, Mixing, Value
from roaf.nonlinearity import Nonlinearity, find_nonlinearity
from roaf.orthogonal import dense_of_each, draw_filter, fastest, fastest_of_each
from roaf.precision import applied_dtype
from roaf.saved import Filtered
from roaf.settings import check_finite, check_sizes, uniform_parameter, wanted_device
from roaf.vanishing import warn_of_vanishing


class Stacked(Filtered):
    """`depth` layers of `width` units or channels, the numbers of all in one tensor each."""

    orthogonal: Tensor
    weight: Tensor
    bias: Tensor | None
    phi_bias: Tensor

    def __init__(
        self,
        width: int,
        depth: int,
        alpha: Coefficient,
        beta: Coefficient | None,
        filter: str,
        shared_filter: bool,
        nonlinearity: str | Nonlinearity,
    ) -> None:
        super().__init__()
        check_sizes(width=width, depth=depth)
        self.width, self.depth = width, depth
        self.filter, self.shared_filter = filter, shared_filter
        self._phi = find_nonlinearity(nonlinearity)
        self.mixing = Mixing(alpha, beta, width, (depth,))

    @property
    def filter_size(self) -> int:
        """The units or channels that the filter acts on."""
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

    def _draw(
        self, shape: tuple[int, ...], bound: float, bias: bool, generator: Generator | None
    ) -> None:
        """Draws O, then the weights of each layer, of that shape, and b, uniform in +-bound."""
        self._check_mixing()
        where = {"device": wanted_device(None), "dtype": None}
        first = draw_filter(self.width, self.filter, generator)
        self._check_room(shape, first, where["device"])
        further = range(0 if self.shared_filter else self.depth - 1)
        draws = [first, *(draw_filter(self.width, self.filter, generator) for _ in further)]
        numbers = first if self.shared_filter else torch.stack(draws)
        self.register_buffer("orthogonal", numbers.to(where["device"]))
        self.weight = uniform_parameter((self.depth, *shape), bound, generator, where)
        biases = (self.depth, self.width)
        offset = uniform_parameter(biases, bound, generator, where) if bias else None
        self.register_parameter("bias", offset)
        if self._phi.slope_of_bias is not None:
            self.phi_bias = nn.Parameter(torch.zeros(biases))

    def _check_mixing(self) -> None:
        """A UserWarning where the gradient is expected to vanish or explode."""
        with torch.no_grad():
            alpha, beta = self.mixing.values(torch.float64)
        if not any(isinstance(value, Tensor) and value.is_meta for value in (alpha, beta)):
            warn_of_vanishing(alpha, beta, self.depth)

    def _check_room(self, shape: tuple[int, ...], filter: Tensor, device: torch.device) -> None:
        """Raises MemoryError where the weights and the filters are too many for the memory."""
        numbers = self.depth * (torch.Size(shape).numel() + self.width)
        filters = 1 if self.shared_filter else 2 * self.depth  # those drawn, and then stacked
        needed = numbers * torch.get_default_dtype().itemsize + filters * filter.nbytes
        what = f"{type(self).__name__}({self.width}, {self.depth})"
        check_room(needed, device, what, "a smaller width or depth needs less")

    def _at(self, layer: int) -> tuple[Form, Value, Value]:
        """O, alpha and beta of one layer."""
        numbers = self.orthogonal if self.shared_filter else self.orthogonal[layer]
        alpha, beta = (v[layer] if isinstance(v, Tensor) else v for v in (self.alpha, self.beta))
        return self._form(numbers), alpha, beta

    def _form(self, numbers: Tensor) -> Form:
        return fastest(self.filter, numbers, self.width, applied_dtype(self.weight))

    def _forms(self) -> list[Form]:
        if self.shared_filter:
            return [self._form(self.orthogonal)] * self.depth
        dtype = applied_dtype(self.weight)
        return fastest_of_each(self.filter, self.orthogonal, self.width, dtype)

    def _biases(self) -> list[Tensor]:
        """b, zeros where there is none, and the bias of phi where it has one; state's dtype."""
        offset = self.bias
        if offset is None:
            offset = self.weight.new_zeros(self.depth, self.width)
        own = [] if self._phi.slope_of_bias is None else [self.phi_bias]
        return [values.to(applied_dtype(self.weight)) for values in (offset, *own)]

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **more: Any) -> None:
        for name in self._parameters:
            saved = state_dict.get(prefix + name)
            if saved is not None and not saved.is_meta:
                check_finite(prefix + name, saved)
        super()._load_from_state_dict(state_dict, prefix, *args, **more)
