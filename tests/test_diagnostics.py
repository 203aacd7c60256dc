"""Every diagnostic against a closed form, or against what autograd computes by brute force."""

import math

import pytest
import torch
from torch import nn

from bench.diagnostics import DIAGNOSTICS, gradient_by_distance, gradient_by_parameter, look
from bench.diagnostics.gradients import kept_distances, ratio
from bench.diagnostics.memory import sensitivities
from bench.diagnostics.states import cosine, effective_rank, forward_norm
from bench.diagnostics.view import BoundViolation
from bench.models import MODELS
from roaf import RoaMLP
from tests.linear import DOUBLE, Linear, Logistic, values, view, view_of
from tests.test_frame import framed


@pytest.mark.parametrize("last, kept", [(0, [0]), (1, [0, 1]), (9, [0, 1, 2, 4, 8, 9])])
def test_powers_of_two_and_the_ends_are_kept(last, kept):
    assert kept_distances(last) == kept


@pytest.mark.parametrize("a", [0.5, 1.0, 1.1])
def test_the_gradient_of_a_scalar_recurrence_is_a_to_the_distance(a):
    looked = view(Linear(torch.full((1, 1), a, dtype=DOUBLE)))
    norms = gradient_by_distance(looked.model, looked.task, looked.batch)
    for distance, norm in norms.items():
        assert norm / norms[0] == pytest.approx(a**distance, rel=1e-9)
    assert max(norms) == 40
    by_input = values(look("input-gradient", looked), "gradient_by_input")
    for distance, norm in by_input.items():
        assert norm / by_input["0"] == pytest.approx(a ** int(distance), rel=1e-9)
    assert max(map(int, by_input)) == 39


def test_without_its_nonlinear_branch_roaf_shrinks_by_alpha_a_layer():
    model, task = framed("roaf-mlp", depth=30)
    model.body = RoaMLP(8, 30, alpha=0.9, beta=0.0).double()
    looked = view_of(model, task)
    gradient = values(look("gradient", looked), "gradient_by_distance")
    for distance, norm in gradient.items():
        assert norm / gradient["0"] == pytest.approx(0.9 ** int(distance), rel=1e-9)
    found = values(look("spectrum", looked), "singular_value")
    assert list(found.values()) == pytest.approx([0.9**30] * 8, rel=1e-9)
    assert values(look("step-gains", looked), "step_gain") == pytest.approx(
        {"max": 0.9, "min": 0.9}
    )


def test_norms_too_small_for_float32_squares_are_still_measured():
    model = nn.Linear(1, 1, bias=False)
    model.weight.grad = torch.full((1, 1), 1e-30)
    assert gradient_by_parameter(model)["weight"] == pytest.approx(1e-30, rel=1e-6)


def test_the_norm_of_a_weight_is_its_largest_singular_value():
    matrix = torch.diag(torch.tensor([0.5, -3.0], dtype=DOUBLE))
    found = values(look("weight-norms", view(Linear(matrix))), "weight_norm")
    assert found["body.matrix"] == pytest.approx(3.0)


@pytest.mark.parametrize("a", [0.5, 0.9, 0.99])
def test_the_memory_horizon_is_where_a_thousandth_is_left(a):
    looked = view(Linear(torch.full((1, 1), a, dtype=DOUBLE)), 1000)
    horizon = values(look("memory-horizon", looked), "memory_horizon")["0.001"]
    assert horizon == math.floor(math.log(1e-3) / math.log(a)) + 1


def test_a_model_without_memory_forgets_at_once_and_one_that_is_deaf_remembers_nothing():
    blind = view(Linear(torch.zeros(1, 1, dtype=DOUBLE)))
    assert values(look("memory-horizon", blind), "memory_horizon") == {"0.001": 1.0}
    deaf = view(Logistic(torch.zeros(1, 1, dtype=DOUBLE)))
    assert values(look("memory-horizon", deaf), "memory_horizon") == {"0.001": 0.0}


def test_a_frozen_body_can_be_looked_at_and_a_batch_of_seven_has_no_noise():
    model, task = framed("mlp")
    model.body.requires_grad_(False)
    frozen = view_of(model, task)
    assert values(look("weight-gradients", frozen), "weight_gradient_by_distance")["1"] == 0
    assert set(values(look("signal-to-noise", frozen), "gradient_snr")) == {
        f"{part}.{kind}" for part in ("lift", "readout") for kind in ("weight", "bias")
    }
    with pytest.raises(ValueError, match="needs a batch of at least 8"):
        list(look("signal-to-noise", view_of(model, task, samples=7)))


@pytest.mark.parametrize("name", ["lstm", "cornn", "roaf"])
def test_the_dependence_on_each_input_is_that_of_autograd(name):
    model, task = framed(name)
    looked = view_of(model, task)
    x = looked.batch.inputs[:1]

    jacobian = torch.autograd.functional.jacobian(lambda x: looked.model.body(x)[0, -1], x)
    exact = [torch.linalg.matrix_norm(jacobian[:, 0, t], ord=2).item() for t in range(12)]
    found = [math.exp(log) for log in sensitivities(looked)]
    assert found == pytest.approx(exact[::-1], rel=1e-9)


OF_MATRICES = ("picard-depth", "layer-ablation", "weight-movement")
STACKED = set(MODELS) - {"shallow", "nais", "deq"}


