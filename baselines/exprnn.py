"""The recurrent network whose matrix is the exponential of a skew-symmetric one, hence orthogonal.

    h_t = modrelu(W h_{t-1} + U x_t),    W = exp(A - A^T),    A strictly lower triangular
    modrelu(z) = sign(z) relu(|z| + b)

M. Lezcano-Casado, D. Martinez-Rubio, "Cheap orthogonal constraints in neural networks", 2019,
arXiv 1901.08428. With b = 0 and no input the recurrence is an isometry.

Initialisation: A - A^T has 2 x 2 rotation blocks with entries s, either "henaff", s ~ U(-pi, pi)
(Henaff, Szlam, LeCun 2016, arXiv 1602.06662; the paper's choice for copying), or "cayley",
s = -sqrt((1 - cos u) / (1 + cos u)) with u ~ U(0, pi/2) (Helfrich, Willmott, Ye 2018,
arXiv 1707.09520; the paper's choice for images). U is Kaiming normal and b ~ U(-0.01, 0.01).

The authors train A at a tenth of the rate; weight decay would pull W towards the identity.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.modrelu import ModReLU, modrelu
from baselines.orthogonal import Exponential, parametrize_by_skew, rotation_entries
from baselines.recurrence import recur


class ExpRNN(nn.Module):
    """`weight_hh` is W; the state is h."""

    weight_hh: Tensor

    def __init__(self, input_size: int, hidden_size: int, initialisation: str = "cayley"):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(hidden_size).uniform_(-0.01, 0.01))
        entries = rotation_entries(hidden_size, initialisation)
        nn.init.kaiming_normal_(self.weight_ih, nonlinearity="relu")
        parametrize_by_skew(self, "weight_hh", entries, hidden_size, Exponential())

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state.

        Each call computes W anew: iterate inside `parametrize.cached()`.
        """
        z = functional.linear(state, self.weight_hh) + functional.linear(x_t, self.weight_ih)
        h = modrelu(z, self.bias)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step, for one matrix exponential."""
        drive = functional.linear(x.transpose(0, 1), self.weight_ih)
        return recur(ModReLU, drive, self.initial_state(len(x)), self.weight_hh, self.bias)


def costs(input_size: int, hidden_size: int, initialisation: str = "cayley") -> Costs:
    """Of one step; the initialisation does not matter."""
    inputs, free = hidden_size * input_size, hidden_size * (hidden_size - 1) // 2
    flops = 2 * (inputs + hidden_size**2)
    return Costs(parameters=free + inputs + hidden_size, state_size=hidden_size, flops=flops)
