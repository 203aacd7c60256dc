"""ROAF along both axes, with every filter and every schedule of alpha and beta."""

import math
from dataclasses import replace
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from baselines import Costs
from bench.models.entry import Entry
from roaf import RoaMLP, RoaRNN, depth_schedule
from roaf.kernels import FEEDFORWARD, RECURRENT

PAPER, YEAR = "Ceni, arXiv 2210.01245", 2022
RESIDUAL_PAPER = "Hayou et al., arXiv 2010.12859"


class RoafBody(nn.Module):
    """RoaRNN as a recurrent body: outputs alone, and `step` as a pair."""

    def __init__(self, input_size: int, hidden_size: int, **args: Any) -> None:
        super().__init__()
        self.network = RoaRNN(input_size, hidden_size, **args)
        if self.network.num_layers * self.network.directions > 1:
            raise ValueError("a ROAF body has one layer and one direction: its step is one state's")

    def initial_state(self, batch: int) -> Float[Tensor, "batch hidden"]:
        return self.network.initial_state(batch)

    def step(
        self, x_t: Float[Tensor, "batch features"], state: Float[Tensor, "batch hidden"]
    ) -> tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]]:
        state = self.network.step(x_t, state)
        return state, state

    def forward(
        self, x: Float[Tensor, "batch time features"]
    ) -> Float[Tensor, "batch time hidden"]:
        return self.network(x)[0]


def roaf_depth(width: int, depth: int, *, c: float, schedule: str, **args: Any) -> RoaMLP:
    """RoaMLP with alpha and beta from the depth."""
    alpha, beta = depth_schedule(c, depth, schedule)
    return RoaMLP(width, depth, alpha=alpha, beta=beta, **args)


def residual_depth(width: int, depth: int, *, c: float, power: float, **args: Any) -> RoaMLP:
    """x + beta * phi(W x + b), beta = c / depth^power: ROAF's own code with O = I, alpha = 1."""
    return RoaMLP(width, depth, alpha=1.0, beta=c / depth**power, filter="identity", **args)


def filter_flops(filter: str, size: int) -> int:
    """Of O x: 2 N^2 for a dense matrix, 4 N for 2x2 blocks, N log2 N for the fast transform.

    A permutation moves numbers and a sign turns them: neither counts.
    """
    cheap = {"hadamard": round(size * math.log2(size))}
    cheap |= dict.fromkeys(("rotations", "haar_rotations", "reflections"), 4 * size)
    free = ("permutation", "signed_permutation", "cycle", "identity")
    return 0 if filter in free else cheap.get(filter, 2 * size**2)


def recurrent_costs(input_size: int, hidden_size: int, *, filter: str, **args: Any) -> Costs:
    """Of one layer of RoaRNN in one direction."""
    products = hidden_size * (input_size + hidden_size)
    flops = 2 * products + filter_flops(filter, hidden_size)
    return Costs(products + hidden_size, hidden_size, flops)


def residual_costs(width: int, depth: int, **args: Any) -> Costs:
    """Of the residual network: the identity costs nothing."""
    return deep_costs(width, depth, filter="identity")


def deep_costs(width: int, depth: int, *, filter: str = "haar", **args: Any) -> Costs:
    """Of the whole RoaMLP; the operations are those of one layer."""
    return Costs(depth * (width**2 + width), width, 2 * width**2 + filter_flops(filter, width))


def _recurrent(filter: str) -> Entry:
    return Entry(
        factory=RoafBody,
        axis="time",
        paper=PAPER,
        year=YEAR,
        version=2,
        execution="fused kernel",
        defaults={"alpha": 0.99, "filter": filter},
        bounds=lambda body: [body.network.step_bounds()],
        costs=recurrent_costs,
        proof="equations",
        backends=tuple(RECURRENT),
        picked=lambda body, inputs: body.network.backend_for(inputs),
    )


def _deep(factory: Any, **defaults: Any) -> Entry:
    return Entry(
        factory=factory,
        axis="depth",
        paper=PAPER,
        year=YEAR,
        version=2,
        execution="fused kernel",
        defaults=defaults,
        bounds=lambda body: body.step_bounds(),
        costs=deep_costs,
        proof="equations",
        backends=tuple(FEEDFORWARD),
        picked=lambda body, inputs: body.backend_for(inputs),
    )


def _scheduled(schedule: str, **defaults: Any) -> Entry:
    return _deep(roaf_depth, schedule=schedule, c=1.0, **defaults)


def _residual(power: float) -> Entry:
    """A residual network with ROAF's beta, which shows what O and alpha add to it."""
    entry = _deep(residual_depth, c=1.0, power=power)
    return replace(entry, paper=RESIDUAL_PAPER, year=2021, costs=residual_costs)


TIME: dict[str, Entry] = {
    "roaf": _recurrent("haar"),
    "roaf-rotations": _recurrent("rotations"),
    "roaf-reflections": _recurrent("reflections"),
    "roaf-permutation": _recurrent("permutation"),
    "roaf-signed-permutation": _recurrent("signed_permutation"),
    "roaf-cycle": _recurrent("cycle"),
    "roaf-hadamard": _recurrent("hadamard"),
    "roaf-identity": _recurrent("identity"),
    "roaf-uniform-qr": _recurrent("uniform_qr"),
    "roaf-mixed-rotations": _recurrent("mixed_rotations"),
    "roaf-haar-rotations": _recurrent("haar_rotations"),
}
DEPTH: dict[str, Entry] = {
    "roaf-mlp": _scheduled("convex"),
    "roaf-mlp-sqrt": _scheduled("sqrt"),
    "roaf-mlp-isometric": _scheduled("isometric"),
    "roaf-mlp-fixed": _deep(RoaMLP, alpha=0.9),
    "roaf-mlp-identity": _scheduled("convex", filter="identity"),
    "roaf-mlp-signed-permutation": _scheduled("convex", filter="signed_permutation"),
    "roaf-mlp-sqrt-identity": _scheduled("sqrt", filter="identity"),
    "roaf-mlp-sqrt-signed-permutation": _scheduled("sqrt", filter="signed_permutation"),
    "resnet-tanh-linear": _residual(1.0),
    "resnet-tanh-sqrt": _residual(0.5),
}
