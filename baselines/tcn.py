"""The temporal convolutional network: residual blocks of causal convolutions, dilated by 2^level.

    y = relu(conv_2(relu(conv_1(x))))
    out = relu(y + x)                       a matrix on x where the widths differ

S. Bai, J. Z. Kolter, V. Koltun, "An empirical evaluation of generic convolutional and recurrent
networks for sequence modeling", 2018, arXiv 1803.01271. Both convolutions of a block have the
same kernel and dilation, weights of a learned norm and direction (weight normalisation), and zeros
before the first step. An output sees 1 + 2 (kernel_size - 1) (2^num_layers - 1) steps.

Defaults are the paper's for permuted MNIST: 8 levels, kernel 7, 3,061 steps; its width there is 25.
The paper draws weights from N(0, 0.01^2), but in the authors' code the weight normalisation
overwrites that, except in the matrix on x: convolutions start from torch's own initialisation, here
as there. No dropout. There is no state: a body of whole sequences, without `step`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from baselines.costs import Costs


class TCN(nn.Module):
    """`num_layers` blocks of `hidden_size` channels."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 8, kernel_size: int = 7
    ):
        super().__init__()
        if num_layers < 1 or kernel_size < 2:
            raise ValueError(
                f"num_layers must be >= 1 and kernel_size >= 2, got {num_layers} and {kernel_size}"
            )
        sizes = [input_size, *[hidden_size] * (num_layers - 1)]
        blocks = [_Block(n, hidden_size, kernel_size, 2**i) for i, n in enumerate(sizes)]
        self.blocks = nn.Sequential(*blocks)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """The output of the last block at every time step."""
        return self.blocks(x.mT).mT


class _Block(nn.Module):
    def __init__(self, input_size: int, size: int, kernel_size: int, dilation: int):
        super().__init__()
        self.reach = (kernel_size - 1) * dilation
        self.lower = weight_norm(nn.Conv1d(input_size, size, kernel_size, dilation=dilation))
        self.upper = weight_norm(nn.Conv1d(size, size, kernel_size, dilation=dilation))
        self.shortcut = nn.Identity()
        if input_size != size:
            self.shortcut = nn.Conv1d(input_size, size, 1)
            nn.init.normal_(self.shortcut.weight, std=0.01)

    def forward(self, x: Float[Tensor, "batch size time"]) -> Float[Tensor, "batch width time"]:
        y = torch.relu(self.lower(functional.pad(x, (self.reach, 0))))
        y = torch.relu(self.upper(functional.pad(y, (self.reach, 0))))
        return torch.relu(y + self.shortcut(x))


def costs(input_size: int, hidden_size: int, num_layers: int = 8, kernel_size: int = 7) -> Costs:
    """Of a body with these arguments; the operations are those of one step of a long sequence."""
    width = hidden_size
    shortcut = 0 if input_size == width else input_size * width
    convolved = kernel_size * width * (input_size + (2 * num_layers - 1) * width)
    vectors = 4 * num_layers * width + (width if shortcut else 0)
    return Costs(convolved + shortcut + vectors, 0, 2 * (convolved + shortcut))
