"""ROAF along both axes, with every filter and every schedule of alpha and beta."""

import math
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from baselines import Costs
from bench.models.entry import Entry
from roaf import RoaMLP, RoaRNN, depth_schedule

PAPER, YEAR = "Ceni, arXiv 2210.01245", 2022


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


def filter_flops(filter: str, size: int) -> int:
    """Of O x: 2 N^2 for a dense matrix, 4 N for 2x2 rotations, N log2 N for the fast transform.

    A permutation moves numbers and a sign turns them: neither counts.
    """
    cheap = {"rotations": 4 * size, "hadamard": round(size * math.log2(size))}
    free = ("permutation", "signed_permutation", "cycle", "identity")
    return 0 if filter in free else cheap.get(filter, 2 * size**2)


def recurrent_costs(input_size: int, hidden_size: int, *, filter: str, **args: Any) -> Costs:
    """Of one layer of RoaRNN in one direction."""
    products = hidden_size * (input_size + hidden_size)
    flops = 2 * products + filter_flops(filter, hidden_size)
    return Costs(products + hidden_size, hidden_size, flops)


def deep_costs(width: int, depth: int, *, filter: str = "haar", **args: Any) -> Costs:
    """Of the whole RoaMLP; the operations are those of one layer."""
    return Costs(depth * (width**2 + width), width, 2 * width**2 + filter_flops(filter, width))


def _recurrent(filter: str) -> Entry:
    return Entry(
        factory=RoafBody,
        axis="time",
        paper=PAPER,
        year=YEAR,
        execution="fused loop",
        defaults={"alpha": 0.99, "filter": filter},
        bounds=lambda body: [body.network.step_bounds()],
        costs=recurrent_costs,
        proof="equations",
    )


def _deep(factory: Any, **defaults: Any) -> Entry:
    return Entry(
        factory=factory,
        axis="depth",
        paper=PAPER,
        year=YEAR,
        execution="fused loop",
        defaults=defaults,
        bounds=lambda body: body.step_bounds(),
        costs=deep_costs,
        proof="equations",
    )


TIME: dict[str, Entry] = {
    "roaf": _recurrent("haar"),
    "roaf-rotations": _recurrent("rotations"),
    "roaf-permutation": _recurrent("permutation"),
    "roaf-signed-permutation": _recurrent("signed_permutation"),
    "roaf-cycle": _recurrent("cycle"),
    "roaf-hadamard": _recurrent("hadamard"),
    "roaf-identity": _recurrent("identity"),
}
DEPTH: dict[str, Entry] = {
    "roaf-mlp": _deep(roaf_depth, schedule="convex", c=1.0),
    "roaf-mlp-sqrt": _deep(roaf_depth, schedule="sqrt", c=1.0),
    "roaf-mlp-isometric": _deep(roaf_depth, schedule="isometric", c=1.0),
    "roaf-mlp-fixed": _deep(RoaMLP, alpha=0.9),
}
