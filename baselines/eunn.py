"""The efficient unitary recurrent network: a complex state turned by layers of rotations of pairs.

    z_t = W h_{t-1} + V x_t,    W = D R_L ... R_2 R_1,    D = diag(exp(i omega))
    h_t = z_t relu(|z_t| + 0.01 + b) / (|z_t| + 0.01)

Each layer R turns disjoint pairs (j, k) of coordinates by angles of their own,

    h_j <- cos(theta) h_j - exp(i phi) sin(theta) h_k
    h_k <- sin(theta) h_j + exp(i phi) cos(theta) h_k

"tunable": layers take turns in pairing (0, 1), (2, 3), ... and (1, 2), (3, 4), ...; with
L = `capacity` = n they reach every unitary matrix by n^2 angles. "fft": log2(n) layers with
partners n/2, n/4, ..., 1 apart, as in a fast Fourier transform; n must be a power of two.

L. Jing, Y. Shen, T. Dubcek, J. Peurifoy, S. Skirlo, Y. LeCun, M. Tegmark, M. Soljacic, "Tunable
efficient unitary neural networks (EUNN) and their application to RNNs", 2017, arXiv 1612.05231.
Initialisation of the authors' code: every angle U(-pi, pi), V ~ U(-0.01, 0.01), b = 0, h_0 = 0.
Capacity 2 is the default of its cell, 4 that of its experiments; 0.01 is its constant. With b = 0
the activation is the identity, and without input the recurrence an isometry. The code refuses odd
sizes and capacities; here an odd size leaves one coordinate of each layer alone.
"""

import math
from functools import partial

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs
from baselines.modulus import ShiftedModulus
from baselines.orthogonal import real_form
from baselines.recurrence import recur
from baselines.uniform import uniform_parameter

EPSILON = 0.01
RELU = partial(ShiftedModulus, EPSILON, 0.0)


class EUNN(nn.Module):
    """State and output are the real parts of h followed by its imaginary parts, 2 * hidden_size.

    `rotations` are theta and phi of every pair, layer by layer; `phases` are omega.
    """

    partner: Tensor
    pairs: Tensor

    def __init__(
        self, input_size: int, hidden_size: int, capacity: int = 2, layout: str = "tunable"
    ):
        super().__init__()
        self.hidden_size = hidden_size
        partner = partners(hidden_size, capacity, layout)
        layer, first = torch.nonzero(partner > torch.arange(hidden_size), as_tuple=True)
        self.register_buffer("partner", partner)
        self.register_buffer("pairs", torch.stack([layer, first, partner[layer, first]]))
        self.weight_ih = uniform_parameter(0.01, 2 * hidden_size, input_size)
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.rotations = uniform_parameter(math.pi, 2, len(layer))
        self.phases = uniform_parameter(math.pi, hidden_size)

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros."""
        return self.bias.new_zeros(batch, 2 * self.hidden_size)

    def transition(self, h: Complex[Tensor, "batch hidden"]) -> Complex[Tensor, "batch hidden"]:
        """W h for every h of the batch, layer by layer."""
        (theta, phi), (layer, first, second) = self.rotations, self.pairs
        phase = torch.polar(torch.ones_like(phi), phi)
        kept = torch.ones(self.partner.shape, dtype=h.dtype, device=h.device)
        kept = kept.index_put((layer, first), theta.cos().to(h.dtype))
        kept = kept.index_put((layer, second), phase * theta.cos())
        taken = torch.zeros_like(kept).index_put((layer, first), -phase * theta.sin())
        taken = taken.index_put((layer, second), theta.sin().to(h.dtype))
        for own, other, partner in zip(kept, taken, self.partner, strict=True):
            h = own * h + other * h[:, partner]
        return h * torch.polar(torch.ones_like(self.phases), self.phases)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equations above; h is both the output and the next state."""
        turned = self.transition(torch.complex(*state.chunk(2, dim=1)))
        drive = functional.linear(x_t, self.weight_ih)
        h = self._activation(torch.cat([turned.real, turned.imag], dim=1) + drive)
        return h, h

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h at every time step, by one real product a step: W is multiplied out once.

        Few large operations beat many small ones up to a hidden size of a few hundred on a CPU.
        """
        real = torch.eye(self.hidden_size, dtype=self.bias.dtype, device=self.bias.device)
        w = self.transition(torch.complex(real, torch.zeros_like(real))).T
        matrix = real_form(torch.view_as_real(w).permute(2, 0, 1))
        drive = functional.linear(x.transpose(0, 1), self.weight_ih)
        return recur(RELU, drive, self.initial_state(len(x)), matrix, self.bias + EPSILON, parts=2)

    def _activation(self, z: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """h of z: the modulus moved by the bias, the phase kept."""
        z = z.unflatten(1, (2, self.hidden_size))
        # Without the bound the gradient of the root at z = 0, a first blank input, is not a number.
        square = z.square().sum(1, keepdim=True).clamp_min(torch.finfo(z.dtype).tiny)
        modulus = torch.sqrt(square) + EPSILON
        return (z * (torch.relu(modulus + self.bias) / modulus)).flatten(1)


def partners(size: int, capacity: int, layout: str) -> Int[Tensor, "layers size"]:
    """With whom each coordinate is paired in each layer; with itself where it is left alone."""
    if layout not in ("fft", "tunable"):
        raise ValueError(f"layout {layout!r} is none of ['fft', 'tunable']")
    place = torch.arange(size)
    if layout == "tunable":
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity}")
        first = torch.arange(capacity).unsqueeze(1) % 2
        other = (place - first).bitwise_xor(torch.tensor(1)) + first
        return torch.where((other >= 0) & (other < size), other, place)
    if size < 2 or size & (size - 1):
        raise ValueError(f"hidden_size must be a power of two for the fft layout, got {size}")
    apart = 2 ** torch.arange(size.bit_length() - 1).flip(0)
    return place.bitwise_xor(apart.unsqueeze(1))


def costs(input_size: int, hidden_size: int, capacity: int = 2, layout: str = "tunable") -> Costs:
    """A rotation counts as the product with a complex 2 x 2 matrix that it is, 32."""
    n = hidden_size
    partner = partners(n, capacity, layout)
    rotations = int((partner > torch.arange(n)).sum())
    return Costs(
        parameters=2 * rotations + 2 * n * input_size + 2 * n,
        state_size=2 * n,
        flops=32 * rotations + 4 * n * input_size,
    )
