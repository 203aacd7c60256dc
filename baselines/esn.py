"""The echo state network: a random recurrence that never learns, under a readout that does.

    h_t = tanh(W h_{t-1} + U x_t + b),    W, U and b fixed

H. Jaeger, "The 'echo state' approach to analysing and training recurrent neural networks", GMD
Report 148, 2001. Around h = 0 the state fades at the rate of W's spectral radius; below a largest
singular value of 1 it does so everywhere, which is the proved half of the echo state property.

W, U, b ~ U(-1, 1) before scaling: W to `spectral_radius`, exactly, by its eigenvalues, and U and b
by `input_scaling`. Both are tuned for each task; the defaults are those of A. Ceni's program for
psMNIST, as is the bias. Nothing is trained here, so W, U and b are buffers.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs


class ESN(nn.Module):
    """A body without parameters; the state is h."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        spectral_radius: float = 0.99,
        input_scaling: float = 1.0,
    ):
        super().__init__()
        self.hidden_size = hidden_size
        weight_ih = torch.empty(hidden_size, input_size).uniform_(-1.0, 1.0)
        self.register_buffer("weight_ih", input_scaling * weight_ih)
        self.register_buffer("weight_hh", random_reservoir(hidden_size, spectral_radius))
        bias = torch.empty(hidden_size).uniform_(-1.0, 1.0)
        self.register_buffer("bias", input_scaling * bias)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above; h is both the output and the next state."""
        drive = functional.linear(x_t, self.weight_ih, self.bias)
        h = torch.tanh(drive + functional.linear(state, self.weight_hh))
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step."""
        recurrence = self.weight_hh.T
        h, outputs = self.initial_state(len(x)), []
        for drive in functional.linear(x.transpose(0, 1), self.weight_ih, self.bias).unbind(0):
            h = torch.addmm(drive, h, recurrence).tanh()
            outputs.append(h)
        return torch.stack(outputs, dim=1)


def random_reservoir(size: int, spectral_radius: float) -> Float[Tensor, "size size"]:
    """A matrix of independent uniform entries, scaled to its spectral radius."""
    if spectral_radius < 0.0:
        raise ValueError(f"spectral_radius must not be negative, got {spectral_radius}")
    matrix = torch.empty(size, size, dtype=torch.float64).uniform_(-1.0, 1.0)
    radius = torch.linalg.eigvals(matrix).abs().max()
    return (matrix * (spectral_radius / radius)).to(torch.get_default_dtype())


def costs(
    input_size: int,
    hidden_size: int,
    spectral_radius: float = 0.99,
    input_scaling: float = 1.0,
) -> Costs:
    """Of one step; nothing in the body is trained."""
    flops = 2 * hidden_size * (input_size + hidden_size)
    return Costs(parameters=0, state_size=hidden_size, flops=flops)
