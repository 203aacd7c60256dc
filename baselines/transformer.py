"""The causal Transformer with normalisation before each part.

    z_0 = W x_t + p_t
    z'  = z + Attention(LayerNorm(z)),    out = z' + W_2 relu(W_1 LayerNorm(z'))
    p_t = sin(t w_i) at 2i, cos(t w_i) at 2i + 1,    w_i = 10000^(-2i / hidden_size)

`num_layers` times, and a LayerNorm at the end; attention is softmax(q k / sqrt(size)) v of
`num_heads` heads over the steps up to t. A. Vaswani et al., "Attention is all you need", 2017,
arXiv 1706.03762; the place of the norms: R. Xiong et al., "On layer normalization in the
Transformer architecture", 2020, arXiv 2002.04745, with which no warm-up is needed.

2 layers and 4 heads are our choice, for bodies of 32 to 256 numbers (the paper: 6 and 8 for 512);
the inner width is 4 hidden_size, as in the paper. No dropout. Initialisation: Xavier uniform
weights, zero biases. There is no state but all the past: a body of whole sequences, without `step`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines.costs import Costs

INNER = 4
LONGEST_PERIOD = 10_000.0


class Transformer(nn.Module):
    """`num_layers` layers on a linear encoder; the output has `hidden_size` numbers."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 2, num_heads: int = 4):
        super().__init__()
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(
                f"num_heads must divide hidden_size, got {num_heads} for {hidden_size}"
            )
        self.encoder = nn.Linear(input_size, hidden_size)
        self.layers = nn.Sequential(*[_Layer(hidden_size, num_heads) for _ in range(num_layers)])
        self.norm = nn.LayerNorm(hidden_size)
        for part in self.modules():
            if isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight)
                nn.init.zeros_(part.bias)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """The normalised output of the last layer at every time step."""
        z = self.encoder(x)
        return self.norm(self.layers(z + positions(*z.shape[1:]).to(z)))


class _Layer(nn.Module):
    def __init__(self, size: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.attention_norm, self.inner_norm = nn.LayerNorm(size), nn.LayerNorm(size)
        self.project, self.merge = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.lift, self.lower = nn.Linear(size, INNER * size), nn.Linear(INNER * size, size)

    def forward(self, z: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        z = z + self.merge(self._attended(self.attention_norm(z)))
        return z + self.lower(torch.relu(self.lift(self.inner_norm(z))))

    def _attended(self, z: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        q, k, v = self.project(z).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        heads = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return heads.transpose(1, 2).flatten(2)


def positions(time: int, size: int) -> Float[Tensor, "time size"]:
    """p in float64: the phase of a late step has no digits left in float32."""
    i = torch.arange(0, size, 2, dtype=torch.float64)
    phase = torch.outer(torch.arange(time, dtype=torch.float64), LONGEST_PERIOD ** (-i / size))
    return torch.stack([phase.sin(), phase.cos()], dim=-1).flatten(1)[:, :size]


def costs(input_size: int, hidden_size: int, num_layers: int = 2, num_heads: int = 4) -> Costs:
    """Of a body with these arguments, every pair of steps compared, as the counters count; a causal
    kernel does half of those."""
    width = hidden_size
    products = (4 + 2 * INNER) * width**2
    vectors = (3 + 1 + INNER + 1) * width + 4 * width
    return Costs(
        parameters=(input_size + 1) * width + num_layers * (products + vectors) + 2 * width,
        state_size=0,
        flops=2 * input_size * width + num_layers * 2 * products,
        pair_flops=num_layers * 4 * width,
    )
