"""The rectifier of complex units, which moves the modulus and keeps the phase.

    h = z relu(m + b) / (m + e),    m = sqrt(|z|^2 + q)

for a complex z in real and imaginary parts; e, `outside` the root, and q, `inside`, are constants
of each paper. With r = relu(m + b) / (m + e) the slope of h by z is the symmetric 2 x 2 matrix

    r I + r' / m z z^T,    r' = (e - b) / (m + e)^2 where m + b > 0, else 0
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.recurrence import Activation, Steps, Units

TINY = 1e-18
"""Below every modulus that counts, and not 0 when multiplied by 1e-10."""


@dataclass(frozen=True)
class ShiftedModulus(Activation):
    """f on real and imaginary parts."""

    outside: float
    inside: float
    bias: Float[Tensor, " hidden"]

    def apply(self, z: Units, h: Units) -> None:
        factor = self._factor(self._modulus(*z))
        for before, after in zip(z, h, strict=True):
            torch.mul(before, factor, out=after)

    def slopes(self, z: Steps, h: Steps) -> list[Tensor]:
        modulus = self._modulus(*z.unbind(2))
        # at z = 0 the second term is 0: the bound keeps it from being 0 / 0
        bounded = modulus.clamp_min(TINY)
        factor = self._factor(modulus)
        bend = (self.outside - self.bias) / modulus.square_().mul_(bounded)
        bent = z * bend.mul_(factor.sign()).unsqueeze(2)
        real, imaginary = z.split(1, dim=2)
        first, second = bent * real, bent.mul_(imaginary)
        first[:, :, 0] += factor
        second[:, :, 1] += factor
        return [first, second]

    def gradients(self, deltas: Steps, z: Steps, h: Steps) -> list[Tensor]:
        (d_real, d_imaginary), (real, imaginary) = deltas.unbind(2), z.unbind(2)
        modulus = self._modulus(real, imaginary)
        active = self._factor(modulus).sign_()
        along = (d_real * real).addcmul_(d_imaginary, imaginary)
        return [along.div_(modulus).mul_(active).sum((0, 1))]

    def _modulus(self, real: Tensor, imaginary: Tensor) -> Float[Tensor, "*rows hidden"]:
        """m."""
        return torch.addcmul(real * real, imaginary, imaginary).add_(self.inside).sqrt_()

    def _factor(self, modulus: Float[Tensor, "*rows hidden"]) -> Float[Tensor, "*rows hidden"]:
        """relu(1 + (b - e) / (m + e)); leaves m + e where m was."""
        one = modulus.new_ones(())
        return torch.addcdiv(one, self.bias - self.outside, modulus.add_(self.outside)).relu_()
