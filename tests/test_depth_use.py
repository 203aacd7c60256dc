"""How much depth is used, on stacks whose sweeps, scores and movements can be written down."""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from bench.diagnostics import DIAGNOSTICS, look
from bench.diagnostics.table import weights_at_start
from bench.diagnostics.use import kept_layers, matrices, picard_errors, relative_error
from bench.frame import DepthFrame
from bench.looking import probe
from bench.models import MODELS, build_model
from bench.models.entry import Entry
from bench.runner import Registry, resolve, run
from bench.streams import stream_seed
from bench.tasks import Batch
from bench.tasks.base import GeneratedTask
from roaf import RoaMLP
from tests.linear import DOUBLE, values, view_of
from tests.specs import tiny
from tests.test_frame import framed

REGISTRY = Registry()
USE = ("picard-depth", "layer-ablation", "weight-movement")


@dataclass(frozen=True, kw_only=True)
class Signs(GeneratedTask):
    """Is the first of two numbers positive?"""

    question: ClassVar[str] = "Which sign?"
    metric: ClassVar[str] = "accuracy"
    axis: ClassVar[str] = "depth"
    features: ClassVar[int] = 2
    outputs: ClassVar[int] = 2
    chance: ClassVar[float] = 0.5

    @property
    def chance_loss(self) -> float:
        return math.log(2)

    def sample(self, size, generator):
        inputs = torch.randn(size, 2, generator=generator)
        return Batch(inputs, (inputs[:, 0] > 0).long())

    def loss(self, outputs, targets):
        return nn.functional.cross_entropy(outputs, targets)

    def score(self, outputs, targets):
        return (outputs.argmax(-1) == targets).float().mean()


class LinearStack(nn.Module):
    """x_{l+1} = skip * x_l + W_l x_l."""

    weight: nn.Parameter

    def __init__(self, weight: torch.Tensor, skip: float) -> None:
        super().__init__()
        self.weight, self.skip = nn.Parameter(weight), skip

    def step(self, x, layer):
        return self.skip * x + x @ self.weight[layer].T

    def forward(self, x):
        for layer in range(len(self.weight)):
            x = self.step(x, layer)
        return x


class Centred(LinearStack):
    """x_{l+1} = x_l + W_l (x_l - m), m the mean of the batch, whose running mean is kept."""

    running_mean: torch.Tensor

    def __init__(self, width: int, depth: int) -> None:
        super().__init__(torch.randn(depth, width, width) / width, 1.0)
        self.register_buffer("running_mean", torch.zeros(depth, width))

    def step(self, x, layer):
        mean = x.mean(0) if self.training else self.running_mean[layer]
        return x + (x - mean) @ self.weight[layer].T

    def forward(self, x):
        means = []
        for layer in range(len(self.weight)):
            means.append(x.detach().mean(0))
            x = self.step(x, layer)
        if self.training:
            self.running_mean.lerp_(torch.stack(means), 0.1)
        return x


def framed_body(body, kind="depth"):
    """The body between a lift and a readout without biases, which pass on the sign."""
    depth, _, width = body.weight.shape
    model: Any = DepthFrame(body, Signs(), width, depth, 1.0, kind=kind)
    with torch.no_grad():
        for parameter in (*model.lift.parameters(), *model.readout.parameters()):
            parameter.zero_()
        model.lift.weight[:2] = torch.eye(2)
        model.readout.weight[1, 0] = 1.0
        model.readout.weight[0, 0] = -1.0
    return model


def looked_at(body, kind="depth"):
    return view_of(framed_body(body, kind), Signs())


def stack(*diagonal: float, skip: float = 1.0):
    """A view of layers skip * x + d_l x, two units wide."""
    layers = [d * torch.eye(2, dtype=DOUBLE) for d in diagonal]
    return looked_at(LinearStack(torch.stack(layers), skip))


def sweeps(view):
    return values(look("picard-depth", view), "picard_depth")


def test_each_sweep_adds_the_next_power_of_the_branch():
    alpha, branch, depth = 0.9, 0.02, 50
    terms = [math.comb(depth, k) * alpha ** (depth - k) * branch**k for k in range(depth + 1)]
    exact = [sum(terms[k + 1 :]) / sum(terms) for k in range(depth)]
    view = stack(*[branch] * depth, skip=alpha)
    found = picard_errors(view)
    assert found == pytest.approx(exact[: len(found)], rel=1e-6)
    assert exact[3] > 1e-2 > exact[4] > 1e-3 > exact[5]
    assert sweeps(view) == {"0.01": 4, "0.001": 5}


