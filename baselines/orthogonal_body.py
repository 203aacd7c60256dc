"""The recurrence of the networks with a trained orthogonal matrix and modReLU; W and V are theirs.

h_t = modReLU(W h_{t-1} + V x_t; b)
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.modrelu import ModReLU, modrelu
from baselines.recurrence import recur


class OrthogonalBody(nn.Module):
    """`weight_hh` is W, `weight_ih` is V, `bias` is b, set by who inherits; the state is h."""

    weight_hh: Tensor
    weight_ih: Tensor
    bias: Tensor

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, len(self.bias))

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state.

        Each call computes W anew: iterate inside `parametrize.cached()`.
        """
        z = functional.linear(state, self.weight_hh) + functional.linear(x_t, self.weight_ih)
        h = modrelu(z, self.bias)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step; W is computed once."""
        drive = functional.linear(x.transpose(0, 1), self.weight_ih)
        return recur(ModReLU, drive, self.initial_state(len(x)), self.weight_hh, self.bias)
