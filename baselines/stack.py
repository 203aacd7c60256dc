"""Layers that each read what the one below wrote, as one recurrent body.

A layer keeps the contract of a body: `initial_state`, `step`, and a `forward` equal to the iterated
step. Encoder and head act on each time step alone.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Stack(nn.Module):
    """The layers between an encoder and a head; their states stand side by side, lowest first."""

    def __init__(self, encoder: nn.Module, layers: Sequence[nn.Module], head: nn.Module):
        super().__init__()
        if not layers:
            raise ValueError("num_layers must be at least 1, got 0")
        self.encoder, self.layers, self.head = encoder, nn.ModuleList(layers), head

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """The first state of every layer."""
        return torch.cat([layer.initial_state(batch) for layer in self._cells()], dim=-1)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """One step of every layer, from the lowest up."""
        output, following = self.encoder(x_t), []
        sizes = [layer.initial_state(1).shape[1] for layer in self._cells()]
        for layer, part in zip(self._cells(), state.split(sizes, dim=-1), strict=True):
            output, part = layer.step(output, part)
            following.append(part)
        return self.head(output), torch.cat(following, dim=-1)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """The head's output at every time step."""
        output = self.encoder(x)
        for layer in self._cells():
            output = layer(output)
        return self.head(output)

    def _cells(self) -> list[Any]:
        return list(self.layers)