@pytest.mark.parametrize("name", MODELS)
def test_every_diagnostic_reads_every_model_of_its_kind(name):
    looked = view_of(*framed(name), samples=16)
    unread = () if name in STACKED else OF_MATRICES
    for diagnostic, entry in DIAGNOSTICS.items():
        read = list(look(diagnostic, looked))
        expected = looked.model.kind in entry.kinds and diagnostic not in unread
        assert bool(read) == expected, diagnostic
        assert not any(r.value is not None and math.isnan(r.value) for r in read), diagnostic


def test_of_a_model_without_a_state_the_gradient_is_read_at_its_inputs():
    model, task = framed("tcn")
    looked = view_of(model, task)
    assert not list(look("spectrum", looked))
    found = values(look("input-gradient", looked), "gradient_by_input")
    x = looked.batch.inputs.requires_grad_()
    looked.task.loss(looked.model(x), looked.batch.targets).backward()
    assert found["0"] == pytest.approx(x.grad[:, -1].norm().item())
    assert found["8"] == pytest.approx(x.grad[:, -9].norm().item())


def test_effective_rank_and_cosine_count_directions():
    eye = torch.eye(8, dtype=DOUBLE)
    assert effective_rank(eye[:3]) == pytest.approx(3)
    assert effective_rank(eye[:1].expand(5, -1)) == pytest.approx(1)
    assert effective_rank(torch.zeros(4, 8, dtype=DOUBLE)) == 0
    assert cosine(eye[:3]) == pytest.approx(0)
    assert cosine(eye[:1].expand(5, -1)) == pytest.approx(1)
    assert cosine(torch.stack([eye[0], -eye[0]])) == pytest.approx(-1)
    assert cosine(torch.zeros(4, 8, dtype=DOUBLE)) is None
    assert forward_norm(torch.tensor([[3.0, 4.0], [0.0, 0.0]])) == pytest.approx(5 / 2**0.5)


def test_the_states_are_those_of_the_unrolled_model():
    looked = view(Linear(torch.eye(1, dtype=DOUBLE)), 16)
    found = values(look("states", looked), "forward_norm")
    sums = looked.batch.inputs[:, :, 0].cumsum(1)
    assert found["0"] == pytest.approx(sums[:, -1].square().mean().sqrt().item())
    assert found["4"] == pytest.approx(sums[:, 11].square().mean().sqrt().item())
    assert found["16"] == 0


def test_signal_to_noise_is_the_mean_gradient_over_its_spread():
    # groups of 2 with mean 2 and variance 2: (E g)^2 is 4 - 2 / 2, the variance of a sample 4
    assert ratio(torch.tensor([[1.0], [3.0]]), 2) == pytest.approx((3 / 4) ** 0.5)
    assert ratio(torch.ones(8, 3), 2) is None
    assert ratio(torch.tensor([[1.0], [-1.0]]), 2) is None


def test_signal_to_noise_is_read_from_the_gradients_of_parts_of_the_batch():
    model, task = framed("elman")
    looked = view_of(model, task, samples=16)
    found = values(look("signal-to-noise", looked), "gradient_snr")
    parts = []
    for inputs, targets in zip(*(part.split(2) for part in looked.batch), strict=True):
        looked.model.zero_grad()
        looked.task.loss(looked.model(inputs), targets).backward()
        parts.append([p.grad.flatten().clone() for p in looked.model.parameters()])
    for name, gradients in zip(found, zip(*parts, strict=True), strict=True):
        assert found[name] == ratio(torch.stack(gradients), 2), name
    assert any(found.values())


@pytest.mark.parametrize("name", ["mlp", "resnet", "roaf-mlp"])
def test_the_gradient_of_a_layers_weights_is_what_backward_leaves_in_them(name):
    model, task = framed(name, depth=9)
    looked = view_of(model, task)
    found = values(look("weight-gradients", looked), "weight_gradient_by_distance")
    task.loss(looked.model(looked.batch.inputs), looked.batch.targets).backward()
    unit = looked.model.readout.weight.grad.norm().item()
    assert list(found) == ["1", "2", "4", "8", "9"]
    for distance, value in found.items():
        layers = [p.grad[9 - int(distance)].norm() for p in looked.model.body.parameters()]
        assert value * unit == pytest.approx(torch.stack(layers).norm().item(), rel=1e-9)


def test_a_measurement_outside_the_theory_is_an_error_after_it_is_read():
    looked = view(Linear(torch.full((1, 1), 0.9, dtype=DOUBLE)), bounds=lambda body: [(0.95, 1.0)])
    for name, words in {
        "gradient": r"growth over 1 steps is 0\.9, outside the bounds 0\.95, 1",
        "spectrum": "a singular value is",
        "step-gains": "a gain of step 0 is",
    }.items():
        readings = look(name, looked)
        with pytest.raises(BoundViolation, match=words):
            list(readings)
    met = view(Linear(torch.full((1, 1), 0.9, dtype=DOUBLE)), bounds=lambda body: [(0.9, 0.9)])
    read = list(look("gradient", met)) + list(look("spectrum", met)) + list(look("step-gains", met))
    assert values(read, "bound_lower") == pytest.approx(values(read, "bound_upper"))
    assert values(read, "bound_lower")["40"] == pytest.approx(0.9**40)
