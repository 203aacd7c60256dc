"""Every registered model under the frame, and the diagnostics against closed forms."""

from dataclasses import replace

import pytest
import torch
from torch.nn.utils.parametrizations import orthogonal

from bench.diagnostics import gradient_by_distance
from bench.frame import same
from bench.models import MODELS, build_model, model_facts, trainable_parameters
from bench.runner import Registry, resolve, run
from bench.tasks import Batch
from tests.specs import tiny

REGISTRY = Registry()
STEPWISE = [name for name, entry in MODELS.items() if entry.stateful]
DOUBLE = torch.float64


def spec_of(name: str, task: str | None = None, **changes):
    """A small resolved spec."""
    if MODELS[name].axis == "depth":
        changes = {"task": task or "digits-depth", "task_args": {}, "depth": 4, **changes}
    elif task:
        changes = {"task": task, "task_args": {}, **changes}
    return resolve(tiny(model=name, **changes), REGISTRY)


def framed(name: str, task: str | None = None, **changes):
    """(model, task) of a small resolved spec in float64."""
    spec = spec_of(name, task, **changes)
    problem = REGISTRY.tasks.entries[spec.task](**spec.task_args)
    return build_model(MODELS[name], problem, spec).double(), problem


@pytest.mark.parametrize("name", STEPWISE)
def test_unrolling_by_steps_gives_what_forward_gives(name):
    model, task = framed(name)
    batch = next(task.train_batches(3, torch.Generator().manual_seed(0)))
    states, answer = model.unroll(batch.inputs.double())
    assert len(states) == (MODELS[name].layers(4) + 1 if MODELS[name].axis == "depth" else 13)
    torch.testing.assert_close(answer, model(batch.inputs.double()), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", STEPWISE)
def test_the_gradient_starts_where_the_readout_reads(name):
    model, task = framed(name)
    batch = next(task.train_batches(3, torch.Generator().manual_seed(0)))
    targets = batch.targets.double() if batch.targets.is_floating_point() else batch.targets
    norms = gradient_by_distance(model, task, Batch(batch.inputs.double(), targets))
    answer = model(batch.inputs.double()).detach().requires_grad_()
    (at_answer,) = torch.autograd.grad(task.loss(answer, targets), answer)
    at_output = at_answer @ model.readout.weight * model.output_scale
    if MODELS[name].leave is not same:
        last = model.unroll(batch.inputs.double())[0][-1]
        (at_output,) = torch.autograd.grad(MODELS[name].leave(model.body, last), last, at_output)
    expected = at_output.norm().item()
    shares = 64**0.5 if MODELS[name].images else 1  # the mean over the pixels is read
    assert norms[0] == pytest.approx(expected / shares, rel=1e-9)
    assert norms[0] > 0


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].axis == "time"])
def test_a_readout_at_every_step_ends_in_the_unrolled_answer(name):
    model, task = framed(name, "copy/urnn", task_args={"length": 3})
    batch = next(task.train_batches(2, torch.Generator().manual_seed(0)))
    outputs = model(batch.inputs.double())
    assert outputs.shape == (*batch.targets.shape, 9)
    if MODELS[name].stateful:
        _, answer = model.unroll(batch.inputs.double())
        torch.testing.assert_close(answer, outputs[:, -1:], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_paper_and_costs_by_formula_that_agree_with_a_count(name):
    entry = MODELS[name]
    model, task = framed(name)
    facts = model_facts(entry, task, spec_of(name), model)
    assert facts["paper"]
    assert 1950 < facts["year"] < 2030
    assert facts["parameters"] == trainable_parameters(model)
    assert entry.costs is not None
    costs = entry.costs(*((2, 8) if entry.axis == "time" else (8, 4)), **spec_of(name).model_args)
    assert costs.parameters == trainable_parameters(model.body)
    pixels = 64 if entry.images else 1
    flops = costs.flops + costs.pair_flops * task.steps
    assert facts["flops_per_step"] == pixels * flops > 0
    if entry.stateful:
        assert facts["state_size"] == pixels * costs.state_size == model.start().shape[-1]


def test_an_orthogonal_matrix_counts_the_parameters_that_are_read():
    model, _ = framed("exprnn")
    inputs = torch.randn(50, 12, 2, dtype=DOUBLE)
    model(inputs).square().sum().backward()
    moving = sum(int((p.grad != 0).sum()) for p in model.parameters() if p.grad is not None)
    assert trainable_parameters(model) == moving
    stored = orthogonal(torch.nn.Linear(8, 8, bias=False))
    assert trainable_parameters(stored) == 8 * 7 // 2
    assert trainable_parameters(stored.requires_grad_(False)) == 0


@pytest.mark.parametrize("name", ["elman", "lstm", "roaf", "roaf-mlp", "mlp", "resnet", "tcn"])
def test_a_model_without_formulas_has_its_costs_counted(name):
    model, task = framed(name)
    by_formula = model_facts(MODELS[name], task, spec_of(name), model)
    counted = model_facts(replace(MODELS[name], costs=None), task, spec_of(name), model)
    assert counted == by_formula


def test_a_frozen_core_stays_as_drawn_while_the_ends_train():
    spec = spec_of("mlp", frozen=("body.*",), updates=3, learning_rate=0.1)
    record = run(spec, REGISTRY)
    assert record.facts["parameters"] == (64 + 1) * 8 + (8 + 1) * 10
    named = {m.where for m in record.measurements if m.quantity == "gradient_by_parameter"}
    assert named == {"lift.weight", "lift.bias", "readout.weight", "readout.bias"}


def test_a_frozen_pattern_that_matches_nothing_is_refused():
    with pytest.raises(ValueError, match=r"frozen 'core.\*' matches no parameter; there are: lift"):
        framed("mlp", frozen=("core.*",))


def test_a_convolutional_body_is_refused_where_the_inputs_are_no_images():
    images = next(name for name, entry in MODELS.items() if entry.images)
    with pytest.raises(ValueError, match="needs a task of images"):
        framed(images, "spirals")
