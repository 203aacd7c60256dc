"""RoaRNN: the Elman network with a random orthogonal additive filter along time.

    h_t = alpha * O h_{t-1} + beta * phi(W h_{t-1} + V x_t + b),   alpha + beta = 1

O is fixed, random and orthogonal; W, V and b are trained. A. Ceni, arXiv 2210.01245. The equation
is reconstructed from the abstract and the author's later code. W, V and b start as those of
torch.nn.Linear do.
"""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import linear

from roaf.kernels import RECURRENT, find_kernel, reference
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


class RoaRNN(FixedBuffers, nn.Module):
    """Called like `torch.nn.RNN(batch_first=True)`; `alpha` weighs the filter, `beta` the tanh.

    `beta=None` means 1 - alpha; `depth_schedule(c, length)` gives both for a sequence length. The
    filter is one of `roaf.orthogonal.FILTERS`, drawn with `generator` on the CPU, never trained,
    saved in the state_dict, applied in float32 or better whatever the weights or autocast are in.
    Later layers and the reverse direction have weights and a filter of their own, with names ending
    in `_l1`, `_reverse`, `_l1_reverse` and so on.
    """

    orthogonal: Tensor
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        alpha: float,
        beta: float | None = None,
        filter: str = "haar",
        nonlinearity: str = "tanh",
        bias: bool = True,
        num_layers: int = 1,
        bidirectional: bool = False,
        backend: str = "auto",
        activation_memory: str = "full",
        generator: Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_memory(activation_memory)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.num_layers, self.bidirectional = num_layers, bidirectional
        self.alpha, self.beta = mixing(alpha, beta)
        self.filter, self.backend = filter, backend
        self._phi = find_nonlinearity(nonlinearity)
        self._kernel = find_kernel(RECURRENT, backend)
        where = {"device": device, "dtype": dtype}
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                width = input_size if layer == 0 else hidden_size * self.directions
                self._add_layer(suffix, width, bias, generator, where)

    @property
    def directions(self) -> int:
        """2 where the sequence is read both ways, else 1."""
        return 2 if self.bidirectional else 1

    def orthogonal_matrix(self) -> Float[Tensor, "hidden hidden"]:
        """The fixed O of the first layer, in the dtype in which it is applied."""
        return self._filter("")

    def initial_state(self, batch: int) -> Float[Tensor, "batch hidden"]:
        """Zeros."""
        return self._filter("").new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input"], h: Float[Tensor, "batch hidden"]
    ) -> Float[Tensor, "batch hidden"]:
        """The next state of the first layer: the equation above, and nothing else."""
        o = self._filter("")
        with torch.autocast(x_t.device.type, enabled=False):
            bias = None if self.bias is None else self.bias.to(o)
            drive = linear(x_t.to(o), self.weight_ih.to(o), bias)
            weight = self.weight_hh.to(o)
            return reference.update(h.to(o), drive, o, weight, self.alpha, self.beta, self._phi)

    def forward(
        self,
        x: Float[Tensor, "batch time input"],
        h0: Float[Tensor, "layers batch hidden"] | None = None,
    ) -> tuple[Float[Tensor, "batch time output"], Float[Tensor, "layers batch hidden"]]:
        """(every state of the last layer, the last state of each layer), as torch.nn.RNN."""
        final, runs = [], self.num_layers * self.directions
        states = [self.initial_state(len(x))] * runs if h0 is None else list(h0.unbind(0))
        if len(states) != runs:
            raise ValueError(f"h0 has {len(states)} states, but layers times directions is {runs}")
        for layer in range(self.num_layers):
            outputs = [self._read(suffix, x, states.pop(0)) for suffix in self._suffixes(layer)]
            final += [out[:, 0 if i else -1] for i, out in enumerate(outputs)]
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
        return x, torch.stack(final)

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, alpha={self.alpha:g}, beta={self.beta:g}, "
            f"filter={self.filter!r}, backend={self.backend!r}"
        )

    def _suffixes(self, layer: int) -> list[str]:
        name = f"_l{layer}" if layer else ""
        return [name, f"{name}_reverse"][: self.directions]

    def _add_layer(self, suffix: str, width: int, bias: bool, generator, where: dict) -> None:
        size = self.hidden_size
        bound = 1 / math.sqrt(size)
        o = random_orthogonal(size, self.filter, generator=generator, dtype=torch.float64)
        self.register_buffer(f"orthogonal{suffix}", o.to(where["device"]))
        weights = {
            "weight_ih": ((size, width), 1 / math.sqrt(width)),
            "weight_hh": ((size, size), bound),
            "bias": ((size,), bound),
        }
        for name, (shape, limit) in weights.items():
            wanted = bias or name != "bias"
            value = uniform_parameter(shape, limit, generator, where) if wanted else None
            self.register_parameter(name + suffix, value)

    def _filter(self, suffix: str) -> Tensor:
        return getattr(self, f"orthogonal{suffix}").to(applied_dtype(self.weight_hh))

    def _read(self, suffix: str, x: Tensor, state: Tensor) -> Tensor:
        """Every state of one layer in one direction, in the order of the input."""
        o = self._filter(suffix)
        weight_ih, weight_hh, bias = (
            getattr(self, name + suffix) for name in ("weight_ih", "weight_hh", "bias")
        )
        backwards = suffix.endswith("_reverse")
        # time first: each step then reads and writes one contiguous block
        read = (x.flip(1) if backwards else x).transpose(0, 1)
        with torch.autocast(x.device.type, enabled=False):
            drive = linear(read.to(o), weight_ih.to(o), None if bias is None else bias.to(o))
            states = self._kernel(
                drive, state.to(o), o, weight_hh.to(o), self.alpha, self.beta, self._phi
            )
        out = states.transpose(0, 1).to(x.dtype)
        return out.flip(1) if backwards else out
