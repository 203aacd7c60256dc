"""Every registered model under the frame, and the diagnostics against closed forms."""

import math

import pytest
import torch
from torch import nn

from bench.diagnostics import gradient_by_distance, gradient_by_parameter, kept_distances
from bench.frame import TimeFrame
from bench.models import MODELS, build_model, model_facts, trainable_parameters
from bench.runner import Registry, resolve
from bench.tasks import TASKS, Batch
from roaf import RoaMLP
from tests.specs import tiny

REGISTRY = Registry()
DOUBLE = torch.float64


def framed(name: str, task: str | None = None, **changes):
    """(model, task) of a small resolved spec in float64."""
    if MODELS[name].axis == "depth":
        changes = {"task": task or "digits-depth", "task_args": {}, "depth": 4, **changes}
    elif task:
        changes = {"task": task, "task_args": {}, **changes}
    spec = resolve(tiny(model=name, **changes), REGISTRY)
    problem = REGISTRY.tasks.entries[spec.task](**spec.task_args)
    return build_model(MODELS[name], problem, spec).double(), problem


@pytest.mark.parametrize("name", MODELS)
def test_unrolling_by_steps_gives_what_forward_gives(name):
    model, task = framed(name)
    batch = next(task.train_batches(3, torch.Generator().manual_seed(0)))
    states, answer = model.unroll(batch.inputs.double())
    assert len(states) == (5 if MODELS[name].axis == "depth" else 13)
    torch.testing.assert_close(answer, model(batch.inputs.double()), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_starts_where_the_readout_reads(name):
    model, task = framed(name)
    batch = next(task.train_batches(3, torch.Generator().manual_seed(0)))
    targets = batch.targets.double() if batch.targets.is_floating_point() else batch.targets
    norms = gradient_by_distance(model, task, Batch(batch.inputs.double(), targets))
    answer = model(batch.inputs.double()).detach().requires_grad_()
    (at_answer,) = torch.autograd.grad(task.loss(answer, targets), answer)
    expected = (at_answer @ model.readout.weight * model.output_scale).norm().item()
    assert norms[0] == pytest.approx(expected, rel=1e-9)
    assert norms[0] > 0


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].axis == "time"])
def test_a_readout_at_every_step_ends_in_the_unrolled_answer(name):
    model, task = framed(name, "copy/urnn", task_args={"length": 3})
    batch = next(task.train_batches(2, torch.Generator().manual_seed(0)))
    outputs = model(batch.inputs.double())
    assert outputs.shape == (*batch.targets.shape, 9)
    _, answer = model.unroll(batch.inputs.double())
    torch.testing.assert_close(answer, outputs[:, -1:], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_paper_and_facts(name):
    model, _ = framed(name)
    facts = model_facts(MODELS[name], model)
    assert facts["paper"]
    assert 1950 < facts["year"] < 2030
    assert 0 < facts["parameters"] <= sum(p.numel() for p in model.parameters())
    assert facts["state_size"] >= 8
    assert facts["flops_per_step"] > 0


def test_an_orthogonal_matrix_counts_the_parameters_that_are_read():
    model, _ = framed("exprnn")
    inputs = torch.randn(50, 12, 2, dtype=DOUBLE)
    model(inputs).square().sum().backward()
    moving = sum(int((p.grad != 0).sum()) for p in model.parameters() if p.grad is not None)
    assert trainable_parameters(model) == moving


def test_the_matrix_products_of_a_step_are_counted():
    model, _ = framed("elman", width=16)
    assert model_facts(MODELS["elman"], model)["flops_per_step"] == 2 * 16 * (16 + 2)


@pytest.mark.parametrize("last, kept", [(0, [0]), (1, [0, 1]), (9, [0, 1, 2, 4, 8, 9])])
def test_powers_of_two_and_the_ends_are_kept(last, kept):
    assert kept_distances(last) == kept


class Linear(nn.Module):
    """h_t = a h_{t-1} + x_t, the recurrence whose gradient is a^distance."""

    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.matrix = nn.Parameter(matrix)

    def initial_state(self, batch: int) -> torch.Tensor:
        return self.matrix.new_zeros(batch, len(self.matrix))

    def step(self, x_t, state):
        state = state @ self.matrix.T + x_t[:, :1]
        return state, state

    def forward(self, x):
        state, states = self.initial_state(len(x)).to(x), []
        for x_t in x.unbind(1):
            state = state @ self.matrix.T.to(x) + x_t[:, :1]
            states.append(state)
        return torch.stack(states, dim=1)


def norms_of(body: nn.Module, length: int = 40) -> dict[int, float]:
    task = TASKS["adding"](length=length)
    model = TimeFrame(body, task, output_scale=1.0).double()
    batch = task.sample(5, torch.Generator().manual_seed(0))
    return gradient_by_distance(model, task, Batch(batch.inputs.double(), batch.targets.double()))


@pytest.mark.parametrize("a", [0.5, 1.0, 1.1])
def test_the_gradient_of_a_scalar_recurrence_is_a_to_the_distance(a):
    norms = norms_of(Linear(torch.full((1, 1), a, dtype=DOUBLE)))
    for distance, norm in norms.items():
        assert norm / norms[0] == pytest.approx(a**distance, rel=1e-9)
    assert max(norms) == 40


def test_the_gradient_of_an_orthogonal_recurrence_keeps_its_norm():
    q = torch.linalg.qr(torch.randn(6, 6, dtype=DOUBLE)).Q
    norms = norms_of(Linear(q))
    assert all(norm == pytest.approx(norms[0], rel=1e-9) for norm in norms.values())


def test_without_its_nonlinear_branch_roaf_shrinks_by_alpha_a_layer():
    model, task = framed("roaf-mlp", depth=30)
    model.body = RoaMLP(8, 30, alpha=0.9, beta=0.0).double()
    batch = next(task.train_batches(4, torch.Generator().manual_seed(0)))
    norms = gradient_by_distance(model, task, Batch(batch.inputs.double(), batch.targets))
    for distance, norm in norms.items():
        assert norm / norms[0] == pytest.approx(0.9**distance, rel=1e-9)


def test_norms_too_small_for_float32_squares_are_still_measured():
    model = nn.Linear(1, 1, bias=False)
    model.weight.grad = torch.full((1, 1), 1e-30)
    assert gradient_by_parameter(model)["weight"] == pytest.approx(1e-30, rel=1e-6)
    assert math.isfinite(gradient_by_parameter(model)["weight"])
