"""The highway network: every unit gates between its transform and what it was.

    T_l = sigmoid(W_T x_l + b_T)
    x_{l+1} = T_l * tanh(W_H x_l + b_H) + (1 - T_l) * x_l

R. K. Srivastava, K. Greff, J. Schmidhuber, "Highway Networks", 2015, arXiv 1505.00387, with a gate
that begins nearly shut. W ~ N(0, 1/width), with the variance of the uniform draws of the authors'
program, b_H = 0. The paper leaves the transform's nonlinearity open; tanh is that of the plain
network beside it.

b_T = -2 carries 1 - sigmoid(-2) = 0.88 a layer, so that some hundred layers forget the input. A
`gate_bias` of "depth" is our choice: b_T = -log L, a gate of 1/(L+1), whose L layers together carry
(1 - 1/(L+1))^L, about 1/e at every depth.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines.costs import Costs
from baselines.sizes import check_sizes


class Highway(nn.Module):
    """`depth` gated layers, their weights stacked."""

    def __init__(self, width: int, depth: int, gate_bias: float | int | str = -2.0):
        super().__init__()
        check_sizes(width=width, depth=depth)
        self.weight = nn.Parameter(torch.randn(depth, width, width) / math.sqrt(width))
        self.weight_gate = nn.Parameter(torch.randn(depth, width, width) / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(depth, width))
        self.bias_gate = nn.Parameter(torch.full((depth, width), first_bias(gate_bias, depth)))

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """One layer of the equations above."""
        gate = torch.sigmoid(x @ self.weight_gate[layer].T + self.bias_gate[layer])
        transform = torch.tanh(x @ self.weight[layer].T + self.bias[layer])
        return gate * transform + (1 - gate) * x

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The composition of all layers."""
        # Indexing the stacks layer by layer would make the backward pass quadratic in depth.
        parts = (self.weight.mT, self.bias, self.weight_gate.mT, self.bias_gate)
        for weight, bias, weight_gate, bias_gate in zip(*(p.unbind(0) for p in parts), strict=True):
            gate = torch.addmm(bias_gate, x, weight_gate).sigmoid()
            x = torch.lerp(x, torch.addmm(bias, x, weight).tanh(), gate)
        return x


def first_bias(gate_bias: float | int | str, depth: int) -> float:
    """b_T at initialisation, a number or "depth"; raises ValueError for another word."""
    if gate_bias == "depth":
        return -math.log(depth)
    if isinstance(gate_bias, str):
        raise ValueError(f'gate_bias is a number or "depth", not {gate_bias!r}')
    return float(gate_bias)


def costs(width: int, depth: int, gate_bias: float | int | str = -2.0) -> Costs:
    """Of the whole stack; the operations are those of one layer."""
    return Costs(2 * depth * (width**2 + width), state_size=width, flops=4 * width**2)
