"""The full-capacity unitary recurrent network: the state is complex and W any unitary matrix.

    z_t = W h_{t-1} + V x_t,    m_t = sqrt(|z_t|^2 + 1e-5)
    h_t = z_t relu(m_t + b) / (m_t + 1e-5)

S. Wisdom, T. Powers, J. R. Hershey, J. Le Roux, L. Atlas, "Full-capacity unitary recurrent neural
networks", 2016, arXiv 1611.00035. The paper trains W by an update of its own, with G the gradient
of W and a rate apart from that of the other weights,

    W <- (I + rate/2 S)^-1 (I - rate/2 S) W,    S = G W* - W G*      (their equations 8 and 9)

That needs another optimiser for one weight. Here every optimiser serves: W = exp(A) B with a fixed
unitary B and a trained skew-Hermitian A, which reaches every unitary matrix. A starts at 0, and
its n^2 real numbers are scaled so that the first step of plain gradient descent is the paper's
step up to the third order in the rate. Later steps differ: the paper's start from the last W, ours
from B. Give A no weight decay, which would pull W towards B.

Initialisation of the authors' code: W is a random matrix of the restricted family of
arXiv 1511.06464 (`baselines.urnn`), V Glorot uniform, b ~ U(-0.01, 0.01), and a learned
h_0 ~ U(-sqrt(3 / 2n), sqrt(3 / 2n)). The 1e-5 are theirs. For digits they train W at a hundredth or
a thousandth of the rate of the others, for copying at the same.
"""

import math
from functools import partial

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from baselines.costs import Costs
from baselines.exponential import matrix_exponential
from baselines.modulus import ShiftedModulus
from baselines.orthogonal import real_form
from baselines.recurrence import recur
from baselines.uniform import uniform_parameter
from baselines.urnn import UnitaryRNN

EPSILON = 1e-5
RELU = partial(ShiftedModulus, EPSILON, EPSILON)


class FullCapacityURNN(nn.Module):
    """State and output are the real parts of h followed by its imaginary parts, 2 * hidden_size.

    `weight_hh` is W as the real matrix that acts on such states.
    """

    weight_hh: Tensor

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.hidden_size = hidden_size
        glorot, unit = math.sqrt(6 / (input_size + hidden_size)), math.sqrt(1.5 / hidden_size)
        self.weight_ih = uniform_parameter(glorot, 2 * hidden_size, input_size)
        self.bias = uniform_parameter(0.01, hidden_size)
        self.first_state = uniform_parameter(unit, 2 * hidden_size)
        self.weight_hh = nn.Parameter(torch.zeros(hidden_size, hidden_size))
        identity = torch.eye(hidden_size)
        base = UnitaryRNN(1, hidden_size).transition(torch.complex(identity, 0 * identity))
        # Unsafe only says that the matrix has another shape than the stored numbers.
        parametrize.register_parametrization(self, "weight_hh", Unitary(base), unsafe=True)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """The learned h_0, for every sequence the same."""
        return self.first_state.expand(batch, -1)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; h is both the output and the next state.

        Each call computes W anew: iterate inside `parametrize.cached()`.
        """
        drive = functional.linear(x_t, self.weight_ih)
        h = self._activation(functional.linear(state, self.weight_hh) + drive)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step, for one matrix exponential."""
        drive = functional.linear(x.transpose(0, 1), self.weight_ih)
        return recur(RELU, drive, self.initial_state(len(x)), self.weight_hh, self.bias, parts=2)

    def _activation(self, z: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """h of z: the modulus moved by the bias, the phase kept."""
        z = z.unflatten(1, (2, self.hidden_size))
        modulus = torch.sqrt(z.square().sum(1, keepdim=True) + EPSILON)
        return (z * (torch.relu(modulus + self.bias) / (modulus + EPSILON))).flatten(1)


class Unitary(nn.Module):
    """W in its real form, of the n^2 real numbers of A.

    Below the diagonal stand the real parts of A, above it the imaginary parts, on it those divided
    by sqrt(2), so that every number moves A by sqrt(2) in the Frobenius norm.
    """

    base: Tensor

    def __init__(self, base: Complex[Tensor, "size size"]):
        super().__init__()
        # Two real matrices, since `module.double()` leaves complex ones as they are.
        self.register_buffer("base", torch.view_as_real(base.detach()).permute(2, 0, 1).clone())

    def forward(self, numbers: Float[Tensor, "size size"]) -> Float[Tensor, "double double"]:
        """exp(A) B."""
        real, imaginary = numbers.tril(-1), numbers.triu(1)
        phases = (math.sqrt(2) * numbers.diagonal()).diag()
        skew = torch.complex(real - real.T, imaginary + imaginary.T + phases)
        w = matrix_exponential(skew) @ torch.complex(*self.base)
        return real_form(torch.stack([w.real, w.imag]))


def costs(input_size: int, hidden_size: int) -> Costs:
    """A complex product counts as the real one of twice the size."""
    n = hidden_size
    return Costs(
        parameters=n * n + 2 * n * input_size + 3 * n,
        state_size=2 * n,
        flops=2 * (2 * n) * (2 * n + input_size),
    )
