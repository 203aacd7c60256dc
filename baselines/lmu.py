"""The Legendre memory unit: a nonlinear state h coupled to a linear memory m of a sliding window.

    u_t = e_x . x_t + e_h . h_{t-1} + e_m . m_{t-1}
    m_t = Abar m_{t-1} + Bbar u_t
    h_t = tanh(W_x x_t + W_h h_{t-1} + W_m m_t)

A. R. Voelker, I. Kajic, C. Eliasmith, "Legendre memory units: continuous-time representation in
recurrent neural networks", NeurIPS 2019. Written from the equations of the paper.

theta dm/dt = A m + B u with A_ij = (2i + 1) (-1 if i < j else (-1)^(i-j+1)), B_i = (2i + 1) (-1)^i
makes m the Legendre coefficients of the last `theta` steps of u. Abar and Bbar are its zero-order
hold over one step: fixed, and kept in float64, as entries of A grow with the order.

Defaults: order 256 and theta 784, the paper's for permuted MNIST; theta wants the length of what is
to be remembered. Initialisation: e_x and e_h ~ U(-sqrt(3 / n), sqrt(3 / n)) for n inputs, e_m = 0,
so that nothing upsets the memory at first, W ~ N(0, 2 / (inputs + outputs)). There is no bias.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class LMU(nn.Module):
    """The equations above with a memory of `order` numbers; the state is h and m, the output h."""

    transition: Tensor
    entry: Tensor

    def __init__(
        self, input_size: int, hidden_size: int, order: int = 256, theta: float | int = 784.0
    ):
        super().__init__()
        self.hidden_size, self.order = hidden_size, order
        transition, entry = delay_system(order, theta)
        self.register_buffer("transition", transition, persistent=False)
        self.register_buffer("entry", entry, persistent=False)
        bound_x, bound_h = math.sqrt(3 / input_size), math.sqrt(3 / hidden_size)
        self.encoder_input = nn.Parameter(torch.empty(1, input_size).uniform_(-bound_x, bound_x))
        self.encoder_hidden = nn.Parameter(torch.empty(1, hidden_size).uniform_(-bound_h, bound_h))
        self.encoder_memory = nn.Parameter(torch.zeros(1, order))
        self.weight_input = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.weight_memory = nn.Parameter(torch.empty(hidden_size, order))
        for weight in (self.weight_input, self.weight_hidden, self.weight_memory):
            nn.init.xavier_normal_(weight)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros: h, then m."""
        return self.weight_hidden.new_zeros(batch, self.hidden_size + self.order)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; the output is h."""
        h, m = state.split([self.hidden_size, self.order], dim=-1)
        u = functional.linear(x_t, self.encoder_input) + functional.linear(h, self.encoder_hidden)
        u = u + functional.linear(m, self.encoder_memory)
        m = functional.linear(m, self.transition.to(m)) + u * self.entry.to(m)
        drive = functional.linear(x_t, self.weight_input) + functional.linear(h, self.weight_hidden)
        h = torch.tanh(drive + functional.linear(m, self.weight_memory))
        return h, torch.cat([h, m], dim=-1)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; u is put into the memory's own matrices, so that m is one sum."""
        entry, inputs = self.entry.to(x).unsqueeze(-1), x.transpose(0, 1)
        from_memory = (self.transition.to(x) + entry * self.encoder_memory).T
        from_hidden, from_input = (entry * self.encoder_hidden).T, entry * self.encoder_input
        recurrence = torch.cat([from_hidden, self.weight_hidden.T], dim=1)
        drives = functional.linear(inputs, torch.cat([from_input, self.weight_input]))
        h, m = self.initial_state(len(x)).split([self.hidden_size, self.order], dim=-1)
        outputs = []
        for drive in drives.unbind(0):
            to_memory, to_hidden = torch.addmm(drive, h, recurrence).split(
                [self.order, self.hidden_size], dim=-1
            )
            m = torch.addmm(to_memory, m, from_memory)
            h = torch.addmm(to_hidden, m, self.weight_memory.T).tanh()
            outputs.append(h)
        return torch.stack(outputs, dim=1)


def delay_system(
    order: int, theta: float | int
) -> tuple[Float[Tensor, "order order"], Float[Tensor, " order"]]:
    """Abar and Bbar in float64: the exponential of [[A, B], [0, 0]] / theta."""
    if order < 1 or theta <= 0:
        raise ValueError(f"order must be >= 1 and theta > 0, got order {order}, theta {theta}")
    i = torch.arange(order, dtype=torch.float64)
    alternating = (-1.0) ** i
    lower = -torch.outer(alternating, alternating)
    row, column = i.unsqueeze(1), i
    system = torch.zeros(order + 1, order + 1, dtype=torch.float64)
    system[:order, :order] = (2 * row + 1) * torch.where(row < column, -1.0, lower)
    system[:order, order] = (2 * i + 1) * alternating
    held = torch.matrix_exp(system / theta)
    return held[:order, :order], held[:order, order]


def costs(input_size: int, hidden_size: int, order: int = 256, theta: float | int = 784.0) -> Costs:
    """Of a body with these arguments; theta changes nothing."""
    inputs = input_size + hidden_size + order
    weights = (hidden_size + 1) * inputs
    return Costs(weights, hidden_size + order, 2 * (weights + order**2))
