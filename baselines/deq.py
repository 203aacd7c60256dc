"""The deep equilibrium model, of one dense layer and solved by plain iteration.

    z_{k+1} = tanh(W z_k + U x + b),    z_0 = 0

S. Bai, J. Z. Kolter, V. Koltun, "Deep equilibrium models", 2019, arXiv 1909.01377: the output is
the fixed point z* = f(z*, x), the limit of infinitely many layers with the same weights, and the
gradient is taken through the equation that z* solves (the paper's theorem 1), with D = diag(f'):

    dL/dW = v z*^T,  dL/d(U x + b) = v,  v = D g,  g = dL/dz* + W^T D g

What it is: the layer, its tied weights, the injected input, and that gradient, whose memory does
not grow with depth. What it is not: the authors find z* and g by Broyden's method to a tolerance;
here `depth` is the number of sweeps of plain iteration for z*, and as many terms are taken for g.
So `forward` has the values of the composed steps, but their gradient only where the sweeps have
converged. They do while W contracts, and nothing makes training keep it so, as in the paper.

Initialisation: W Gaussian, scaled to the spectral norm `contraction`; U ~ N(0, 1/width), b = 0.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function

from baselines.costs import Costs
from baselines.sizes import check_sizes


class DeepEquilibrium(nn.Module):
    """`depth` sweeps towards the fixed point; the state is z and the input x side by side.

    Raises ValueError for a contraction outside (0, 1).
    """

    def __init__(self, width: int, depth: int, contraction: float = 0.5):
        super().__init__()
        check_sizes(width=width, depth=depth)
        if not 0 < contraction < 1:
            raise ValueError(
                f"contraction must lie between 0 and 1, both excluded, not {contraction}"
            )
        self.depth = depth
        weight, injection = torch.randn(2, width, width)
        weight = weight * (contraction / torch.linalg.matrix_norm(weight, 2))
        self.weight_state = nn.Parameter(weight)
        self.weight_input = nn.Parameter(injection / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def enter(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch state_size"]:
        """z_0 = 0, and x."""
        return torch.cat([torch.zeros_like(x), x], dim=-1)

    def leave(self, state: Float[Tensor, "batch state_size"]) -> Float[Tensor, "batch width"]:
        """z, without x."""
        return state.chunk(2, dim=-1)[0]

    def step(
        self, state: Float[Tensor, "batch state_size"], layer: int
    ) -> Float[Tensor, "batch state_size"]:
        """One sweep of the equation above, the same for every `layer`."""
        z, x = state.chunk(2, dim=-1)
        z = torch.tanh(z @ self.weight_state.T + x @ self.weight_input.T + self.bias)
        return torch.cat([z, x], dim=-1)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """z after all sweeps, with the gradient of the fixed point."""
        drive = torch.addmm(self.bias, x, self.weight_input.T)
        return _FixedPoint.apply(self.weight_state, drive, self.depth)  # type: ignore


class _FixedPoint(Function):
    @staticmethod
    def forward(ctx: Any, weight, drive, sweeps):
        z = drive.tanh()
        for _ in range(sweeps - 1):
            z = torch.addmm(drive, z, weight.T).tanh_()
        ctx.save_for_backward(weight, z)
        ctx.sweeps = sweeps
        return z

    @staticmethod
    def backward(ctx: Any, *grad_outputs):  # pyright: ignore[reportIncompatibleMethodOverride]
        if torch.is_grad_enabled():  # create_graph
            raise RuntimeError("this fixed point has no second derivative")
        weight, z = ctx.saved_tensors
        slope = 1 - z * z
        v = slope * grad_outputs[0]
        for _ in range(ctx.sweeps - 1):
            v = slope * torch.addmm(grad_outputs[0], v, weight)
        return v.T @ z, v, None


def costs(width: int, depth: int, contraction: float = 0.5) -> Costs:
    """Of the model, its weights counted once; the operations are those of one sweep."""
    return Costs(2 * width**2 + width, state_size=2 * width, flops=4 * width**2)
