"""The gated networks without a recurrent matrix, whose gates know the input alone.

    minGRU    h_t = (1 - z) h_{t-1} + z c,    z = sigmoid(W_z x_t + b_z)
    minLSTM   h_t = f / (f + i) h_{t-1} + i / (f + i) c,    f, i = sigmoid(W_{f,i} x_t + b_{f,i})
    both      c = g(W_c x_t + b_c),    g(a) = a + 1/2 for a >= 0, sigmoid(a) below

L. Feng, F. Tung, M. O. Ahmed, Y. Bengio, H. Hajimirsadeghi, "Were RNNs all we needed?", 2024, arXiv
2410.01201. g keeps h positive, for a scan in the space of logarithms. `num_layers` cells stand on
one another, bare. Initialisation: torch's own for a linear layer.

The scan here is not the paper's, sums of logarithms from which the scale of a long past is taken
away again: it costs digits with every step, where products of factors below 1 cost none.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.scan import linear_scan
from baselines.stack import Stack


class _MinimalCell(nn.Module):
    """h from a factor and a drive that its input alone decides; the state is h."""

    gates: int

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.linear = nn.Linear(input_size, self.gates * hidden_size)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.linear.weight.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        factor, drive = self.recurrence(self.linear(x_t))
        h = factor * state + drive
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step, by a parallel scan."""
        return linear_scan(*self.recurrence(self.linear(x)), self.initial_state(len(x)))

    def recurrence(self, gates: Float[Tensor, "*batch gates"]) -> tuple[Tensor, Tensor]:
        """What h_{t-1} is multiplied by, and what is added."""
        raise NotImplementedError


class MinGRUCell(_MinimalCell):
    """Gates z, c."""

    gates = 2

    def recurrence(self, gates: Float[Tensor, "*batch gates"]) -> tuple[Tensor, Tensor]:
        z, c = gates.chunk(2, dim=-1)
        return torch.sigmoid(-z), torch.sigmoid(z) * positive(c)


class MinLSTMCell(_MinimalCell):
    """Gates f, i, c."""

    gates = 3

    def recurrence(self, gates: Float[Tensor, "*batch gates"]) -> tuple[Tensor, Tensor]:
        f, i, c = gates.chunk(3, dim=-1)
        # log f - log i: the quotient itself is 0/0 where both gates have closed.
        balance = functional.logsigmoid(f) - functional.logsigmoid(i)
        return torch.sigmoid(balance), torch.sigmoid(-balance) * positive(c)


class MinGRU(Stack):
    """minGRU cells on one another; the state is the h of each, the output that of the last."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1):
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        cells = [MinGRUCell(size, hidden_size) for size in sizes[:num_layers]]
        super().__init__(nn.Identity(), cells, nn.Identity())


class MinLSTM(Stack):
    """minLSTM cells on one another; the state is the h of each, the output that of the last."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1):
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        cells = [MinLSTMCell(size, hidden_size) for size in sizes[:num_layers]]
        super().__init__(nn.Identity(), cells, nn.Identity())


def positive(a: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
    """g of the equations: continuous, increasing, above zero."""
    return torch.where(a >= 0, a + 0.5, torch.sigmoid(a))


def mingru_costs(input_size: int, hidden_size: int, num_layers: int = 1) -> Costs:
    """Of a MinGRU with these arguments."""
    return _costs(MinGRUCell.gates, input_size, hidden_size, num_layers)


def minlstm_costs(input_size: int, hidden_size: int, num_layers: int = 1) -> Costs:
    """Of a MinLSTM with these arguments."""
    return _costs(MinLSTMCell.gates, input_size, hidden_size, num_layers)


def _costs(gates: int, input_size: int, hidden_size: int, num_layers: int) -> Costs:
    products = gates * hidden_size * (input_size + (num_layers - 1) * hidden_size)
    parameters = products + num_layers * gates * hidden_size
    return Costs(parameters, num_layers * hidden_size, 2 * products)
