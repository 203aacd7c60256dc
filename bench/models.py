"""The models: the only door to `roaf` and `baselines`.

To add one of your own without a fork, see `bench.plugins`. To add a published one: a file in
`baselines`, a line in `MODELS`; the contract tests and `bench ls` then cover it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _Orthogonal
from torch.nn.utils.parametrize import is_parametrized
from torch.utils.flop_counter import FlopCounterMode

import baselines
from bench.frame import DepthFrame, Frame, StepBounds, TimeFrame
from bench.records import RunSpec
from bench.tasks import Task
from roaf import RoaMLP, RoaRNN, depth_schedule


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of `MODELS`. `defaults` alone are enough to construct a body.

    A time body is `factory(input_size, hidden_size, **args)`, a depth body
    `factory(width, depth, **args)`. `execution` says what computes the forward pass. The frame
    multiplies the body's output by `output_scale`, an option every model has. `bounds` gives what
    the model's theory promises of a step's Jacobian at the present weights: what is measured
    outside it fails the run.
    """

    factory: Callable[..., Any]
    axis: str
    paper: str
    year: int
    version: int = 1
    execution: str = "torch loop"
    defaults: Mapping[str, Any] = field(default_factory=dict)
    output_scale: float = 1.0
    bounds: StepBounds | None = None


class RoafBody(nn.Module):
    """RoaRNN as a recurrent body: outputs alone, and `step` as a pair."""

    def __init__(self, input_size: int, hidden_size: int, **args: Any) -> None:
        super().__init__()
        self.network = RoaRNN(input_size, hidden_size, **args)

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


def _roaf(filter: str) -> Entry:
    return Entry(
        factory=RoafBody,
        axis="time",
        paper="Ceni, arXiv 2210.01245",
        year=2022,
        execution="fused loop",
        defaults={"alpha": 0.99, "filter": filter},
        bounds=None,
    )


def _roaf_depth(schedule: str, c: float) -> Entry:
    return Entry(
        factory=roaf_depth,
        axis="depth",
        paper="Ceni, arXiv 2210.01245",
        year=2022,
        execution="fused loop",
        defaults={"c": c, "schedule": schedule},
        bounds=None,
    )


MODELS: dict[str, Entry] = {
    "roaf": _roaf("haar"),
    "roaf-rotations": _roaf("rotations"),
    "roaf-permutation": _roaf("permutation"),
    "roaf-identity": _roaf("identity"),
    "elman": Entry(
        factory=baselines.Elman,
        axis="time",
        paper="Elman, Cognitive Science 14",
        year=1990,
        execution="torch.nn.RNN",
    ),
    "irnn": Entry(
        factory=baselines.IRNN,
        axis="time",
        paper="Le, Jaitly & Hinton, arXiv 1504.00941",
        year=2015,
        execution="torch.nn.RNN",
    ),
    "lstm": Entry(
        factory=baselines.LSTM,
        axis="time",
        paper="Hochreiter & Schmidhuber, Neural Computation 9; forget bias 1",
        year=1997,
        version=2,
        execution="torch.nn.LSTM",
    ),
    "gru": Entry(
        factory=baselines.GRU,
        axis="time",
        paper="Cho et al., arXiv 1406.1078",
        year=2014,
        version=2,
        execution="fused loop on a CPU, else torch.nn.GRU",
    ),
    "exprnn": Entry(
        factory=baselines.ExpRNN,
        axis="time",
        paper="Lezcano-Casado & Martinez-Rubio, arXiv 1901.08428",
        year=2019,
    ),
    "urnn": Entry(
        factory=baselines.UnitaryRNN,
        axis="time",
        paper="Arjovsky, Shah & Bengio, arXiv 1511.06464",
        year=2016,
    ),
    "antisymmetric": Entry(
        factory=baselines.AntisymmetricRNN,
        axis="time",
        paper="Chang et al., arXiv 1902.09689",
        year=2019,
    ),
    "cornn": Entry(
        factory=baselines.CoRNN,
        axis="time",
        paper="Rusch & Mishra, arXiv 2010.00951",
        year=2021,
        version=2,
    ),
    "roaf-mlp": _roaf_depth("convex", 1.0),
    "roaf-mlp-sqrt": _roaf_depth("sqrt", 1.0),
    "roaf-mlp-isometric": _roaf_depth("isometric", 1.0),
    "mlp": Entry(
        factory=baselines.MLP,
        axis="depth",
        paper="Glorot & Bengio, AISTATS",
        year=2010,
    ),
    "resnet": Entry(
        factory=baselines.ResNetMLP,
        axis="depth",
        paper="He et al., arXiv 1512.03385",
        year=2015,
    ),
    "resnet-sqrt": Entry(
        factory=baselines.ResNetMLP,
        axis="depth",
        paper="Hayou et al., arXiv 2010.12859",
        year=2021,
        defaults={"branch_scale": "sqrt"},
    ),
}


def build_model(entry: Entry, task: Task, spec: RunSpec) -> Frame:
    """The framed model of a resolved spec, its weights drawn from torch's global generator."""
    args = dict(spec.model_args)
    scale = entry.output_scale if spec.output_scale is None else spec.output_scale
    if entry.axis == "depth":
        body = entry.factory(spec.width, spec.depth, **args)
        return DepthFrame(body, task, spec, scale, entry.bounds)
    body = entry.factory(task.features, spec.width, **args)
    return TimeFrame(body, task, scale, entry.bounds)


def model_facts(entry: Entry, model: Frame) -> dict[str, Any]:
    """What a report must know of the model; FLOPs are those of the matrix products of a step."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        state = model.first_step()
    return {
        "paper": entry.paper,
        "year": entry.year,
        "execution": entry.execution,
        "parameters": trainable_parameters(model),
        "state_size": state.shape[-1],
        "flops_per_step": counter.get_total_flops(),
    }


def trainable_parameters(model: nn.Module) -> int:
    """How many numbers training can change.

    torch stores a square orthogonal matrix as a full one, of which only the n (n - 1) / 2 entries
    below the diagonal are read; the others do not count.
    """
    stored = [
        matrix.original.shape[-1]
        for module in model.modules()
        if is_parametrized(module)
        for matrix in cast(Any, module.parametrizations).values()
        if any(isinstance(part, _Orthogonal) for part in matrix)
    ]
    unread = sum(n * (n + 1) // 2 for n in stored)
    return sum(p.numel() for p in model.parameters() if p.requires_grad) - unread
