"""The shuffling recurrent network: the state moves on by a place, and the input is added.

    h_t = relu(P h_{t-1} + b_t),    (P h)_i = h_{i-1 mod n}
    b_t = f(x_t) sigmoid(g(x_t)),   f an MLP with relu, g affine

M. Rotman, L. Wolf, "Shuffling recurrent neural networks", 2020, arXiv 2007.07324. P is a fixed
permutation, in the authors' code this shift. No weight is multiplied over time, so a gradient
through active units keeps its norm exactly. One layer of 64 in f and h_0 = 0 are the defaults of
their code; its linear layers start as torch's own.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs


class ShufflingRNN(nn.Module):
    """f has `layers` hidden layers of `inner_size` units; the state is h."""

    def __init__(self, input_size: int, hidden_size: int, inner_size: int = 64, layers: int = 1):
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers must be at least 1, got {layers}")
        self.hidden_size = hidden_size
        inner = pairwise([input_size, *[inner_size] * layers])
        hidden = [part for sizes in inner for part in (nn.Linear(*sizes), nn.ReLU())]
        self.content = nn.Sequential(*hidden, nn.Linear(inner_size, hidden_size))
        self.gate = nn.Linear(input_size, hidden_size)

    def drive(self, x: Float[Tensor, "*batch input_size"]) -> Float[Tensor, "*batch width"]:
        """b of every input."""
        return self.content(x) * torch.sigmoid(self.gate(x))

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.gate.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        h = torch.relu(state.roll(1, dims=1) + self.drive(x_t))
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; all that has weights is done before the loop."""
        h, outputs = self.initial_state(len(x)), []
        for drive in self.drive(x.transpose(0, 1)).unbind(0):
            h = torch.relu(h.roll(1, dims=1) + drive)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


def costs(input_size: int, hidden_size: int, inner_size: int = 64, layers: int = 1) -> Costs:
    """The products are those of f and g; the shift costs nothing."""
    sizes = [*pairwise([input_size, *[inner_size] * layers, hidden_size])]
    products = sum(a * b for a, b in sizes) + input_size * hidden_size
    biases = layers * inner_size + 2 * hidden_size
    return Costs(parameters=products + biases, state_size=hidden_size, flops=2 * products)
