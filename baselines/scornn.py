"""The scaled Cayley orthogonal recurrent network.

    h_t = modrelu(W h_{t-1} + U x_t),    W = (I + A)^-1 (I - A) D,    A = -A^T
    modrelu(z) = sign(z) relu(|z| + b)

D is diagonal with entries 1 and, at its end, -1. The Cayley transform alone has no eigenvalue -1;
with some D it reaches every orthogonal matrix, with entries of A of at most 1. How many entries
are -1 is fixed before training and tuned: half for copying, adding and permuted digits, a tenth
for digits in order. With b = 0 and no input the recurrence is an isometry.

K. Helfrich, D. Willmott, Q. Ye, "Orthogonal recurrent neural networks with scaled Cayley
transform", 2018, arXiv 1707.09520. Initialisation of the authors' code: A has 2 x 2 blocks whose
Cayley transform turns by U(0, pi/2), U ~ U(-0.01, 0.01), b = 0. They train A at a tenth of the
rate for copying. Give A no weight decay, which would pull W towards D.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.modrelu import ModReLU, modrelu
from baselines.orthogonal import parametrize_by_skew, rotation_entries
from baselines.recurrence import recur


class ScoRNN(nn.Module):
    """`negative_fraction` of the diagonal of D is -1; the state is h."""

    weight_hh: Tensor

    def __init__(self, input_size: int, hidden_size: int, negative_fraction: float = 0.5):
        super().__init__()
        if not 0 <= negative_fraction <= 1:
            raise ValueError(f"negative_fraction must be from 0 to 1, got {negative_fraction}")
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-0.01, 0.01))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        scaled = ScaledCayley(hidden_size, int(negative_fraction * hidden_size))
        entries = rotation_entries(hidden_size, "cayley")
        parametrize_by_skew(self, "weight_hh", entries, hidden_size, scaled)

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
        """h at every time step, for one Cayley transform."""
        drive = functional.linear(x.transpose(0, 1), self.weight_ih)
        return recur(ModReLU, drive, self.initial_state(len(x)), self.weight_hh, self.bias)


class ScaledCayley(nn.Module):
    """W of a skew-symmetric A."""

    signs: Tensor

    def __init__(self, size: int, negative: int):
        super().__init__()
        signs = torch.ones(size)
        signs[size - negative :] = -1
        self.register_buffer("signs", signs)

    def forward(self, skew: Float[Tensor, "size size"]) -> Float[Tensor, "size size"]:
        """(I + A)^-1 (I - A) D."""
        identity = torch.eye(len(skew), dtype=skew.dtype, device=skew.device)
        return torch.linalg.solve(identity + skew, identity - skew) * self.signs


def costs(input_size: int, hidden_size: int, negative_fraction: float = 0.5) -> Costs:
    """Whatever D is."""
    n = hidden_size
    return Costs(
        parameters=n * (n - 1) // 2 + n * input_size + n,
        state_size=n,
        flops=2 * n * (n + input_size),
    )
