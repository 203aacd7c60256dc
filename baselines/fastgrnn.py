"""FastRNN, a residual connection with two trained scalars, and FastGRNN, the same as a gate.

    FastRNN     a_t = W x_t + U h_{t-1}
                h_t = sigmoid(alpha) tanh(a_t + b) + sigmoid(beta) h_{t-1}
    FastGRNN    z_t = sigmoid(a_t + b_z)
                h_t = (sigmoid(zeta) (1 - z_t) + sigmoid(nu)) tanh(a_t + b) + z_t h_{t-1}

A. Kusupati, M. Singh, K. Bhatia, A. Kumar, P. Jain, M. Varma, "FastGRNN: a fast, accurate, stable
and tiny kilobyte sized gated recurrent neural network", 2018, arXiv 1901.02358. Gate and candidate
share W and U, so a gated network costs one bias and two scalars more than an Elman network.

Initialisation of the authors' code: W, U ~ N(0, 0.1^2), biases 1, alpha = -3 and beta = 3, whose
sigmoids add up to one, zeta = 1, nu = -4. Their low rank, sparsity and quantisation, which shrink a
trained network, are left out.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class _SharedWeights(nn.Module):
    """W, U and b of both networks; the state is h."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(0.1 * torch.randn(hidden_size, input_size))
        self.weight_hh = nn.Parameter(0.1 * torch.randn(hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.ones(hidden_size))

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)


class FastRNN(_SharedWeights):
    """The first equation; `alpha` and `beta` are what they start from."""

    def __init__(self, input_size: int, hidden_size: int, alpha: float = -3.0, beta: float = 3.0):
        super().__init__(input_size, hidden_size)
        self.alpha = nn.Parameter(torch.tensor(alpha))
        self.beta = nn.Parameter(torch.tensor(beta))

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        a = functional.linear(x_t, self.weight_ih) + functional.linear(state, self.weight_hh)
        candidate = torch.tanh(a + self.bias)
        h = self.alpha.sigmoid() * candidate + self.beta.sigmoid() * state
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        recurrence, new, kept = self.weight_hh.T, self.alpha.sigmoid(), self.beta.sigmoid()
        h, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih, self.bias).unbind(0):
            h = torch.addcmul(kept * h, new, torch.addmm(drive, h, recurrence).tanh())
            outputs.append(h)
        return torch.stack(outputs, dim=1)


class FastGRNN(_SharedWeights):
    """The gated equation; `zeta` and `nu` are what they start from."""

    def __init__(self, input_size: int, hidden_size: int, zeta: float = 1.0, nu: float = -4.0):
        super().__init__(input_size, hidden_size)
        self.bias_gate = nn.Parameter(torch.ones(hidden_size))
        self.zeta = nn.Parameter(torch.tensor(zeta))
        self.nu = nn.Parameter(torch.tensor(nu))

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; h is both the output and the next state."""
        a = functional.linear(x_t, self.weight_ih) + functional.linear(state, self.weight_hh)
        z, candidate = torch.sigmoid(a + self.bias_gate), torch.tanh(a + self.bias)
        h = (self.zeta.sigmoid() * (1 - z) + self.nu.sigmoid()) * candidate + z * state
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; the weight of the candidate is total - share z."""
        recurrence, share = self.weight_hh.T, self.zeta.sigmoid()
        total = share + self.nu.sigmoid()
        h, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih).unbind(0):
            a = torch.addmm(drive, h, recurrence)
            z, candidate = (a + self.bias_gate).sigmoid(), (a + self.bias).tanh()
            h = torch.addcmul(z * h, total - share * z, candidate)
            outputs.append(h)
        return torch.stack(outputs, dim=1)


def fastrnn_costs(
    input_size: int, hidden_size: int, alpha: float = -3.0, beta: float = 3.0
) -> Costs:
    """Of one step of FastRNN."""
    weights = hidden_size * (input_size + hidden_size)
    return Costs(parameters=weights + hidden_size + 2, state_size=hidden_size, flops=2 * weights)


def fastgrnn_costs(input_size: int, hidden_size: int, zeta: float = 1.0, nu: float = -4.0) -> Costs:
    """Of one step of FastGRNN; the gate needs no product of its own."""
    weights = hidden_size * (input_size + hidden_size)
    return Costs(
        parameters=weights + 2 * hidden_size + 2, state_size=hidden_size, flops=2 * weights
    )
