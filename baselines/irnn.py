"""The rectified recurrent network that starts as a perfect memory: its matrix is the identity.

    h_t = relu(W h_{t-1} + U x_t + b),    W = I and b = 0 at initialisation

Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent networks of rectified
linear units", 2015, arXiv 1504.00941. U ~ N(0, 0.001^2): 0.001 is the standard deviation, as in
the Keras project's reproduction. W is free after initialisation, so training needs clipping.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class IRNN(nn.Module):
    """`nn.RNN` with relu, identity recurrence, zero bias and tiny input weights; the state is h."""

    def __init__(self, input_size: int, hidden_size: int, input_deviation: float = 0.001):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size, nonlinearity="relu", batch_first=True)
        weight_ih, weight_hh, bias_ih, bias_hh = self.rnn.all_weights[0]
        nn.init.normal_(weight_ih, std=input_deviation)
        nn.init.eye_(weight_hh)
        nn.init.zeros_(bias_ih)
        nn.init.zeros_(bias_hh)

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
        h = torch.relu(drive + recurrent)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        return self.rnn(x)[0]


def costs(input_size: int, hidden_size: int, input_deviation: float = 0.001) -> Costs:
    """Of one step; torch adds two biases."""
    weights = hidden_size * (input_size + hidden_size)
    return Costs(parameters=weights + 2 * hidden_size, state_size=hidden_size, flops=2 * weights)
