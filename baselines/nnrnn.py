"""The non-normal recurrent network: eigenvalues on a circle, eigenvectors at any angle.

    h_t = modrelu(W h_{t-1} + U x_t),    W = P (R + T) P^T,    P = exp(A),    A = -A^T
    modrelu(z) = sign(z) relu(|z| + b)

R is block diagonal with blocks gamma_i [cos theta_i, -sin theta_i; sin theta_i, cos theta_i], and T
is free below the blocks: a real Schur form. The eigenvalues of W are gamma_i exp(+-i theta_i)
whatever T is; T = 0 and gamma = 1 make W orthogonal.

G. Kerg, K. Goyette, M. Puelma Touzel, G. Gidel, E. Vorontsov, Y. Bengio, G. Lajoie, "Non-normal
recurrent neural network (nnRNN): learning long time dependencies while improving expressivity with
transient dynamics", 2019, arXiv 1905.12080. Initialisation of the authors' code: T = 0, gamma = 1,
theta ~ U(0, 2 pi), A of 2 x 2 blocks ("cayley" for permuted digits, "henaff" for copying), U
Glorot normal, b ~ U(-0.01, 0.01). An odd last coordinate is here a block gamma of its own.

Their training adds delta ||gamma - 1||^2 to the loss, decays T, and trains A at a tenth of the
rate; a body adds nothing to a loss, so that gamma and T are free here. Their code lets T write
into the blocks as well, which moves the eigenvalues; here it does not.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.modrelu import ModReLU, modrelu
from baselines.orthogonal import Exponential, parametrize_by_skew, rotation_entries
from baselines.recurrence import recur


class NonNormalRNN(nn.Module):
    """`basis` is P, `below` is T row by row; the state is h."""

    basis: Tensor
    free: Tensor

    def __init__(self, input_size: int, hidden_size: int, initialisation: str = "cayley"):
        super().__init__()
        self.hidden_size, blocks = hidden_size, hidden_size // 2
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        nn.init.xavier_normal_(self.weight_ih)
        self.bias = nn.Parameter(torch.empty(hidden_size).uniform_(-0.01, 0.01))
        entries = rotation_entries(hidden_size, initialisation)
        parametrize_by_skew(self, "basis", entries, hidden_size, Exponential())
        row, column = torch.tril_indices(hidden_size, hidden_size, offset=-1)
        self.register_buffer("free", torch.stack([row, column])[:, row // 2 != column // 2])
        self.below = nn.Parameter(torch.zeros(self.free.shape[1]))
        self.angles = nn.Parameter(torch.empty(blocks).uniform_(0.0, 2 * math.pi))
        self.gamma = nn.Parameter(torch.ones(hidden_size - blocks))

    def schur_form(self) -> Float[Tensor, "hidden hidden"]:
        """R + T."""
        n, (row, column) = self.hidden_size, self.free
        angles = functional.pad(self.angles, (0, n % 2))
        size = self.gamma.repeat_interleave(2)[:n]
        cosine = (size * angles.cos().repeat_interleave(2)[:n]).diag()
        first = torch.arange(0, n - 1, 2, device=row.device)
        sine = (self.gamma * angles.sin())[: len(first)]
        form = cosine.index_put((first + 1, first), sine).index_put((first, first + 1), -sine)
        return form.index_put((row, column), self.below)

    def transition_matrix(self) -> Float[Tensor, "hidden hidden"]:
        """W."""
        basis = self.basis
        return basis @ self.schur_form() @ basis.T

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state.

        Each call makes W anew, and without `parametrize.cached()` also P.
        """
        drive = functional.linear(x_t, self.weight_ih)
        h = modrelu(functional.linear(state, self.transition_matrix()) + drive, self.bias)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; W is made once."""
        drive = functional.linear(x.transpose(0, 1), self.weight_ih)
        return recur(
            ModReLU, drive, self.initial_state(len(x)), self.transition_matrix(), self.bias
        )


def costs(input_size: int, hidden_size: int, initialisation: str = "cayley") -> Costs:
    """With W made: n (n - 1) / 2 numbers in P, as many in T and the angles, the rest in gamma."""
    n = hidden_size
    return Costs(
        parameters=n * (n - 1) + (n + 1) // 2 + n * input_size + n,
        state_size=n,
        flops=2 * n * (n + input_size),
    )
