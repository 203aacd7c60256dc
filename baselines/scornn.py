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

from baselines.costs import Costs
from baselines.orthogonal import parametrize_by_skew, rotation_entries
from baselines.orthogonal_body import OrthogonalBody


class ScoRNN(OrthogonalBody):
    """`negative_fraction` of the diagonal of D is -1; the state is h."""

    def __init__(self, input_size: int, hidden_size: int, negative_fraction: float = 0.5):
        super().__init__()
        if not 0 <= negative_fraction <= 1:
            raise ValueError(f"negative_fraction must be from 0 to 1, got {negative_fraction}")
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size).uniform_(-0.01, 0.01))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        scaled = ScaledCayley(hidden_size, int(negative_fraction * hidden_size))
        entries = rotation_entries(hidden_size, "cayley")
        parametrize_by_skew(self, "weight_hh", entries, hidden_size, scaled)


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
