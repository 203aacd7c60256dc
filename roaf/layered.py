"""What the layers and directions of a recurrent network are made of: their numbers, by name."""

import math
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import linear

from roaf.forms import Form
from roaf.kept import Forms, kept
from roaf.kernels import MEMBERS, RECURRENT, Backend, Problem, choose, members
from roaf.nonlinearity import Nonlinearity
from roaf.orthogonal import draw_filter
from roaf.precision import applied_dtype
from roaf.saved import Filtered
from roaf.settings import uniform_parameter


class Layered(Filtered):
    """`num_layers` layers, in both directions where it is `bidirectional`.

    The names of a layer's numbers end as those of torch.nn.RNN do, the first layer's in nothing.
    """

    weight_hh: Tensor
    hidden_size: int
    num_layers: int
    bidirectional: bool
    backend: str
    _phi: Nonlinearity
    _forms: Forms

    @property
    def directions(self) -> int:
        """2 where the sequence is read both ways, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def filter_size(self) -> int:
        """The units that the filter acts on."""
        return self.hidden_size

    def _suffix(self, layer: int, reverse: bool) -> str:
        """What the names of a layer and direction end in; ValueError where there is none."""
        if not 0 <= layer < self.num_layers or (reverse and not self.bidirectional):
            raise ValueError(
                f"layer={layer}, reverse={reverse} is not there: num_layers={self.num_layers}, "
                f"bidirectional={self.bidirectional}"
            )
        return self._suffixes(layer)[reverse]

    def _suffixes(self, layer: int) -> list[str]:
        name = f"_l{layer}" if layer else ""
        return [name, f"{name}_reverse"][: self.directions]

    def _add_layer(
        self, suffix: str, width: int, bias: bool, generator: Generator | None, where: dict
    ) -> None:
        size = self.hidden_size
        bound = 1 / math.sqrt(size)
        numbers = draw_filter(size, self.filter, generator).to(where["device"])
        self.register_buffer(f"orthogonal{suffix}", numbers)
        weights = {
            "weight_ih": ((size, width), 1 / math.sqrt(width)),
            "weight_hh": ((size, size), bound),
            "bias": ((size,), bound),
        }
        for name, (shape, limit) in weights.items():
            wanted = bias or name != "bias"
            value = uniform_parameter(shape, limit, generator, where) if wanted else None
            self.register_parameter(name + suffix, value)
        if self._phi.slope_of_bias is not None:
            self.register_parameter(f"phi_bias{suffix}", nn.Parameter(torch.zeros(size, **where)))

    def _form(self, suffix: str, dtype: torch.dtype | None = None) -> Form:
        """O, in the dtype in which it is applied if none is given."""
        numbers = getattr(self, f"orthogonal{suffix}")
        wanted = dtype or applied_dtype(self.weight_hh)
        return kept(self._forms, suffix, self.filter, numbers, self.hidden_size, wanted)

    def _layer(self, suffix: str) -> tuple[Any, ...]:
        """What every kernel needs of a layer: O, W, alpha, beta, phi and the bias of phi."""
        dtype = applied_dtype(self.weight_hh)
        names = ("weight_hh", "phi_bias")[: 1 if self._phi.slope_of_bias is None else 2]
        weight, *bias = (getattr(self, name + suffix).to(dtype) for name in names)
        mixing = getattr(self, f"mixing{suffix}").values(dtype)
        return self._form(suffix), weight, *mixing, self._phi, *bias

    def _backend(self, problem: Problem) -> Backend:
        """What computes it; many models at once, under torch.vmap, have a way of their own."""
        if members.are_stacked():
            return MEMBERS
        return RECURRENT[choose(RECURRENT, self.backend, problem)]

    def _drive(self, x: Tensor, suffix: str) -> Tensor:
        """V x + b, in the dtype of the state."""
        weight, bias = self._reading(suffix)
        return linear(x.to(weight), weight, bias)

    def _reading(self, suffix: str) -> tuple[Tensor, Tensor | None]:
        """V and b, in the dtype of the state."""
        dtype = applied_dtype(self.weight_hh)
        weight, bias = (getattr(self, name + suffix) for name in ("weight_ih", "bias"))
        return weight.to(dtype), None if bias is None else bias.to(dtype)
