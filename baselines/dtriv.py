"""The orthogonal recurrent network by dynamic trivialisation: expRNN about a base that moves.

    h_t = modrelu(W h_{t-1} + U x_t),    W = B exp(A),    A = -A^T
    every K updates of A:    B <- B exp(A),    A <- 0
    modrelu(z) = sign(z) relu(|z| + b)

The move leaves W as it is. About A = 0 the gradient of A is the Riemannian gradient of W, which
the exponential bends the more the larger A is: K = 1 is Riemannian descent, K = infinity expRNN.

M. Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds", 2019,
arXiv 1909.09501. K = 100 is the authors' default. Initialisation: W is the exponential of 2 x 2
blocks, "henaff" for copying and "cayley" for images; U Kaiming normal, b ~ U(-0.01, 0.01). They
train A at a tenth of the rate. As in their code the optimiser's moments of A outlive the move.

A body does not see the optimiser: it counts an update when a forward pass in training finds A
changed. Looking (evaluation, `step`, a second forward pass) therefore counts nothing. The authors
project B onto the orthogonal matrices after some moves; here each move does so, by one Newton step.
"""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.exponential import matrix_exponential
from baselines.orthogonal import SkewSymmetric, parametrize_by_skew, rotation_entries
from baselines.orthogonal_body import OrthogonalBody


class DTriv(OrthogonalBody):
    """The base moves every `base_updates` updates, K above; the state is h."""

    seen: Tensor
    updates: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        base_updates: int = 100,
        initialisation: str = "cayley",
    ):
        super().__init__()
        if base_updates < 1:
            raise ValueError(f"base_updates must be at least 1, got {base_updates}")
        self.base_updates = base_updates
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(hidden_size).uniform_(-0.01, 0.01))
        nn.init.kaiming_normal_(self.weight_ih, nonlinearity="relu")
        entries = rotation_entries(hidden_size, initialisation)
        base = Trivialisation(matrix_exponential(SkewSymmetric(hidden_size)(entries)))
        nothing = torch.zeros_like(entries)
        parametrize_by_skew(self, "weight_hh", nothing, hidden_size, base)
        self.register_buffer("seen", nothing.clone())
        self.register_buffer("updates", torch.tensor(0))

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step, for one matrix exponential; moves the base when it is time."""
        if self.training and torch.is_grad_enabled():
            self._count_update()
        return super().forward(x)

    @torch.no_grad()
    def _count_update(self) -> None:
        """Counts one update if A is not what it was, and moves the base after the last one."""
        made = cast(Any, self.parametrizations).weight_hh
        entries, base = made.original, made[-1]
        if torch.equal(entries, self.seen):
            return
        self.updates += 1
        if self.updates == self.base_updates:
            base.move(made())
            entries.zero_()
            self.updates.zero_()
        self.seen.copy_(entries)


class Trivialisation(nn.Module):
    """W of a skew-symmetric A about the base B."""

    base: Tensor

    def __init__(self, base: Float[Tensor, "size size"]):
        super().__init__()
        self.register_buffer("base", base)

    def forward(self, skew: Float[Tensor, "size size"]) -> Float[Tensor, "size size"]:
        """B exp(A)."""
        return self.base @ matrix_exponential(skew)

    def move(self, w: Float[Tensor, "size size"]) -> None:
        """Makes w the base, its rounding errors squared away: W (3 I - W^T W) / 2."""
        self.base.copy_(1.5 * w - 0.5 * w @ (w.T @ w))


def costs(
    input_size: int, hidden_size: int, base_updates: int = 100, initialisation: str = "cayley"
) -> Costs:
    """Those of expRNN: the base is no parameter."""
    n = hidden_size
    return Costs(
        parameters=n * (n - 1) // 2 + n * input_size + n,
        state_size=n,
        flops=2 * n * (n + input_size),
    )
