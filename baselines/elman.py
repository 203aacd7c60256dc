"""The simple recurrent network, the floor that every other recurrent body is compared with.

    h_t = tanh(W h_{t-1} + U x_t + b)

J. L. Elman, "Finding structure in time", Cognitive Science 14(2), 1990.
torch's own `nn.RNN` with its own initialisation, all U(-1/sqrt(H), 1/sqrt(H)).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class Elman(nn.Module):
    """`nn.RNN` with tanh as a recurrent body; the state is h."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size, nonlinearity="tanh", batch_first=True)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        weight_hh = self.rnn.all_weights[0][1]
        return weight_hh.new_zeros(batch, self.rnn.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.rnn.all_weights[0]
        drive = functional.linear(x_t, weight_ih, bias_ih)
        recurrent = functional.linear(state, weight_hh, bias_hh)
        h = torch.tanh(drive + recurrent)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        return self.rnn(x)[0]


def costs(input_size: int, hidden_size: int) -> Costs:
    """Of one step; torch adds two biases."""
    weights = hidden_size * (input_size + hidden_size)
    return Costs(parameters=weights + 2 * hidden_size, state_size=hidden_size, flops=2 * weights)
