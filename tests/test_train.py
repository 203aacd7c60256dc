"""The loop: the same numbers again, nothing changed by looking, outcomes as values."""

import math
import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from bench import looking
from bench.diagnostics import DIAGNOSTICS
from bench.diagnostics.table import Diagnostic
from bench.diagnostics.view import Reading
from bench.looking import diagnose, evaluate
from bench.models import MODELS, build_model
from bench.optimisation import SCHEDULES, make_optimiser
from bench.records import Status
from bench.runner import Registry, resolve, run
from bench.streams import stream
from bench.tasks import TASKS
from tests.specs import TOYS, tiny

REGISTRY = Registry()


def record(**changes):
    return run(resolve(tiny(**changes), REGISTRY), REGISTRY)


def values(record, *quantities):
    return [m for m in record.measurements if m.quantity in quantities]


LOSSES = ("train_loss", "validation_loss", "validation_score", "test_loss", "test_score")


@pytest.mark.parametrize("model", ["roaf", "lstm", "exprnn"])
def test_the_same_spec_gives_the_same_numbers(model):
    first, again = (record(model=model) for _ in range(2))
    quantities = (*LOSSES, "gradient_by_distance", "gradient_by_parameter")
    assert values(first, *quantities) == values(again, *quantities)


def test_looking_at_gradients_or_at_test_data_changes_nothing():
    looked, blind = record(), record(gradients_at=(), validate_at=(), test_at=(6,))
    assert values(looked, "train_loss") == values(blind, "train_loss")
    assert values(looked, "test_score") == values(blind, "test_score")


@pytest.mark.parametrize("model", ["roaf-rotations", "lstm", "exprnn", "urnn", "resnet"])
def test_no_diagnostic_changes_a_number_of_the_run(model):
    axis = MODELS[model].axis
    changes = {"task": "digits-depth", "task_args": {}, "depth": 5} if axis == "depth" else {}
    wanted = dict.fromkeys(DIAGNOSTICS, (0, 2, 6))
    blind, looked = (
        record(model=model, **changes),
        record(model=model, diagnostics=wanted, **changes),
    )
    assert looked.status is Status.ok, looked.error
    both = (*LOSSES, "gradient_by_parameter")
    assert values(blind, *both) == values(looked, *both)
    at = {m.step for m in values(looked, "log10_singular_value")}
    assert at == {0, 2, 6}


def test_a_model_without_a_state_is_measured_at_its_inputs():
    result = record(model="tcn", diagnostics={"spectrum": (0,), "signal-to-noise": (0,)})
    assert result.status is Status.ok, result.error
    assert {m.step for m in values(result, "gradient_by_input")} == {0, 5}
    assert values(result, "gradient_snr")
    assert not values(result, "gradient_by_distance", "singular_value")


def test_the_clock_stands_still_while_a_diagnostic_looks(monkeypatch):
    def slow(view):
        time.sleep(0.3)
        yield Reading("slow", "all", 1.0)

    monkeypatch.setitem(DIAGNOSTICS, "slow", Diagnostic(slow))
    result = record(diagnostics={"slow": (0, 1, 2, 3)})
    assert len(values(result, "slow")) == 4
    assert all(m.value < 0.25 for m in values(result, "step_seconds")[1:])


def test_an_unknown_diagnostic_is_an_error_that_names_those_there_are():
    result = record(diagnostics={"spectra": (0,)})
    assert "diagnostic 'spectra' is unknown; allowed: gradient" in (result.error or "")


def test_of_a_run_that_diverges_nothing_more_is_read_and_it_stays_diverged():
    wanted = dict.fromkeys(DIAGNOSTICS, (0, 3, 6))
    result = record(
        model="irnn", optimiser="sgd", learning_rate=1e30, gradients_at=(), diagnostics=wanted
    )
    assert result.status is Status.diverged, result.error
    assert {m.step for m in values(result, "log10_singular_value")} == {0}


def test_diagnostics_are_asked_for_at_updates_that_there_are():
    late = record(diagnostics={"spectrum": (7,)})
    assert "'spectrum' must list updates from 0 to 6, not (7,)" in (late.error or "")


def test_looking_draws_from_no_random_stream_of_the_run():
    model, task, spec = nn.Dropout(0.5), REGISTRY.tasks.entries["adding"](length=12), tiny()
    body = build_model(MODELS["elman"], task, resolve(spec, REGISTRY))
    body.add_module("noise", model)
    wanted = resolve(tiny(diagnostics=dict.fromkeys(DIAGNOSTICS, (0,))), REGISTRY)
    before = torch.get_rng_state()
    assert list(diagnose(0, body, task, wanted, torch.device("cpu")))
    assert torch.equal(torch.get_rng_state(), before)
    assert body.training


def test_a_measurement_outside_the_theory_fails_the_run_and_is_kept(monkeypatch):
    narrow = replace(MODELS["roaf"], bounds=lambda body: [(0.999, 1.0)])
    registry = Registry()
    monkeypatch.setitem(registry.models.entries, "roaf", narrow)
    result = run(resolve(tiny(model="roaf", diagnostics={"spectrum": (0,)}), registry), registry)
    assert result.status is Status.error
    assert "BoundViolation: a singular value is" in (result.error or "")
    assert values(result, "log10_singular_value")


