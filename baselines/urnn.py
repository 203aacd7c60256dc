"""The unitary recurrent network: a complex state and a transition built of seven unitary factors.

    z_t = W h_{t-1} + V x_t,    W = D3 R2 F^-1 D2 P R1 F D1
    h_t = z_t relu(|z_t| + b) / (|z_t| + 1e-5)

D = diag(exp(i theta)), R = I - 2 v v* / ||v||^2, F is the unitary Fourier transform and P a fixed
random permutation; h_0 is learned. 7 H numbers parametrise W.

M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", 2016,
arXiv 1511.06464. Initialisation: theta ~ U(-pi, pi), V Glorot uniform, b ~ U(-0.01, 0.01),
h_0 ~ U(-sqrt(3 / 2H), sqrt(3 / 2H)) so that E||h_0||^2 = 1, and v ~ U(-1, 1), whose scale is
immaterial. The 1e-5 and the distribution of b are those of the authors' code.
"""

import math
from functools import partial

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.modulus import ShiftedModulus
from baselines.orthogonal import real_form
from baselines.recurrence import recur
from baselines.uniform import uniform_parameter

EPSILON = 1e-5
RELU = partial(ShiftedModulus, EPSILON, 0.0)


class UnitaryRNN(nn.Module):
    """State and output are the real parts of h followed by its imaginary parts, 2 * hidden_size."""

    permutation: Tensor

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        glorot, unit = math.sqrt(6 / (input_size + hidden_size)), math.sqrt(1.5 / hidden_size)
        self.weight_ih = uniform_parameter(glorot, 2 * hidden_size, input_size)
        self.bias = uniform_parameter(0.01, hidden_size)
        self.angles = uniform_parameter(math.pi, 3, hidden_size)
        self.reflections = uniform_parameter(1.0, 2, 2, hidden_size)
        self.first_state = uniform_parameter(unit, 2 * hidden_size)
        self.register_buffer("permutation", torch.randperm(hidden_size))

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """The learned h_0, for every sequence the same."""
        return self.first_state.expand(batch, -1)

    def transition(self, h: Complex[Tensor, "batch hidden"]) -> Complex[Tensor, "batch hidden"]:
        """W h for every h of the batch, factor by factor."""
        d1, d2, d3 = torch.polar(torch.ones_like(self.angles), self.angles)
        v1, v2 = torch.complex(self.reflections[:, 0], self.reflections[:, 1])
        h = _reflect(torch.fft.fft(d1 * h, norm="ortho"), v1)
        h = torch.fft.ifft(d2 * h[:, self.permutation], norm="ortho")
        return d3 * _reflect(h, v2)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; h is both the output and the next state."""
        h = torch.complex(*state.chunk(2, dim=-1))
        drive = torch.complex(*functional.linear(x_t, self.weight_ih).chunk(2, dim=-1))
        z = self.transition(h) + drive
        h = z * torch.relu(z.abs() + self.bias) / (z.abs() + EPSILON)
        state = torch.cat([h.real, h.imag], dim=-1)
        return state, state

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step, by one real product a step: W is multiplied out once.

        Few large operations beat many small ones up to a hidden size of a few hundred on a CPU.
        """
        drive, w = functional.linear(x.transpose(0, 1), self.weight_ih), self._real_transition()
        return recur(RELU, drive, self.initial_state(len(x)), w, self.bias, parts=2)

    def _real_transition(self) -> Float[Tensor, "state_size state_size"]:
        """W as the real matrix that acts on states."""
        real = torch.eye(self.hidden_size, dtype=self.angles.dtype, device=self.angles.device)
        columns = self.transition(torch.complex(real, torch.zeros_like(real)))
        return real_form(torch.view_as_real(columns.T).permute(2, 0, 1))


def _reflect(
    h: Complex[Tensor, "batch hidden"], v: Complex[Tensor, " hidden"]
) -> Complex[Tensor, "batch hidden"]:
    """h mirrored at the hyperplane orthogonal to v."""
    v = v / torch.linalg.vector_norm(v)
    return h - 2 * (h @ v.conj()).unsqueeze(-1) * v


def costs(input_size: int, hidden_size: int) -> Costs:
    """Of one step factor by factor: two Fourier transforms and two complex inner products."""
    fourier, inner = 5 * hidden_size * math.log2(hidden_size), 8 * hidden_size
    flops = 4 * hidden_size * input_size + 2 * round(fourier) + 2 * inner
    parameters = 2 * hidden_size * input_size + 10 * hidden_size
    return Costs(parameters=parameters, state_size=2 * hidden_size, flops=flops)
