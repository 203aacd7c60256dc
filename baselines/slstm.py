"""The scalar LSTM of xLSTM: exponential gates, a normaliser n and a stabiliser m.

    i, f, z, o = W x_t + R h_{t-1} + b
    m_t = max(log sigmoid(f) + m_{t-1}, i)
    c_t = sigmoid(f) exp(m_{t-1} - m_t) c_{t-1} + exp(i - m_t) tanh(z)
    n_t = sigmoid(f) exp(m_{t-1} - m_t) n_{t-1} + exp(i - m_t)
    h_t = sigmoid(o) c_t / n_t

M. Beck et al., "xLSTM: extended long short-term memory", 2024, arXiv 2405.04517. The cell alone, as
the LSTM beside it is a cell alone; the paper's block adds norms, a convolution and a feed-forward
layer. The forget gate is the sigmoid, as in the authors' code (the paper allows exp too). m only
keeps the exponentials within range: c / n is the same for every m.

R has `num_heads` blocks on its diagonal; one head, the default, is a full matrix, the authors take
4. Their initialisation: R = 0, W ~ N(0, 2 / (5 input_size)), b = 0 but for the forget gate, which
falls from 5 to -7 within a head as 5 - 12 r^0.3, r from 0 to 1: memories from long to none.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs

NEVER = -1e4
"""m before the first step: exp of it is 0, so c and n start from their first input alone."""


class SLSTM(nn.Module):
    """The equations above; the state is h, c, n and m, the output h."""

    def __init__(self, input_size: int, hidden_size: int, num_heads: int = 1):
        super().__init__()
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(
                f"num_heads must divide hidden_size, got {num_heads} for {hidden_size}"
            )
        self.hidden_size, self.num_heads = hidden_size, num_heads
        size = hidden_size // num_heads
        self.weight_ih = nn.Parameter(torch.empty(num_heads, 4 * size, input_size))
        self.weight_hh = nn.Parameter(torch.zeros(num_heads, size, 4 * size))
        self.bias = nn.Parameter(torch.zeros(num_heads, 1, 4 * size))
        nn.init.normal_(self.weight_ih, std=math.sqrt(2 / (5 * input_size)))
        self.bias.data[..., size : 2 * size] = 5 - 12 * torch.linspace(0, 1, size) ** 0.3

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros, and m so low that nothing is remembered."""
        zeros = self.bias.new_zeros(batch, 3 * self.hidden_size)
        return functional.pad(zeros, (0, self.hidden_size), value=NEVER)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; the output is h."""
        h, *memory = self._by_head(state)
        drive = x_t @ self.weight_ih.mT + self.bias
        following = _updated(torch.baddbmm(drive, h, self.weight_hh), *memory)
        state = torch.stack(following).permute(2, 0, 1, 3).flatten(1)
        return state[:, : self.hidden_size], state

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        drives = x.transpose(0, 1).unsqueeze(1) @ self.weight_ih.mT + self.bias
        state, outputs = self._by_head(self.initial_state(len(x))), []
        for drive in drives.unbind(0):
            state = _updated(torch.baddbmm(drive, state[0], self.weight_hh), *state[1:])
            outputs.append(state[0])
        return torch.stack(outputs).permute(2, 0, 1, 3).flatten(2)

    def _by_head(self, state: Float[Tensor, "batch state_size"]) -> tuple[Tensor, ...]:
        """h, c, n, m, each (heads, batch, size)."""
        return state.unflatten(1, (4, self.num_heads, -1)).permute(1, 2, 0, 3).unbind(0)


def _updated(
    gates: Float[Tensor, "heads batch gates"],
    c: Float[Tensor, "heads batch size"],
    n: Float[Tensor, "heads batch size"],
    m: Float[Tensor, "heads batch size"],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The next h, c, n and m."""
    i, f, z, o = gates.chunk(4, dim=-1)
    kept = functional.logsigmoid(f) + m
    m = torch.maximum(kept, i)
    forget, entry = torch.exp(kept - m), torch.exp(i - m)
    c = forget * c + entry * torch.tanh(z)
    n = forget * n + entry
    return torch.sigmoid(o) * c / n, c, n, m


def costs(input_size: int, hidden_size: int, num_heads: int = 1) -> Costs:
    """Of a body with these arguments."""
    products = 4 * hidden_size * (input_size + hidden_size // num_heads)
    return Costs(products + 4 * hidden_size, 4 * hidden_size, 2 * products)
