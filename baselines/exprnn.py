"""The recurrent network whose matrix is the exponential of a skew-symmetric one, hence orthogonal.

    h_t = modrelu(W h_{t-1} + U x_t),    W = exp(A - A^T),    A strictly lower triangular
    modrelu(z) = sign(z) relu(|z| + b)

M. Lezcano-Casado, D. Martinez-Rubio, "Cheap orthogonal constraints in neural networks", 2019,
arXiv 1901.08428. With b = 0 and no input the recurrence is an isometry.

Initialisation: A - A^T has 2 x 2 rotation blocks with entries s, either "henaff", s ~ U(-pi, pi)
(Henaff, Szlam, LeCun 2016, arXiv 1602.06662; the paper's choice for copying), or "cayley",
s = -sqrt((1 - cos u) / (1 + cos u)) with u ~ U(0, pi/2) (Helfrich, Willmott, Ye 2018,
arXiv 1707.09520; the paper's choice for images). U is Kaiming normal and b ~ U(-0.01, 0.01).

Torch stores H^2 numbers for A and uses H (H - 1) / 2 of them: count those when matching parameters.
Give A no weight decay, which would pull W towards the identity, and a tenth of the learning rate.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from baselines.costs import Costs
from baselines.orthogonal import modrelu


class ExpRNN(nn.Module):
    """An orthogonal recurrence by `parametrizations.orthogonal`; the state is h."""

    weight_hh: Tensor

    def __init__(self, input_size: int, hidden_size: int, initialisation: str = "cayley"):
        super().__init__()
        if initialisation not in ANGLES:
            raise ValueError(f"initialisation {initialisation!r} is none of {sorted(ANGLES)}")
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(hidden_size).uniform_(-0.01, 0.01))
        self.weight_hh = nn.Parameter(_rotation_blocks(hidden_size, initialisation))
        nn.init.kaiming_normal_(self.weight_ih, nonlinearity="relu")
        # Without a trivialisation W = exp(A - A^T) exactly, and A starts at the blocks above.
        parametrizations.orthogonal(self, "weight_hh", "matrix_exp", use_trivialization=False)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state.

        Each call computes the exponential anew: iterate inside `parametrize.cached()`.
        """
        z = functional.linear(state, self.weight_hh) + functional.linear(x_t, self.weight_ih)
        h = modrelu(z, self.bias)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step, for one matrix exponential."""
        recurrence = self.weight_hh.T
        h, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih).unbind(0):
            h = modrelu(torch.addmm(drive, h, recurrence), self.bias)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


def _henaff_angles(count: int) -> Float[Tensor, " count"]:
    return torch.empty(count).uniform_(-math.pi, math.pi)


def _cayley_angles(count: int) -> Float[Tensor, " count"]:
    cosine = torch.empty(count).uniform_(0.0, math.pi / 2).cos()
    return -torch.sqrt((1 - cosine) / (1 + cosine))


ANGLES = {"cayley": _cayley_angles, "henaff": _henaff_angles}


def _rotation_blocks(size: int, initialisation: str) -> Float[Tensor, "size size"]:
    """A strictly lower triangular: angles at (1, 0), (3, 2), ...; an odd last row stays zero."""
    subdiagonal = torch.zeros(max(size - 1, 0))
    subdiagonal[::2] = ANGLES[initialisation](size // 2)
    return torch.diag(subdiagonal, diagonal=-1)


def costs(input_size: int, hidden_size: int, initialisation: str = "cayley") -> Costs:
    """Of one step; of the matrix stored for A only the part below the diagonal trains."""
    inputs, free = hidden_size * input_size, hidden_size * (hidden_size - 1) // 2
    flops = 2 * (inputs + hidden_size**2)
    return Costs(parameters=free + inputs + hidden_size, state_size=hidden_size, flops=flops)
