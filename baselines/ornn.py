"""The orthogonal recurrent network by Householder reflections.

    h_t = leaky(W h_{t-1} + V x_t + b),    W = H(u_1) H(u_2) ... H(u_m) S
    H(u) = I - 2 u u^T / ||u||^2,    leaky(z) = max(z, z / 10)

The first k - 1 numbers of u_k are zero. With m = n the last factor would turn one coordinate: it
is a sign that no gradient reaches, drawn once and kept as S = diag(1, ..., 1, sign), and W reaches
every orthogonal matrix of one determinant. With m < n S is I. But for leaky, b and the input the
recurrence is an isometry.

Z. Mhammedi, A. Hellicar, A. Rahman, J. Bailey, "Efficient orthogonal parametrisation of recurrent
neural networks using Householder reflections", 2017, arXiv 1612.00188. Its equation for the whole
product, with U the columns u_k and T the upper triangle of U^T U with half its diagonal, is

    H(u_1) ... H(u_m) = I - U T^-1 U^T

Initialisation of the authors' code: u_k normal with unit norm, V Glorot uniform, b = 0, and a
learned h_0 ~ U(-sqrt(3 / 2n), sqrt(3 / 2n)). They scale every u_k back to unit norm after an
update; W does not depend on the norm, which here drifts upwards and slows u_k a little. m is
tuned; here it is n by default.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from baselines.costs import Costs

SLOPE = 0.1


class ORNN(nn.Module):
    """`reflections` is m, hidden_size if None; the state is h."""

    weight_hh: Tensor

    def __init__(self, input_size: int, hidden_size: int, reflections: int | None = None):
        super().__init__()
        count = hidden_size if reflections is None else reflections
        if not 1 <= count <= hidden_size:
            raise ValueError(f"reflections must be from 1 to {hidden_size}, got {reflections}")
        bound = math.sqrt(1.5 / hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        nn.init.xavier_uniform_(self.weight_ih)
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.first_state = nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))
        product = Reflections(hidden_size, count)
        self.weight_hh = nn.Parameter(product.draw())
        # Unsafe only says that the matrix has another shape than the stored entries.
        parametrize.register_parametrization(self, "weight_hh", product, unsafe=True)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """The learned h_0, for every sequence the same."""
        return self.first_state.expand(batch, -1)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state.

        Each call multiplies W out anew: iterate inside `parametrize.cached()`.
        """
        drive = functional.linear(x_t, self.weight_ih, self.bias)
        h = functional.leaky_relu(functional.linear(state, self.weight_hh) + drive, SLOPE)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; W is multiplied out once."""
        recurrence = self.weight_hh.T
        h, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih, self.bias).unbind(0):
            h = functional.leaky_relu(torch.addmm(drive, h, recurrence), SLOPE)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class Reflections(nn.Module):
    """W of the numbers of u_1, u_2, ... that are not zero by construction."""

    below: Tensor
    signs: Tensor

    def __init__(self, size: int, count: int):
        super().__init__()
        self.size, self.columns = size, min(count, size - 1)
        self.register_buffer("below", torch.tril_indices(size, self.columns))
        signs = torch.ones(size)
        signs[-1] = 1 if count < size else 2 * torch.randint(2, ()) - 1
        self.register_buffer("signs", signs)

    def draw(self) -> Float[Tensor, " entries"]:
        """Normal vectors of unit norm."""
        row, column = self.below
        return self.unit_columns(torch.randn(len(row)))[row, column]

    def unit_columns(self, entries: Float[Tensor, " entries"]) -> Float[Tensor, "size columns"]:
        """U, every u_k at unit norm."""
        row, column = self.below
        u = entries.new_zeros(self.size, self.columns).index_put((row, column), entries)
        return u / torch.linalg.vector_norm(u, dim=0)

    def forward(self, entries: Float[Tensor, " entries"]) -> Float[Tensor, "size size"]:
        """(I - U T^-1 U^T) S."""
        u = self.unit_columns(entries)
        identity = torch.eye(self.size, dtype=u.dtype, device=u.device)
        half = torch.full((self.columns,), 0.5, dtype=u.dtype, device=u.device)
        t = torch.triu(u.T @ u, diagonal=1) + half.diag()
        return (identity - u @ torch.linalg.solve_triangular(t, u.T, upper=True)) * self.signs


def costs(input_size: int, hidden_size: int, reflections: int | None = None) -> Costs:
    """Of the step with W multiplied out, whatever m is."""
    n, m = hidden_size, min(reflections or hidden_size, hidden_size - 1)
    return Costs(
        parameters=m * n - m * (m - 1) // 2 + n * input_size + 2 * n,
        state_size=n,
        flops=2 * n * (n + input_size),
    )
