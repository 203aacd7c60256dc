"""The network with a forget gate and no other: what is not kept is replaced.

    s_t = W_f c_{t-1} + U_f x_t + b_f
    g_t = tanh(W_g c_{t-1} + U_g x_t + b_g)
    c_t = sigmoid(s_t) c_{t-1} + (1 - sigmoid(s_t - 1)) g_t

J. van der Westhuizen, J. Lasenby, "The unreasonable effectiveness of the forget gate", 2018,
arXiv 1804.04849 (JANET: just another network). The 1 is the paper's beta, which lets in more than
is forgotten: the two weights add up to more than one, so |c| may exceed 1.

Initialisation of the authors' code: W and U Glorot uniform over both gates together, b_g = 0, and
b_f = 1, or with `chrono_length` b_f = ln U(1, T - 1), on which the paper's results rest.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.lstm import chrono_bias


class JANET(nn.Module):
    """Forget biases 1, or chrono biases for `chrono_length`; the state is c, and so the output."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        beta: float = 1.0,
        chrono_length: int | None = None,
    ):
        super().__init__()
        self.hidden_size, self.beta = hidden_size, beta
        self.weight_ih = nn.Parameter(torch.empty(2 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(2 * hidden_size, hidden_size))
        nn.init.xavier_uniform_(self.weight_ih)
        nn.init.xavier_uniform_(self.weight_hh)
        forget = torch.ones(hidden_size)
        if chrono_length is not None:
            forget = chrono_bias(hidden_size, chrono_length)
        self.bias = nn.Parameter(torch.cat([forget, torch.zeros(hidden_size)]))

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; c is both the output and the next state."""
        drive = functional.linear(x_t, self.weight_ih, self.bias)
        s, g = (drive + functional.linear(state, self.weight_hh)).chunk(2, dim=-1)
        c = torch.sigmoid(s) * state + (1 - torch.sigmoid(s - self.beta)) * torch.tanh(g)
        return c, c

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """c at every time step; 1 - sigmoid(s - beta) is computed as sigmoid(beta - s)."""
        recurrence = self.weight_hh.T
        c, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih, self.bias).unbind(0):
            s, g = torch.addmm(drive, c, recurrence).chunk(2, dim=-1)
            c = torch.addcmul(s.sigmoid() * c, (self.beta - s).sigmoid(), g.tanh())
            outputs.append(c)
        return torch.stack(outputs, dim=1)


def costs(
    input_size: int, hidden_size: int, beta: float = 1.0, chrono_length: int | None = None
) -> Costs:
    """Of one step; neither beta nor the initialisation matters."""
    weights = 2 * hidden_size * (input_size + hidden_size)
    return Costs(parameters=weights + 2 * hidden_size, state_size=hidden_size, flops=2 * weights)
