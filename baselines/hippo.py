"""The HiPPO-LegS network: a gated cell whose memory is the best polynomial of all its past.

    u_k = W_u [x_k, h_{k-1}] + b_u
    (I - A/2k) c_k = (I + A/2k) c_{k-1} + B u_k / k,    and c_0 = (u_0, 0, ..., 0)
    g_k = sigmoid(W_g [x_k, c_k] + b_g)
    h_k = (1 - g_k) h_{k-1} + g_k tanh(W_c [x_k, c_k] + b_c)

with k = 0, 1, 2, ... and A_ij = -sqrt((2i + 1) (2j + 1)) for i > j, -(i + 1) for i = j, 0 above;
B_i = sqrt(2i + 1). c are the coefficients of u over [0, k] in Legendre polynomials stretched to
it. A. Gu, T. Dao, S. Ermon, A. Rudra, C. Re, "HiPPO: recurrent memory with optimal polynomial
projections", 2020, arXiv 2008.07669; the bilinear rule and the wiring are those of the authors'
code. Its matrices are tabulated for 1,024 steps and stand still after them; here they go on.

The recurrence depends on k, so the step count is the last number of the state. The memory has one
channel of `order` numbers, as many as `hidden_size` where not given. Initialisation: W_u ~ Kaiming
uniform, W_c ~ Xavier normal, all else torch's own.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class HiPPOLegS(nn.Module):
    """The equations above; the state is h, c and the count of steps seen, the output h."""

    def __init__(self, input_size: int, hidden_size: int, order: int | None = None):
        super().__init__()
        self.hidden_size = hidden_size
        self.order = hidden_size if order is None else order
        self.encoder = nn.Linear(input_size + hidden_size, 1)
        self.candidate = nn.Linear(input_size + self.order, hidden_size)
        self.gate = nn.Linear(input_size + self.order, hidden_size)
        nn.init.kaiming_uniform_(self.encoder.weight, nonlinearity="linear")
        nn.init.xavier_normal_(self.candidate.weight)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros, also of the step count."""
        return self.encoder.weight.new_zeros(batch, self.hidden_size + self.order + 1)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; the sequences of a batch may have counts of their own."""
        h, c, count = state.split([self.hidden_size, self.order, 1], dim=-1)
        u = self.encoder(torch.cat([x_t, h], dim=-1))
        half_step = 0.5 / count.detach().clamp_min(1)  # the count is no memory: no gradient
        dynamics, entry = legendre_dynamics(self.order, u)
        system = torch.eye(self.order).to(u) - half_step.unsqueeze(-1) * dynamics
        later = _remembered(c.unsqueeze(-1), (half_step * u * entry).unsqueeze(-1), system)
        first = functional.pad(u, (0, self.order - 1))
        c = torch.where(count == 0, first, later.squeeze(-1))
        h = self._recalled(x_t, h, c)
        return h, torch.cat([h, c, count + 1], dim=-1)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; c is kept in columns."""
        dynamics, entry = legendre_dynamics(self.order, x)
        identity, h = torch.eye(self.order).to(x), x.new_zeros(len(x), self.hidden_size)
        c, outputs = x.new_zeros(self.order, len(x)), []
        for k, x_t in enumerate(x.unbind(1)):
            u = self.encoder(torch.cat([x_t, h], dim=-1)).T
            if k == 0:
                c = functional.pad(u, (0, 0, 0, self.order - 1))
            else:
                system = torch.add(identity, dynamics, alpha=-0.5 / k)
                c = _remembered(c, 0.5 / k * u * entry.unsqueeze(-1), system)
            h = self._recalled(x_t, h, c.T)
            outputs.append(h)
        return torch.stack(outputs, dim=1)

    def _recalled(
        self,
        x_t: Float[Tensor, "batch input_size"],
        h: Float[Tensor, "batch hidden"],
        c: Float[Tensor, "batch order"],
    ) -> Float[Tensor, "batch hidden"]:
        both = torch.cat([x_t, c], dim=-1)
        return torch.lerp(h, self.candidate(both).tanh(), self.gate(both).sigmoid())


def legendre_dynamics(
    order: int, like: Tensor
) -> tuple[Float[Tensor, "order order"], Float[Tensor, " order"]]:
    """A and B of the equations, of the dtype and on the device of another tensor."""
    i = torch.arange(order, dtype=like.dtype, device=like.device)
    root = torch.sqrt(2 * i + 1)
    return -torch.outer(root, root).tril(-1) - torch.diag(i + 1), root


def _remembered(
    c: Float[Tensor, "*counts order columns"],
    push: Float[Tensor, "*counts order columns"],
    system: Float[Tensor, "*counts order order"],
) -> Float[Tensor, "*counts order columns"]:
    """c_k from c_{k-1}, B u_k / 2k and I - A/2k by one solve, as I + A/2k = 2I - (I - A/2k)."""
    return torch.linalg.solve_triangular(system, 2 * (c + push), upper=False) - c


def costs(input_size: int, hidden_size: int, order: int | None = None) -> Costs:
    """Of a body with these arguments; a triangular solve is half a matrix product."""
    n = hidden_size if order is None else order
    products = input_size + hidden_size + 2 * hidden_size * (input_size + n)
    return Costs(products + 1 + 2 * hidden_size, hidden_size + n + 1, 2 * products + n * (n + 1))