@pytest.mark.parametrize("index", [2, 5])
def test_a_nilpotent_branch_needs_a_sweep_less_than_its_index(index):
    chain = 3.0 * torch.diag(torch.ones(index - 1, dtype=DOUBLE), -1)
    found = sweeps(looked_at(LinearStack(chain.repeat(40, 1, 1), 1.0)))
    assert found == {"0.01": index - 1, "0.001": index - 1}


@pytest.mark.parametrize("depth, needed", [(3, 3), (32, 32), (33, math.inf)])
def test_a_plain_network_needs_a_sweep_a_layer(depth, needed):
    assert sweeps(stack(*[1.0] * depth, skip=0.0)) == {"0.01": needed, "0.001": needed}


def test_a_sweep_that_is_not_finite_and_an_output_of_zero_have_no_depth():
    skip = 2.0**520  # of the skip path two layers overflow, of the whole layers they do not
    cancelled = stack(*[-skip * (1 - 2.0**-52)] * 2, skip=skip)
    assert picard_errors(cancelled) == [math.inf]
    assert sweeps(cancelled) == {"0.01": None, "0.001": None}
    assert sweeps(stack(0.0, skip=0.0)) == {"0.01": None, "0.001": None}
    small = torch.full((1, 1), 1e-250, dtype=DOUBLE)
    assert relative_error(1.5 * small, small) == pytest.approx(0.5)


def test_without_its_nonlinear_branch_roaf_uses_no_depth():
    model, task = framed("roaf-mlp", depth=30)
    model.body = RoaMLP(8, 30, alpha=0.9, beta=0.0, backend="reference").double()
    view = view_of(model, task)
    assert sweeps(view) == {"0.01": 0, "0.001": 0}
    scores = values(look("layer-ablation", view), "ablated_score")
    assert scores.keys() > {"none", "1", "30"}
    assert len(set(scores.values())) == 1


def test_a_layer_that_decides_is_missed_and_no_other():
    scores = values(look("layer-ablation", stack(0, 0, -2, 0, 0, 0)), "ablated_score")
    assert scores.pop("none") == 0
    assert scores == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 0, "6": 0}
    twice = values(look("layer-ablation", stack(-2, 0, 0, -2)), "ablated_score")
    assert twice == {"none": 1, "1": 0, "2": 1, "3": 1, "4": 0}


def test_a_layer_may_have_several_places_of_a_stack():
    flips = torch.stack([d * torch.eye(2, dtype=DOUBLE) for d in (0, 0, 0, -2, 0, 0)])
    view = looked_at(LinearStack(flips, 1.0))
    view.model.depth = 3
    scores = values(look("layer-ablation", view), "ablated_score")
    assert scores == {"none": 0, "1": 0, "2": 1, "3": 0}


def test_the_layers_that_are_kept_reach_from_the_end_to_the_first_and_are_spread_out():
    assert kept_layers(1) == [1]
    assert kept_layers(3) == [1, 2, 3]
    assert kept_layers(12) == [1, 2, 3, 4, 6, 8, 9, 10, 12]
    assert kept_layers(1000) == sorted([*(2**k for k in range(10)), *range(125, 1001, 125)])
    assert kept_layers(50_000) == sorted([*(2**k for k in range(16)), *range(6250, 50_001, 6250)])


def test_a_layer_has_moved_by_its_change_over_its_start():
    model, task = framed("resnet", depth=4)
    with torch.no_grad():
        model.body.weight_inner[2] = 0.0
    view = view_of(model, task)
    view = replace(view, start=weights_at_start(model, {"weight-movement": (0,)}))
    with torch.no_grad():
        view.model.body.weight_inner[3] *= 1.5
        view.model.body.weight_outer[3] *= 1.5
        view.model.body.weight_outer[0] *= -1
        view.model.body.bias_inner += 1
    start = model.body
    inner, outer = start.weight_inner[0].norm().item(), start.weight_outer[0].norm().item()
    assert values(look("weight-movement", view), "weight_movement") == pytest.approx(
        {"1": 0.5, "2": 0, "3": 0, "4": 2 * outer / math.hypot(inner, outer)}
    )


def test_a_layer_that_started_at_zero_or_whose_start_is_unknown_has_no_movement():
    view = stack(0.0, 1.0)
    known = replace(view, start={"body.weight": view.model.body.weight.detach().clone()})
    assert values(look("weight-movement", known), "weight_movement") == {"1": 0, "2": None}
    assert values(look("weight-movement", view), "weight_movement") == {"1": None, "2": None}


