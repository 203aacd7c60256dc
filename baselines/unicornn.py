"""Layers of undamped, independent, nonlinear oscillators of position y and momentum z.

    z_t = z_{t-1} - s (tanh(w y_{t-1} + V x_t + b) + alpha y_{t-1}),    s = dt sigmoid(c)
    y_t = y_{t-1} + s z_t

T. K. Rusch, S. Mishra, "UnICORNN: a recurrent model for learning very long time dependencies",
2021, arXiv 2103.05487. A symplectic step of a Hamiltonian system: it keeps the volume of the state
and can be undone, whatever the parameters. Oscillators have a step size s of their own and meet
between layers only, so layers are stacked: each is fed with y of the one below, and the output is
the last layer's y.

Initialisation of the authors' code: w ~ U(0, 1), c ~ U(-0.1, 0.1), V Kaiming uniform of slope 8,
b = 0. Defaults are theirs for psMNIST (dt 0.19, alpha 30.65, three layers; dropout is left out);
they tune dt and alpha for each task.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs


class UnICORNN(nn.Module):
    """`num_layers` layers in steps of at most `time_step`; the state is y and z of every layer."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 3,
        time_step: float = 0.19,
        alpha: float = 30.65,
    ):
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"num_layers must be at least 1, got {num_layers}")
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.time_step, self.alpha = time_step, alpha
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        layers = [nn.Linear(size, hidden_size) for size in sizes]
        for layer in layers:
            nn.init.kaiming_uniform_(layer.weight, a=8)
            nn.init.zeros_(layer.bias)
        self.inputs = nn.ModuleList(layers)
        self.weight_hh = nn.Parameter(torch.rand(num_layers, hidden_size))
        self.pace = nn.Parameter(torch.empty(num_layers, hidden_size).uniform_(-0.1, 0.1))

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros: y and z of the first layer, then of the next."""
        return self.pace.new_zeros(batch, 2 * self.num_layers * self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above in every layer; the output is y of the last."""
        below, following = x_t, []
        pairs = state.unflatten(-1, (self.num_layers, 2, self.hidden_size)).unbind(1)
        for (layer, w, s), pair in zip(self._layers(), pairs, strict=True):
            y, z = pair.unbind(1)
            z = z - s * (torch.tanh(w * y + layer(below)) + self.alpha * y)
            below = y + s * z
            following += [below, z]
        return below, torch.cat(following, dim=-1)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """y of the last layer at every time step, one layer after the other."""
        sequence = x.transpose(0, 1)
        for layer, w, s in self._layers():
            drives = layer(sequence)
            y = z = torch.zeros_like(drives[0])
            outputs, shrink = [], -s
            for drive in drives.unbind(0):
                force = torch.add(torch.addcmul(drive, w, y).tanh(), y, alpha=self.alpha)
                z = torch.addcmul(z, shrink, force)
                y = torch.addcmul(y, s, z)
                outputs.append(y)
            sequence = torch.stack(outputs)
        return sequence.transpose(0, 1)

    def _layers(self) -> Iterator[tuple[nn.Linear, Tensor, Tensor]]:
        """The input map, w and s of every layer."""
        steps = self.time_step * self.pace.sigmoid()
        return zip(self.inputs, self.weight_hh.unbind(0), steps.unbind(0), strict=True)  # type: ignore


def costs(
    input_size: int,
    hidden_size: int,
    num_layers: int = 3,
    time_step: float = 0.19,
    alpha: float = 30.65,
) -> Costs:
    """Of one step of all layers; only the sizes matter."""
    weights = hidden_size * (input_size + (num_layers - 1) * hidden_size)
    units = num_layers * hidden_size
    return Costs(parameters=weights + 3 * units, state_size=2 * units, flops=2 * weights)
