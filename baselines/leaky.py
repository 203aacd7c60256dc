"""The network of leaky integrators, trained throughout, its leaking rate with it.

    h_t = (1 - a) h_{t-1} + a tanh(W h_{t-1} + U x_t + b)

H. Jaeger, M. Lukosevicius, D. Popovici, U. Siewert, "Optimization and applications of echo state
networks with leaky-integrator neurons", Neural Networks 20(3), 2007, which descends the gradient of
the one leaking rate a of all neurons, there with fixed W and U. a is kept between 0 and 1 by a
sigmoid; a neuron remembers about 1/a steps.

Initialisation, our choice: a = 0.1, and all weights U(-1/sqrt(H), 1/sqrt(H)) as in torch's RNN.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class LeakyRNN(nn.Module):
    """`leak` is the leaking rate at the start; the state is h."""

    def __init__(self, input_size: int, hidden_size: int, leak: float = 0.1):
        super().__init__()
        if not 0.0 < leak < 1.0:
            raise ValueError(f"leak must lie strictly between 0 and 1, got {leak}")
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))
        self.leak_logit = nn.Parameter(torch.tensor(math.log(leak / (1 - leak))))

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        drive = functional.linear(x_t, self.weight_ih, self.bias)
        a, recurrent = self.leak_logit.sigmoid(), functional.linear(state, self.weight_hh)
        h = (1 - a) * state + a * torch.tanh(drive + recurrent)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        recurrence, a = self.weight_hh.T, self.leak_logit.sigmoid()
        h, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih, self.bias).unbind(0):
            h = torch.lerp(h, torch.addmm(drive, h, recurrence).tanh(), a)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


def costs(input_size: int, hidden_size: int, leak: float = 0.1) -> Costs:
    """Of one step; the initial leaking rate does not matter."""
    weights = hidden_size * (input_size + hidden_size)
    return Costs(parameters=weights + hidden_size + 1, state_size=hidden_size, flops=2 * weights)
