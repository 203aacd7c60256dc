"""Long short-term memory, with the forget gate open at the start.

    i, f, o = sigmoid(W_{i,f,o} h_{t-1} + U_{i,f,o} x_t + b_{i,f,o})
    g       = tanh(W_g h_{t-1} + U_g x_t + b_g)
    c_t     = f c_{t-1} + i g
    h_t     = o tanh(c_t)

S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; the forget
gate is of F. Gers, J. Schmidhuber, F. Cummins, 2000. b_f = 1: R. Jozefowicz, W. Zaremba,
I. Sutskever, ICML 2015. Chrono initialisation, b_f = ln U(1, T - 1) and b_i = -b_f for memories of
up to T steps: C. Tallec, Y. Ollivier, "Can recurrent neural networks warp time?", 2018,
arXiv 1804.11188.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class LSTM(nn.Module):
    """`nn.LSTM` with forget bias 1, or chrono biases for `chrono_length`; the state is h and c."""

    def __init__(self, input_size: int, hidden_size: int, chrono_length: int | None = None):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        # torch adds two biases a gate, so a value set in both would count twice: one of them is 0.
        _, _, bias_ih, bias_hh = self.lstm.all_weights[0]
        nn.init.zeros_(bias_ih)
        nn.init.zeros_(bias_hh)
        input_bias, forget_bias, _, _ = bias_ih.detach().chunk(4)
        if chrono_length is None:
            forget_bias.fill_(1.0)
        else:
            forget_bias.copy_(chrono_bias(hidden_size, chrono_length))
            input_bias.copy_(-forget_bias)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros: h in the first half, c in the second."""
        weight_hh = self.lstm.all_weights[0][1]
        return weight_hh.new_zeros(batch, 2 * self.lstm.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; the output is h."""
        h, c = state.chunk(2, dim=-1)
        weight_ih, weight_hh, bias_ih, bias_hh = self.lstm.all_weights[0]
        drive = functional.linear(x_t, weight_ih, bias_ih)
        recurrent = functional.linear(h, weight_hh, bias_hh)
        i, f, g, o = (drive + recurrent).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, torch.cat([h, c], dim=-1)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        return self.lstm(x)[0]


def chrono_bias(hidden_size: int, length: int) -> Float[Tensor, " hidden_size"]:
    """Forget biases whose memories, about exp(b) steps, are uniform between 1 and length - 1."""
    if length < 3:
        raise ValueError(f"chrono_length must be at least 3 steps, got {length}")
    return torch.empty(hidden_size).uniform_(1.0, length - 1.0).log_()


def costs(input_size: int, hidden_size: int, chrono_length: int | None = None) -> Costs:
    """Of one step; torch adds two biases."""
    weights = 4 * hidden_size * (input_size + hidden_size)
    return Costs(
        parameters=weights + 8 * hidden_size, state_size=2 * hidden_size, flops=2 * weights
    )
