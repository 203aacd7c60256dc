"""NAIS-Net, a block of one stable layer that reads the block's input again at every stage.

    x_{k+1} = x_k + h tanh(A x_k + B u + b),    A = -R^T R - epsilon I

M. Ciccone, M. Gallieri, J. Masci, C. Osendorfer, F. Gomez, "NAIS-Net: stable deep networks from
non-autonomous differential equations", 2018, arXiv 1804.07209. The block is time-invariant: its
`depth` stages share their weights. Wherever |R^T R| > delta in the Frobenius norm, R is replaced
by R sqrt(delta / |R^T R|), delta = 1 - 2 epsilon: the eigenvalues of A then lie between
-(1 - epsilon) and -epsilon, and for h up to 1 every x_0 is led to one point, which only u decides.
So the gradient by x_0 vanishes by design, and that by u does not.

Our choices: R is rescaled where it is used, and not after each update as in the paper's algorithm,
so that any optimiser keeps the model stable; x_0 = u; R, B ~ N(0, 1/width), b = 0.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class NAISNet(nn.Module):
    """One block of `depth` stages; the state is x and the block's input u side by side.

    Raises ValueError for an epsilon outside (0, 1/2) or a step_size outside (0, 1].
    """

    def __init__(self, width: int, depth: int, epsilon: float = 0.01, step_size: float = 1.0):
        super().__init__()
        check_sizes(width=width, depth=depth)
        if not 0 < epsilon < 0.5:
            raise ValueError(f"epsilon must lie between 0 and 0.5, both excluded, not {epsilon}")
        if not 0 < step_size <= 1:
            raise ValueError(f"step_size must lie above 0 and not above 1, not {step_size}")
        self.depth, self.epsilon, self.step_size = depth, epsilon, step_size
        self.weight_state = nn.Parameter(torch.randn(width, width) / math.sqrt(width))
        self.weight_input = nn.Parameter(torch.randn(width, width) / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def transition_matrix(self) -> Float[Tensor, "width width"]:
        """A, symmetric and negative definite."""
        square = self.weight_state.T @ self.weight_state
        delta = 1 - 2 * self.epsilon
        square = square * (delta / square.norm().clamp(min=delta))
        return -square - torch.full_like(self.bias, self.epsilon).diag()

    def enter(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch state_size"]:
        """x_0 = u = x."""
        return torch.cat([x, x], dim=-1)

    def leave(self, state: Float[Tensor, "batch state_size"]) -> Float[Tensor, "batch width"]:
        """x, without u."""
        return state.chunk(2, dim=-1)[0]

    def step(
        self, state: Float[Tensor, "batch state_size"], layer: int
    ) -> Float[Tensor, "batch state_size"]:
        """One stage of the equation above, the same for every `layer`."""
        x, u = state.chunk(2, dim=-1)
        drive = u @ self.weight_input.T + self.bias
        x = x + self.step_size * torch.tanh(x @ self.transition_matrix() + drive)
        return torch.cat([x, u], dim=-1)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """x after all stages."""
        transition = self.transition_matrix()
        drive = torch.addmm(self.bias, x, self.weight_input.T)
        for _ in range(self.depth):
            x = torch.add(x, torch.addmm(drive, x, transition).tanh(), alpha=self.step_size)
        return x


def costs(width: int, depth: int, epsilon: float = 0.01, step_size: float = 1.0) -> Costs:
    """Of the block, its weights counted once; the operations are those of one stage."""
    return Costs(2 * width**2 + width, state_size=2 * width, flops=4 * width**2)
