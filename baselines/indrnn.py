"""The network of independent neurons: each sees its own past alone, through one recurrent weight.

    h_t = relu(W x_t + u * h_{t-1} + b),    |u| <= 2^(1/T)

S. Li, W. Li, C. Cook, C. Zhu, Y. Gao, "Independently recurrent neural network (IndRNN): building a
longer and deeper RNN", 2018, arXiv 1803.04831. Over T steps the gradient of an active neuron is
u^T, hence at most `growth` = 2. Neurons meet between layers only, so at least two are stacked (two
in the paper's adding problem, six in its MNIST); the output is the last layer's h.

Initialisation: u ~ U(0, 2^(1/T)), in the last layer U(2^(-1/T), 2^(1/T)), so that what is read
remembers the whole sequence; b = 0, and W Kaiming uniform of slope 8 as in the authors' code.

The authors clip u itself between updates. Here u is clipped where it is used, and its gradient is
zero where a descent would take it further out: what `clamp` does would keep it there for good.
The batch normalisation and dropout of their deeper networks are left out: a body's sequences do not
meet. Without it a bounded neuron fed with positive numbers sums them, so outputs grow with T.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function

from baselines.costs import Costs


class IndRNN(nn.Module):
    """`num_layers` layers for sequences of `length` steps; the state is h of every layer."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        length: int = 784,
        num_layers: int = 2,
        growth: float = 2.0,
    ):
        super().__init__()
        for name, value in (("length", length), ("num_layers", num_layers)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if growth < 1.0:
            raise ValueError(f"growth over a sequence must be at least 1, got {growth}")
        self.hidden_size, self.num_layers = hidden_size, num_layers
        self.bound = growth ** (1 / length)
        sizes = [input_size] + [hidden_size] * (num_layers - 1)
        layers = [nn.Linear(size, hidden_size) for size in sizes]
        for layer in layers:
            nn.init.kaiming_uniform_(layer.weight, a=8)
            nn.init.zeros_(layer.bias)
        self.inputs = nn.ModuleList(layers)
        self.weight_hh = nn.Parameter(torch.empty(num_layers, hidden_size))
        nn.init.uniform_(self.weight_hh, 0.0, self.bound)
        nn.init.uniform_(self.weight_hh.detach()[-1], 1 / self.bound, self.bound)

    def recurrent_weights(self) -> Float[Tensor, "layers hidden"]:
        """u of every layer, never beyond the bound."""
        return _Bounded.apply(self.weight_hh, self.bound)  # type: ignore

    def initial_state(self, batch: int) -> Float[Tensor, "batch state_size"]:
        """Zeros, one layer after the other."""
        return self.weight_hh.new_zeros(batch, self.num_layers * self.hidden_size)

    def step(
        self, x_t: Float[Tensor, "batch input_size"], state: Float[Tensor, "batch state_size"]
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch state_size"]]:
        """The equation above in every layer, each fed by the one below."""
        h, following = x_t, []
        states = state.chunk(self.num_layers, dim=-1)
        for layer, u, previous in zip(self.inputs, self.recurrent_weights(), states, strict=True):
            h = torch.relu(layer(h) + u * previous)
            following.append(h)
        return h, torch.cat(following, dim=-1)

    def forward(
        self, x: Float[Tensor, "batch time input_size"]
    ) -> Float[Tensor, "batch time width"]:
        """h of the last layer at every time step, one layer after the other."""
        sequence = x.transpose(0, 1)
        for layer, u in zip(self.inputs, self.recurrent_weights().unbind(0), strict=True):
            drives = layer(sequence)
            h, outputs = torch.zeros_like(drives[0]), []
            for drive in drives.unbind(0):
                h = torch.addcmul(drive, u, h).relu()
                outputs.append(h)
            sequence = torch.stack(outputs)
        return sequence.transpose(0, 1)


class _Bounded(Function):
    """u clipped to [-bound, bound]; no gradient takes a clipped u further out."""

    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor, bound: float) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return u.clamp(-bound, bound)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        u, ctx.bound = inputs
        ctx.save_for_backward(u)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        (u,), (gradient,) = ctx.saved_tensors, grad_outputs
        outwards = (u.abs() > ctx.bound) & (gradient * u < 0)
        return gradient.masked_fill(outwards, 0.0), None


def costs(
    input_size: int,
    hidden_size: int,
    length: int = 784,
    num_layers: int = 2,
    growth: float = 2.0,
) -> Costs:
    """Of one step of all layers; neither the length nor the bound matters."""
    weights = hidden_size * (input_size + (num_layers - 1) * hidden_size)
    states = num_layers * hidden_size
    return Costs(parameters=weights + 2 * states, state_size=states, flops=2 * weights)
