"""The adaptive-saturated recurrent network: how far tanh saturates is learned for each direction.

    h_t = F^-1 tanh(F (W h_{t-1} + V x_t + b)),    F = U D
    W = exp(A) and U = exp(C) orthogonal,    D = diag(|s| + epsilon)

Where D is small, F^-1 tanh(F z) is z and the network is orthogonal and linear; where D is large,
tanh saturates as in an Elman network.

K. M. Nguyen-Duy, Q. Pham, B. T. Nguyen, "Adaptive-saturated RNN: remember more with less
instability", 2023, arXiv 2304.11790. Initialisation of the authors' code: A of 2 x 2 blocks
("cayley" for images, "henaff" for copying), C = 0, V orthogonal, b = 0, s ~ U(low, high). Defaults
are theirs for digits; for copying they take low = high = 0 and epsilon = 1e-5, and s = 0 never
moves, for there |s| has the gradient 0. They train A and C at a tenth of the rate and clip
gradients at 10.

With g_t = F h_t = tanh(...) the recurrence is g_t = tanh(F W F^-1 g_{t-1} + F (V x_t + b)), and
one product turns every g into h.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.orthogonal import Exponential, parametrize_by_skew, rotation_entries
from baselines.recurrence import Activation, Steps, Units, recur


class AdaptiveSaturatedRNN(nn.Module):
    """`weight_hh` is W, `directions` U; the state is h."""

    weight_hh: Tensor
    directions: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        low: float = 0.02,
        high: float = 0.02,
        epsilon: float = 0.01,
        initialisation: str = "cayley",
    ):
        super().__init__()
        if epsilon <= 0:
            raise ValueError(f"epsilon must be above 0, got {epsilon}")
        self.hidden_size, self.epsilon = hidden_size, epsilon
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        nn.init.orthogonal_(self.weight_ih)
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.saturation = nn.Parameter(torch.empty(hidden_size).uniform_(low, high))
        entries = rotation_entries(hidden_size, initialisation)
        parametrize_by_skew(self, "weight_hh", entries, hidden_size, Exponential())
        nothing = torch.zeros_like(entries)
        parametrize_by_skew(self, "directions", nothing, hidden_size, Exponential())

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state.

        Each call computes W and U anew: iterate inside `parametrize.cached()`.
        """
        d, directions = self._scales(), self.directions
        drive = functional.linear(x_t, self.weight_ih, self.bias)
        z = functional.linear(state, self.weight_hh) + drive
        g = torch.tanh(functional.linear(d * z, directions))
        h = functional.linear(g, directions.T) / d
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step, by one product and one tanh a step."""
        d, directions = self._scales(), self.directions
        coder = directions * d
        decoder = directions.T / d.unsqueeze(1)
        drives = functional.linear(x.transpose(0, 1), coder @ self.weight_ih, coder @ self.bias)
        recurrence, state = coder @ self.weight_hh @ decoder, self.initial_state(len(x))
        return functional.linear(recur(Squashed, drives, state, recurrence), decoder)

    def _scales(self) -> Float[Tensor, " hidden"]:
        """The diagonal of D."""
        return self.saturation.abs() + self.epsilon


class Squashed(Activation):
    """tanh."""

    def apply(self, z: Units, h: Units) -> None:
        torch.tanh(z[0], out=h[0])

    def slopes(self, z: Steps, h: Steps) -> list[Tensor]:
        return [(h * h).neg_().add_(1)]


def costs(
    input_size: int,
    hidden_size: int,
    low: float = 0.02,
    high: float = 0.02,
    epsilon: float = 0.01,
    initialisation: str = "cayley",
) -> Costs:
    """Of the step as written: W, F and its inverse."""
    n = hidden_size
    return Costs(
        parameters=n * (n - 1) + n * input_size + 2 * n,
        state_size=n,
        flops=2 * n * (3 * n + input_size),
    )
