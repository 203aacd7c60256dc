"""The linear oscillatory state-space model: forced oscillators, read through a gated linear unit.

    z' = -A y + B u,    y' = z,    v = Re(C y) + D u,    u = LayerNorm(x)
    out = x + a * sigmoid(g),    (a, g) = G gelu(v) + b

with A >= 0 diagonal, B and C complex. T. K. Rusch, D. Rus, "Oscillatory state-space models", 2025,
arXiv 2410.03943. Both discretisations are (z, y)_t = M ((z, y)_{t-1} + dt (B u_t, 0)) for each
oscillator,

    IM      M = S [1, -dt A; dt, 1],  S = 1 / (1 + dt^2 A)    implicit: |eigenvalues|^2 = S <= 1
    IMEX    M = [1, -dt A; dt, 1 - dt^2 A]                    symplectic: det M = 1

where the eigenvalues of IMEX are on the unit circle while dt^2 A <= 4, which nothing enforces.
A linear encoder lifts the input to `hidden_size`; the paper's block (norm, oscillators, gated
linear unit, skip) follows `num_layers` times. The paper stacks several; the default is 1, for
comparison with recurrent networks of one layer. Its batch normalisation mixes sequences and time
steps and is a layer's here; its dropout is left out.

Initialisation of the authors' code: A = relu(U(0, 1)), dt = sigmoid(U(0, 1)), both trained,
B ~ U(-1/sqrt(H), 1/sqrt(H)), C ~ U(-1/sqrt(P), 1/sqrt(P)), D ~ N(0, 1).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.oscillator_scan import oscillator_scan
from baselines.stack import Stack
from baselines.uniform import uniform_parameter

Transition = Float[Tensor, "2 2 channels"]


class LinOSS(Stack):
    """Blocks of `oscillators` P, by default `hidden_size`; the state of each is z, then y."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        discretization: str = "IM",
        oscillators: int | None = None,
    ):
        if discretization not in DISCRETIZATIONS:
            choices = sorted(DISCRETIZATIONS)
            raise ValueError(f"discretization {discretization!r} is none of {choices}")
        size = hidden_size if oscillators is None else oscillators
        blocks = [LinOSSBlock(hidden_size, size, discretization) for _ in range(num_layers)]
        super().__init__(nn.Linear(input_size, hidden_size), blocks, nn.Identity())


class LinOSSBlock(nn.Module):
    """The equations above; the complex z and y are real parts, then imaginary parts."""

    def __init__(self, width: int, oscillators: int, discretization: str):
        super().__init__()
        self.oscillators, self.discretize = oscillators, DISCRETIZATIONS[discretization]
        self.stiffness = nn.Parameter(torch.rand(oscillators))
        self.pace = nn.Parameter(torch.rand(oscillators))
        # Real parts above imaginary ones; C's imaginary half carries the minus sign of Re(C y).
        self.weight_in = uniform_parameter(1 / math.sqrt(width), 2 * oscillators, width)
        self.weight_out = uniform_parameter(1 / math.sqrt(oscillators), width, 2 * oscillators)
        self.feedthrough = nn.Parameter(torch.randn(width))
        self.gated = nn.Linear(width, 2 * width)

    def transition(self) -> tuple[Transition, Float[Tensor, "2 channels"]]:
        """M, and what dt (B u, 0) becomes by it, for the real parts and again the imaginary."""
        a, dt = torch.relu(self.stiffness).repeat(2), torch.sigmoid(self.pace).repeat(2)
        m = self.discretize(a, dt)
        return m, dt * m[:, 0]

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.pace.new_zeros(batch, 4 * self.oscillators)

    def step(
        self, x_t: Float[Tensor, "batch hidden"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch state_size"]]:
        """One time step of the oscillators, then the gated linear unit."""
        m, entry = self.transition()
        u = functional.layer_norm(x_t, x_t.shape[-1:])
        force = entry * functional.linear(u, self.weight_in).unsqueeze(-2)
        pair = _apply(m, state.unflatten(-1, (2, -1))) + force
        return self._read(x_t, u, pair), pair.flatten(-2)

    def forward(self, x: Float[Tensor, "batch time hidden"]) -> Float[Tensor, "batch time hidden"]:
        """The block's output at every time step, its states by one parallel scan."""
        m, entry = self.transition()
        x = x.transpose(0, 1)
        u = functional.layer_norm(x, x.shape[-1:])
        forces = entry * functional.linear(u, self.weight_in).unsqueeze(-2)
        pairs = oscillator_scan(m, forces, torch.zeros_like(forces[0]))
        return self._read(x, u, pairs).transpose(0, 1)

    def _read(
        self,
        x: Float[Tensor, "*rows hidden"],
        u: Float[Tensor, "*rows hidden"],
        pair: Float[Tensor, "*rows 2 channels"],
    ) -> Float[Tensor, "*rows hidden"]:
        """x + GLU(gelu(Re(C y) + D u)), gelu in its tanh form as in the authors' code."""
        v = functional.linear(pair[..., 1, :], self.weight_out) + self.feedthrough * u
        # `functional.glu` has no forward-mode rule under `vmap`, which Jacobians need.
        a, g = self.gated(functional.gelu(v, approximate="tanh")).chunk(2, dim=-1)
        return x + a * torch.sigmoid(g)


def _apply(
    m: Transition, pair: Float[Tensor, "*rows 2 channels"]
) -> Float[Tensor, "*rows 2 channels"]:
    """M times every pair (z, y)."""
    return torch.addcmul(m[:, 0] * pair[..., :1, :], m[:, 1], pair[..., 1:, :])


def _implicit(a: Float[Tensor, " channels"], dt: Float[Tensor, " channels"]) -> Transition:
    s = 1 / (1 + dt**2 * a)
    return torch.stack([torch.stack([s, -dt * a * s]), torch.stack([dt * s, s])])


def _implicit_explicit(a: Float[Tensor, " channels"], dt: Float[Tensor, " channels"]) -> Transition:
    one = torch.ones_like(a)
    return torch.stack([torch.stack([one, -dt * a]), torch.stack([dt, 1 - dt**2 * a])])


DISCRETIZATIONS = {"IM": _implicit, "IMEX": _implicit_explicit}


def costs(
    input_size: int,
    hidden_size: int,
    num_layers: int = 1,
    discretization: str = "IM",
    oscillators: int | None = None,
) -> Costs:
    """Of one step of all layers; both discretisations cost the same."""
    size = hidden_size if oscillators is None else oscillators
    encoder, block = hidden_size * input_size, hidden_size * (4 * size + 2 * hidden_size)
    vectors = hidden_size + num_layers * (3 * hidden_size + 2 * size)
    weights = encoder + num_layers * block
    return Costs(parameters=weights + vectors, state_size=4 * num_layers * size, flops=2 * weights)
