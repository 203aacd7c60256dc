"""The plain deep convolutional network, whose layers start as isometries of the image.

    x_{l+1} = tanh(W_l * x_l + b_l),   W * x a 3x3 convolution with circular padding

L. Xiao, Y. Bahri, J. Sohl-Dickstein, S. S. Schoenholz, J. Pennington, "Dynamical isometry and a
mean field theory of CNNs: how to train 10,000-layer vanilla convolutional neural networks", ICML
2018, arXiv 1806.05393. Delta-orthogonal initialisation: the centre of a kernel is sigma_w times a
Haar orthogonal matrix, all else is 0, and b ~ N(0, sigma_b^2). With z ~ N(0, 1), the critical line

    sigma_w^2 E[tanh'(sqrt(q) z)^2] = 1,   q = sigma_w^2 E[tanh(sqrt(q) z)^2] + sigma_b^2

keeps the size of a gradient and a variance q before tanh. q = 1 / depth and the circular padding
are those of the authors' program (brain-research/mean-field-cnns 548a396). q = 0 gives sigma_w = 1
and sigma_b = 0, where signal and gradient shrink as a power of the depth.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from baselines.costs import Costs
from baselines.sizes import check_sizes


class DeltaOrthogonalCNN(nn.Module):
    """`depth` tanh convolutions of `width` channels, their weights stacked in one tensor.

    `variance` is q above; None means 1 / depth.
    """

    def __init__(self, width: int, depth: int, variance: float | int | None = None):
        super().__init__()
        check_sizes(width=width, depth=depth)
        weight_variance, bias_variance = critical_line(1 / depth if variance is None else variance)
        weight = torch.zeros(depth, width, width, 3, 3)
        weight[..., 1, 1] = math.sqrt(weight_variance) * _haar(depth, width)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(math.sqrt(bias_variance) * torch.randn(depth, width))

    def step(
        self, x: Float[Tensor, "batch channels rows columns"], layer: int
    ) -> Float[Tensor, "batch channels rows columns"]:
        """One layer of the equation above."""
        return _convolve(x, self.weight[layer], self.bias[layer]).tanh()

    def forward(
        self, x: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        """The composition of all layers."""
        # Indexing the stack layer by layer would make the backward pass quadratic in depth.
        for weight, bias in zip(self.weight.unbind(0), self.bias.unbind(0), strict=True):
            x = _convolve(x, weight, bias).tanh()
        return x


def critical_line(variance: float | int) -> tuple[float, float]:
    """(sigma_w^2, sigma_b^2) of the critical line of tanh at that q; a q below 0 is a ValueError.

    sigma_b^2 is 4 q^3 / 3 for a small q.
    """
    if not variance >= 0:
        raise ValueError(f"variance must be at least 0, not {variance}")
    # The trapezoidal rule is exact to rounding on an analytic function that falls to 0 at both ends
    z = torch.linspace(-10, 10, 2001, dtype=torch.float64)
    density = torch.exp(-(z**2) / 2)
    value = torch.tanh(math.sqrt(variance) * z)
    kept = density.sum() / (density * (1 - value**2) ** 2).sum()
    lost = variance - kept * (density * value**2).sum() / density.sum()
    return kept.item(), max(lost.item(), 0.0)


def costs(width: int, depth: int, variance: float | int | None = None) -> Costs:
    """Parameters of the whole stack; state and operations are those of one layer at one pixel."""
    return Costs(depth * (9 * width**2 + width), state_size=width, flops=18 * width**2)


def _haar(count: int, size: int) -> Float[Tensor, "count size size"]:
    """Orthogonal matrices, uniform over the group: Q with the diagonal of R made positive."""
    q, r = torch.linalg.qr(torch.randn(count, size, size))
    return q * r.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)


def _convolve(
    x: Float[Tensor, "batch channels rows columns"],
    weight: Float[Tensor, "channels channels 3 3"],
    bias: Float[Tensor, " channels"],
) -> Float[Tensor, "batch channels rows columns"]:
    return conv2d(pad(x, (1, 1, 1, 1), mode="circular"), weight, bias)