def test_the_weights_at_the_start_are_kept_only_where_they_are_asked_for():
    deep, _ = framed("mlp")
    assert not weights_at_start(deep, dict.fromkeys(set(DIAGNOSTICS) - {"weight-movement"}, (0,)))
    assert not weights_at_start(framed("elman")[0], {"weight-movement": (0,)})
    kept = weights_at_start(deep, {"weight-movement": (0,)})
    assert kept["body.weight"].data_ptr() != deep.body.weight.data_ptr()


def test_a_step_of_gradient_descent_moves_by_rate_times_gradient():
    spec = tiny(
        task="digits-depth", task_args={}, model="mlp", depth=1, updates=1, optimiser="sgd",
        learning_rate=0.5, validate_at=(), test_at=(), gradients_at=(0,),
        diagnostics={"weight-movement": (0, 1)},
    )  # fmt: skip
    spec = resolve(spec, REGISTRY)
    measured = run(spec, REGISTRY).measurements
    moved = {m.step: m.value for m in measured if m.quantity == "weight_movement"}
    gradient = next(m.value for m in measured if m.where == "body.weight") or math.nan
    torch.manual_seed(stream_seed(spec.seed, "weights"))
    task = REGISTRY.tasks.entries["digits-depth"]()
    start = build_model(MODELS["mlp"], task, spec).body.weight.norm().item()
    assert moved[0] == 0
    assert moved[1] == pytest.approx(0.5 * gradient / start, rel=1e-4)


def test_a_matrix_may_be_stored_as_its_free_numbers_in_a_row():
    model, task = framed("antisymmetric-mlp", depth=4)
    view = replace(view_of(model, task), start={"body.weight": model.body.weight.detach().clone()})
    with torch.no_grad():
        view.model.body.weight[3] *= 1.5
    moved = values(look("weight-movement", view), "weight_movement")
    assert moved == pytest.approx({"1": 0.5, "2": 0, "3": 0, "4": 0})


BRANCH = {"body.branch.weight_inner", "body.branch.weight_outer"}


@pytest.mark.parametrize(
    "name, expected", [("deepnorm", BRANCH), ("mlp-batchnorm", {"body.weight"}), ("nais", set())]
)
def test_gains_are_no_matrices_and_neither_is_what_all_layers_share(name, expected):
    assert set(matrices(framed(name, depth=4)[0])) == expected


@pytest.mark.parametrize("shape", [(3, 2, 2), (3, 2)])
def test_of_a_body_without_stacked_matrices_nothing_is_read(shape):
    view = stack(1.0, 1.0)
    view.model.body.weight = nn.Parameter(torch.ones(shape, dtype=DOUBLE))
    assert not [reading for name in USE for reading in look(name, view)]


def test_samples_that_meet_are_seen_as_in_training_and_looking_moves_no_statistics():
    body = Centred(2, 3)
    view = looked_at(body, kind="batch")
    assert view.model.training
    assert not looked_at(body).model.training
    spec = resolve(tiny(task="digits-depth", task_args={}, model="mlp", depth=3), REGISTRY)
    model = framed_body(body, kind="batch")
    assert list(probe(0, model, Signs(), spec, torch.device("cpu")))
    for name, entry in DIAGNOSTICS.items():
        assert bool(list(look(name, view))) == ("batch" in entry.kinds), name
    others = {"input-gradient", "memory-horizon", "spectrum", "step-gains", "weight-norms"}
    assert {name for name, e in DIAGNOSTICS.items() if "batch" not in e.kinds} == others
    assert not body.running_mean.any()
    assert model.training


def test_looking_at_depth_changes_no_number_of_a_run(monkeypatch):
    centred = Entry(factory=Centred, axis="depth", paper="none", year=2026, batch_statistics=True)
    registry = Registry()
    monkeypatch.setitem(registry.models.entries, "centred", centred)
    blind = tiny(task="digits-depth", task_args={}, model="centred", depth=3, gradients_at=())
    seen = replace(blind, gradients_at=(0, 5), diagnostics=dict.fromkeys(DIAGNOSTICS, (0, 3, 6)))
    records = [run(resolve(spec, registry), registry) for spec in (blind, seen)]
    assert [r.error for r in records] == [None, None]
    losses = {"train_loss", "validation_loss", "validation_score", "test_loss", "test_score"}
    one, other = ([m for m in r.measurements if m.quantity in losses] for r in records)
    assert one == other
    assert {m.quantity for m in records[1].measurements} > {
        "picard_depth", "ablated_score", "weight_movement", "gradient_by_distance"
    }  # fmt: skip
