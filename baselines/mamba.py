"""The selective state space layer S6 in the Mamba block: dt, B and C depend on the input.

    u, z = split(W_in RMSNorm(x_t))
    v_t = silu(conv(u_{t-3}, ..., u_t))                              a filter a channel
    r, B_t, C_t = split(W_x v_t),    dt_t = softplus(W_dt r + b_dt)
    s_t = exp(dt_t A) s_{t-1} + dt_t v_t B_t,    A = -exp(A_log)
    out = x_t + W_out ((s_t C_t + D v_t) * silu(z))

A. Gu, T. Dao, "Mamba: linear-time sequence modeling with selective state spaces", 2023, arXiv
2312.00752. s has `state_size` numbers for each of the 2 `hidden_size` channels. A linear encoder
stands where the paper embeds tokens, a last RMSNorm follows the `num_layers` blocks; the default is
1, beside recurrent networks of one layer.

Initialisation: A_n = -n for n = 1..state_size, D = 1, dt ~ log-uniform in [0.001, 0.1] through its
bias, W_dt ~ U(-1/sqrt(rank), 1/sqrt(rank)) with rank = ceil(hidden_size / 16). A_log and D get no
weight decay.

The states of a layer are 2 hidden_size state_size numbers a step. The scan is run segment by
segment and done again in the backward pass, so that only one segment of them exists at a time.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from baselines.costs import Costs
from baselines.scan import linear_scan
from baselines.stack import Stack

SHORTEST, LONGEST = 0.001, 0.1
SEGMENT = 16
"""Steps whose states exist at a time: so few that they stay in a processor's cache."""


class Mamba(Stack):
    """Blocks on a linear encoder; the state of each is its convolution's last inputs, then s."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        state_size: int = 16,
        window: int = 4,
        expansion: int = 2,
    ):
        sizes = (state_size, window, expansion)
        blocks = [MambaBlock(hidden_size, *sizes) for _ in range(num_layers)]
        super().__init__(nn.Linear(input_size, hidden_size), blocks, _norm(hidden_size))


class MambaBlock(nn.Module):
    """The equations above."""

    def __init__(self, width: int, state_size: int, window: int, expansion: int):
        super().__init__()
        channels, rank = expansion * width, math.ceil(width / 16)
        self.sizes = (rank, state_size, state_size)
        self.norm = _norm(width)
        self.expand = nn.Linear(width, 2 * channels, bias=False)
        self.filter = nn.Conv1d(channels, channels, window, groups=channels)
        self.select = nn.Linear(channels, sum(self.sizes), bias=False)
        self.time_step = nn.Linear(rank, channels)
        self.contract = nn.Linear(channels, width, bias=False)
        rates = torch.arange(1, state_size + 1, dtype=self.time_step.bias.dtype)
        self.log_rate = nn.Parameter(torch.log(rates).repeat(channels, 1))
        self.skip = nn.Parameter(torch.ones(channels))
        nn.init.uniform_(self.time_step.weight, -1 / math.sqrt(rank), 1 / math.sqrt(rank))
        dt = torch.empty(channels).uniform_(math.log(SHORTEST), math.log(LONGEST)).exp()
        self.time_step.bias.data = dt + torch.log(-torch.expm1(-dt))  # softplus of it is dt

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        past = self.filter.kernel_size[0] - 1
        return self.skip.new_zeros(batch, len(self.skip) * past + self.log_rate.numel())

    def step(
        self, x_t: Float[Tensor, "batch width"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above."""
        past, s = state.split([state.shape[1] - self.log_rate.numel(), self.log_rate.numel()], 1)
        u, z = self.expand(self.norm(x_t)).chunk(2, dim=-1)
        past = past.unflatten(1, (len(self.skip), self.filter.kernel_size[0] - 1))
        window = torch.cat([past, u.unsqueeze(-1)], dim=-1)
        v = functional.silu(self.filter(window)).squeeze(-1)
        factor, drive, c = self._selected(v, *self._choices(v))
        s = factor * s.unflatten(1, self.log_rate.shape) + drive
        y = torch.einsum("bcn,bn->bc", s, c) + self.skip * v
        out = x_t + self.contract(y * functional.silu(z))
        return out, torch.cat([window[..., 1:].flatten(1), s.flatten(1)], dim=-1)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        """The output at every time step, by parallel scans."""
        u, z = self.expand(self.norm(x)).chunk(2, dim=-1)
        padded = functional.pad(u.mT, (self.filter.kernel_size[0] - 1, 0))
        v = functional.silu(self.filter(padded)).mT
        s, parts = v.new_zeros(len(x), *self.log_rate.shape), []
        for values in zip(*(t.split(SEGMENT, dim=1) for t in (v, *self._choices(v))), strict=True):
            y, s = checkpoint(self._scanned, s, *values, use_reentrant=False)  # type: ignore
            parts.append(y)
        y = torch.cat(parts, dim=1) + self.skip * v
        return x + self.contract(y * functional.silu(z))

    def _choices(self, v: Float[Tensor, "*batch channels"]) -> tuple[Tensor, Tensor, Tensor]:
        """dt, B and C."""
        r, b, c = self.select(v).split(self.sizes, dim=-1)
        return functional.softplus(self.time_step(r)), b, c

    def _selected(
        self, v: Tensor, dt: Tensor, b: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Factor and drive of the recurrence of s, and C."""
        factor = torch.exp(dt.unsqueeze(-1) * -torch.exp(self.log_rate))
        return factor, torch.einsum("...c,...n->...cn", dt * v, b), c

    def _scanned(self, s: Tensor, *values: Tensor) -> tuple[Tensor, Tensor]:
        """s C over a segment, and the last s, whose copy keeps no other alive."""
        factor, drive, c = self._selected(*values)
        states = linear_scan(factor, drive, s)
        return torch.einsum("btcn,btn->btc", states, c), states[:, -1].clone()


def _norm(width: int) -> nn.RMSNorm:
    return nn.RMSNorm(width, eps=1e-5)


def costs(
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    state_size: int = 16,
    window: int = 4,
    expansion: int = 2,
) -> Costs:
    """Of a body with these arguments."""
    width, channels, rank = hidden_size, expansion * hidden_size, math.ceil(hidden_size / 16)
    products = 3 * width * channels + channels * (window + 2 * rank + 2 * state_size)
    biases = width + 3 * channels + channels * state_size
    return Costs(
        parameters=(input_size + 2) * width + num_layers * (products + biases),
        state_size=num_layers * channels * (window - 1 + state_size),
        flops=2 * (input_size * width + num_layers * (products + channels * state_size)),
    )
