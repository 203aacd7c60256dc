"""The rectifier that moves a magnitude and keeps its sign.

    h = sign(z) relu(|z| + b)

M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", 2016,
arXiv 1511.06464, for complex z; for real z it is that of the orthogonal networks. Where h is not 0,
dh/dz is 1 and dh/db is sign(h).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from baselines.recurrence import Activation, Steps, Units


def modrelu(
    z: Float[Tensor, "batch width"], bias: Float[Tensor, " width"]
) -> Float[Tensor, "batch width"]:
    """z with its magnitude shifted by the bias and never below zero."""
    return z.sign() * torch.relu(z.abs() + bias)


@dataclass(frozen=True)
class ModReLU(Activation):
    """The same in a recurrence."""

    bias: Float[Tensor, " width"]

    def apply(self, z: Units, h: Units) -> None:
        torch.abs(z[0], out=h[0]).add_(self.bias).relu_().mul_(z[0].sign_())

    def slopes(self, z: Steps, h: Steps) -> list[Tensor]:
        return [h.sign().abs_()]

    def gradients(self, deltas: Steps, z: Steps, h: Steps) -> list[Tensor]:
        return [(deltas * h.sign()).sum((0, 1, 2))]
