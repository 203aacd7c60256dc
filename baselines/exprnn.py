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
from torch import nn

from baselines.costs import Costs
from baselines.orthogonal import Exponential, parametrize_by_skew, rotation_entries
from baselines.orthogonal_body import OrthogonalBody


class ExpRNN(OrthogonalBody):
    """`weight_hh` is W; the state is h."""

    def __init__(self, input_size: int, hidden_size: int, initialisation: str = "cayley"):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(hidden_size).uniform_(-0.01, 0.01))
        entries = rotation_entries(hidden_size, initialisation)
        nn.init.kaiming_normal_(self.weight_ih, nonlinearity="relu")
        parametrize_by_skew(self, "weight_hh", entries, hidden_size, Exponential())


def costs(input_size: int, hidden_size: int, initialisation: str = "cayley") -> Costs:
    """Of one step; the initialisation does not matter."""
    inputs, free = hidden_size * input_size, hidden_size * (hidden_size - 1) // 2
    flops = 2 * (inputs + hidden_size**2)
    return Costs(parameters=free + inputs + hidden_size, state_size=hidden_size, flops=flops)