def test_all_models_of_a_repetition_see_the_same_data_and_seeds_differ():
    batch, same, other = (
        next(REGISTRY.tasks.entries["adding"]().train_batches(4, stream(seed, purpose)))
        for seed, purpose in ((0, "train"), (0, "train"), (1, "train"))
    )
    assert torch.equal(batch.inputs, same.inputs)
    assert not torch.equal(batch.inputs, other.inputs)
    validation = next(REGISTRY.tasks.entries["adding"]().train_batches(4, stream(0, "validation")))
    assert not torch.equal(batch.inputs, validation.inputs)


def test_every_number_promised_is_measured_at_its_step():
    found = {(m.quantity, m.step) for m in record().measurements}
    assert {(q, s) for q in ("validation_loss", "validation_score") for s in (3, 6)} <= found
    assert {("test_loss", 6), ("test_score", 6), ("peak_bytes", 6)} <= found
    assert {(q, s) for q in ("gradient_by_distance", "gradient_by_parameter") for s in (0, 5)} <= (
        found
    )
    assert {("train_loss", s) for s in range(1, 7)} <= found
    assert {("step_seconds", s) for s in range(1, 7)} <= found


def test_the_training_loss_of_a_window_is_the_mean_of_its_updates():
    each = {m.step: m.value for m in values(record(updates=200), "train_loss")}
    assert sorted(each) == list(range(2, 201, 2))


def test_gradients_are_read_before_clipping():
    free, clipped = record(), record(gradient_clip=1e-6)
    step_0 = [
        [m for m in values(r, "gradient_by_parameter") if m.step == 0] for r in (free, clipped)
    ]
    assert step_0[0] == step_0[1]
    assert max(m.value for m in step_0[1]) > 1e-3
    assert values(free, "test_score") != values(clipped, "test_score")


def test_long_sequences_are_evaluated_few_at_a_time(monkeypatch):
    sizes = []

    class Watched(nn.Linear):
        def forward(self, inputs):
            sizes.append(len(inputs))
            return super().forward(inputs)

    task = TASKS["copy/urnn"](length=10)
    data, model = task.held_out("test", stream(0, "test")), Watched(task.features, task.outputs)
    whole = evaluate(model, task, data, torch.device("cpu"))
    assert set(sizes) == {250}
    monkeypatch.setattr(looking, "EVALUATION_STEPS", 100 * task.steps)
    sizes.clear()
    assert evaluate(model, task, data, torch.device("cpu")) == pytest.approx(whole)
    assert set(sizes) == {100}


def test_training_lowers_the_loss():
    losses = [m.value for m in values(record(updates=300, validate_at=(1, 300)), "validation_loss")]
    assert losses[-1] < 0.7 * losses[0]


def test_a_run_that_diverges_is_a_result():
    result = record(optimiser="sgd", learning_rate=1e30, model="irnn")
    assert result.status is Status.diverged
    assert not math.isfinite(values(result, "train_loss")[-1].value)
    assert "the training loss was" in (result.error or "")


def test_missing_data_is_unsupported_with_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    result = record(task="psmnist-92916", task_args={})
    assert result.status is Status.unsupported
    assert "python -m bench prepare" in (result.error or "")


def test_an_exception_is_an_outcome_that_keeps_what_was_measured(tmp_path):
    file = tmp_path / "toys.py"
    file.write_text(TOYS)
    registry = Registry([file])
    result = run(resolve(tiny(model="raising", updates=20), registry), registry)
    assert result.status is Status.error
    assert (result.error or "").startswith("RuntimeError: the model is broken | on purpose\n")
    assert values(result, "train_loss")
    assert result.facts["parameters"] > 0
    doubled = run(resolve(tiny(precision="float64"), REGISTRY), REGISTRY)
    assert "precision 'float64' is unknown; allowed: float32" in (doubled.error or "")
    unknown = run(resolve(tiny(optimiser="adamm"), REGISTRY), REGISTRY)
    assert unknown.status is Status.error
    assert "'adamm' is unknown; allowed: adam, adamw, sgd, rmsprop" in (unknown.error or "")


def test_schedules_start_at_one_and_the_cosine_ends_at_zero():
    assert SCHEDULES["constant"](0.7) == 1
    assert SCHEDULES["cosine"](0) == 1
    assert SCHEDULES["cosine"](1) == pytest.approx(0)


def test_a_paper_can_ask_for_a_smaller_rate_for_some_parameters():
    model = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 2), "readout": torch.nn.Linear(2, 1)})
    optimiser = make_optimiser(model, tiny(rate_scales={"body.*": 0.1}))
    assert sorted(group["scale"] for group in optimiser.param_groups) == [0.1, 1.0]
    assert sum(len(group["params"]) for group in optimiser.param_groups) == 4


def test_adam_in_backward_trains_as_adam_does_and_leaves_no_gradient_of_the_stack():
    deep = {"model": "roaf-mlp-sqrt", "task": "digits-depth", "task_args": {}, "depth": 70}
    usual = run(resolve(tiny(**deep), REGISTRY), REGISTRY)
    inside = run(resolve(tiny(**deep, optimiser="adam-in-backward"), REGISTRY), REGISTRY)
    losses = [
        [m.value for m in record.measurements if m.quantity == "train_loss"]
        for record in (usual, inside)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    named = {m.where for m in inside.measurements if m.quantity == "gradient_by_parameter"}
    assert named == {"lift.weight", "lift.bias", "readout.weight", "readout.bias"}


def test_adam_in_backward_refuses_what_needs_the_whole_gradient():
    record = run(resolve(tiny(optimiser="adam-in-backward", gradient_clip=1.0), REGISTRY), REGISTRY)
    assert "has neither gradient_clip nor rate_scales" in record.error
