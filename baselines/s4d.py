"""The diagonal state space model S4D-Lin inside a gated residual block.

    s_t = exp(dt a) s_{t-1} + (exp(dt a) - 1) / a x_t,    a = -exp(alpha) + i omega
    y_t = 2 Re(sum_n c_n s_{t,n}) + d x_t
    out = LayerNorm(x_t + W_1 gelu(y_t) * sigmoid(W_2 gelu(y_t)))

for each of the `hidden_size` channels, which only the gated linear unit mixes. A. Gu, A. Gupta,
K. Goel, C. Re, "On the parameterization and initialization of diagonal state space models", 2022,
arXiv 2206.11893. Zero-order hold, step dt. `state_size` real numbers a channel are half as many
complex ones. A linear encoder and the block of the authors' minimal code follow, `num_layers`
times; they stack 4 to 6, the default here is 1, beside recurrent networks of one layer.

Initialisation: a_n = -1/2 + i pi n, log dt ~ U(log 0.001, log 0.1) a channel, Re c and Im c
~ N(0, 1/2), d ~ N(0, 1). Train dt and a at the rate 0.001 at most and without weight decay.

The forward pass convolves with the impulse response by a Fourier transform. With t = q r + p the
powers exp(dt a t) are products of two small tables, so the response needs memory in
state_size sqrt(T), not state_size T. expm1 keeps the digits that exp(dt a) - 1 loses for small dt.
"""

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.stack import Stack

SHORTEST, LONGEST = 0.001, 0.1


class S4D(Stack):
    """Blocks on a linear encoder; the state of each is Re s and Im s, the output `hidden_size`."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, state_size: int = 64
    ):
        blocks = [S4DBlock(hidden_size, state_size) for _ in range(num_layers)]
        super().__init__(nn.Linear(input_size, hidden_size), blocks, nn.Identity())


class S4DBlock(nn.Module):
    """The equations above, `state_size` real numbers a channel."""

    def __init__(self, width: int, state_size: int = 64):
        super().__init__()
        if state_size < 2 or state_size % 2:
            raise ValueError(f"state_size must be even and at least 2, got {state_size}")
        modes = state_size // 2
        uniform = torch.empty(width).uniform_(math.log(SHORTEST), math.log(LONGEST))
        self.log_time_step = nn.Parameter(uniform)
        self.log_rate = nn.Parameter(torch.full((width, modes), math.log(0.5)))
        frequency = math.pi * torch.arange(modes, dtype=uniform.dtype)
        self.frequency = nn.Parameter(frequency.repeat(width, 1))
        self.readout = nn.Parameter(torch.randn(2, width, modes) / math.sqrt(2))
        self.skip = nn.Parameter(torch.randn(width))
        self.gate, self.norm = nn.Linear(width, 2 * width), nn.LayerNorm(width)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros: Re s of every channel, then Im s."""
        return self.skip.new_zeros(batch, 2 * self.log_rate.numel())

    def step(
        self, x_t: Float[Tensor, "batch width"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above."""
        exponent, gain = self._discretised()
        s = torch.complex(*state.unflatten(1, (2, *exponent.shape)).unbind(1))
        s = torch.exp(exponent) * s + gain * x_t.unsqueeze(-1)
        parts, weights = torch.cat([s.real, s.imag], dim=-1), torch.cat([*self._weights()], dim=-1)
        y = torch.einsum("bcn,cn->bc", parts, weights)
        return self._mixed(x_t, y), torch.stack([s.real, s.imag], dim=1).flatten(1)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        """The output at every time step, by a convolution."""
        time = x.shape[1]
        response = torch.fft.rfft(self.impulse_response(time), n=2 * time, dim=0)
        spectrum = torch.fft.rfft(x, n=2 * time, dim=1) * response
        return self._mixed(x, torch.fft.irfft(spectrum, n=2 * time, dim=1)[:, :time])

    def impulse_response(self, time: int) -> Float[Tensor, "time width"]:
        """y over `time` steps for an input of 1 at the first, without the skip."""
        exponent, gain = self._discretised()
        real, imaginary = self._weights()
        size = math.isqrt(time - 1) + 1
        near = torch.arange(size, device=exponent.device)
        coarse = torch.exp(exponent.unsqueeze(1) * (size * near).unsqueeze(-1))
        fine = torch.exp(exponent.unsqueeze(-1) * near)
        weighted = coarse * (torch.complex(real, -imaginary) * gain).unsqueeze(1)
        return (weighted @ fine).real.flatten(1)[:, :time].T

    def _discretised(self) -> tuple[Complex[Tensor, "width modes"], Complex[Tensor, "width modes"]]:
        """dt a, and the gain of the input."""
        a = torch.complex(-torch.exp(self.log_rate), self.frequency)
        exponent = a * torch.exp(self.log_time_step).unsqueeze(-1)
        return exponent, torch.expm1(exponent) / a

    def _weights(self) -> tuple[Float[Tensor, "width modes"], Float[Tensor, "width modes"]]:
        """What Re s and Im s are multiplied by."""
        return 2 * self.readout[0], -2 * self.readout[1]

    def _mixed(
        self, x: Float[Tensor, "*batch width"], y: Float[Tensor, "*batch width"]
    ) -> Float[Tensor, "*batch width"]:
        mixed = functional.glu(self.gate(functional.gelu(y + self.skip * x)), dim=-1)
        return self.norm(x + mixed)


def costs(input_size: int, hidden_size: int, num_layers: int = 1, state_size: int = 64) -> Costs:
    """Of a body with these arguments, for a step of the recurrence."""
    width = hidden_size
    block = 2 * width + 2 * state_size * width + 2 * width * (width + 1) + 2 * width
    return Costs(
        parameters=(input_size + 1) * width + num_layers * block,
        state_size=num_layers * width * state_size,
        flops=2 * input_size * width + num_layers * (2 * width * state_size + 4 * width**2),
    )
