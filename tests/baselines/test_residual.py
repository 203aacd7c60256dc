"""Residual and gated networks: their contract, their equations, and their first gradients."""

import inspect
import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from baselines.highway import Highway
from baselines.resnet import ResNetMLP
from baselines.rezero import ReZero
from baselines.skipinit import SkipInit
from bench.frame import same
from bench.models.residual import MODELS
from tests.baselines import checks

every_model = pytest.mark.parametrize("name", MODELS)


def first(name, width=6, depth=20):
    return MODELS[name].factory(width, depth, **MODELS[name].defaults).double()


def moved(name, width=6, depth=20):
    """A body whose parameters, and running statistics, are none of those it begins with."""
    body = first(name, width, depth)
    with torch.no_grad():
        for values in body.state_dict().values():
            values += 0.3 * torch.rand_like(values)
    return body


def inputs(batch=5, width=6):
    return torch.randn(batch, width, dtype=checks.DOUBLE, requires_grad=True)


def chain(body, x, depth=20):
    for layer in range(depth):
        x = body.step(x, layer)
    return x


def composed(name, body, x, depth=20):
    entry = MODELS[name]
    return entry.leave(body, chain(body, entry.enter(body, x), depth))


@every_model
@pytest.mark.parametrize("training", [True, False])
def test_forward_is_the_composition_of_the_steps(name, training):
    body, x = moved(name).train(training), inputs()
    torch.testing.assert_close(composed(name, body, x), body(x), rtol=1e-10, atol=1e-11)


def test_only_forward_in_training_moves_the_running_statistics():
    body, x = first("resnet-batchnorm"), inputs()
    before = {name: value.clone() for name, value in body.named_buffers()}
    composed("resnet-batchnorm", body, x)
    body.eval()(x)
    assert all((value == before[name]).all() for name, value in body.named_buffers())
    body.train()(x)
    assert all((value != before[name]).all() for name, value in body.named_buffers())


@every_model
def test_gradients_are_right(name):
    body = moved(name, 4, 2)
    names, values = [*dict(body.named_parameters())], [*body.parameters()]

    def run(x, *values):
        return functional_call(body, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (inputs(3, 4), *values))


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(p, layer, x, part="", at=""):
    return x @ p[f"{at}weight{part}"][layer].T + p[f"{at}bias{part}"][layer]


def branch(p, layer, x, at="branch."):
    return dense(p, layer, relu(dense(p, layer, x, "_inner", at)), "_outer", at)


def normalised(p, layer, x, axis, at="normalisation"):
    mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
    unit = (x - mean) / np.sqrt(variance + 1e-5)
    return p[f"{at}.weight"][layer] * unit + p[f"{at}.bias"][layer]


def fixup_in_numpy(p, layer, depth, x):
    b1, b2, b3, b4 = p["biases"][:, layer]
    hidden = relu((x + b1) @ p["weight_inner"][layer].T + b2)
    return x + p["multiplier"][layer] * ((hidden + b3) @ p["weight_outer"][layer].T) + b4


def highway_in_numpy(p, layer, depth, x):
    gate = sigmoid(dense(p, layer, x, "_gate"))
    return np.tanh(dense(p, layer, x)) * gate + x * (1 - gate)


TRANSCRIPTIONS = {
    "resnet": lambda p, layer, depth, x: x + branch(p, layer, x, ""),
    "resnet-sqrt": lambda p, layer, depth, x: x + branch(p, layer, x, "") / math.sqrt(depth),
    "resnet-linear": lambda p, layer, depth, x: x + branch(p, layer, x, "") / depth,
    "resnet-layernorm": lambda p, layer, depth, x: x + branch(p, layer, normalised(p, layer, x, 1)),
    "resnet-batchnorm": lambda p, layer, depth, x: x + branch(p, layer, normalised(p, layer, x, 0)),
    "rezero": lambda p, layer, depth, x: x + p["gate"][layer] * relu(dense(p, layer, x)),
    "skipinit": lambda p, layer, depth, x: x + p["multiplier"][layer] * branch(p, layer, x),
    "fixup": fixup_in_numpy,
    "deepnorm": lambda p, layer, depth, x: normalised(
        p, layer, depth**0.25 * x + branch(p, layer, x), 1
    ),
    "highway": highway_in_numpy,
    "highway-depth": highway_in_numpy,
}
ENDS = {
    "resnet-layernorm": lambda p, x: normalised(p, 0, x, 1, "final"),
    "resnet-batchnorm": lambda p, x: normalised(p, 0, x, 0, "final"),
}


@every_model
def test_body_equals_the_equations_of_its_paper(name):
    body, x = moved(name), inputs()
    p = {key: value.detach().numpy() for key, value in body.state_dict().items()}
    expected = x.detach().numpy()
    for layer in range(20):
        expected = TRANSCRIPTIONS[name](p, layer, 20, expected)
    expected = ENDS[name](p, expected) if name in ENDS else expected
    np.testing.assert_allclose(composed(name, body, x).detach(), expected, rtol=1e-9)


def test_rezero_equals_the_code_of_its_authors():
    checks.assert_equals_the_authors_code(ReZero(6, 20), "rezero")


@every_model
def test_costs_are_those_of_the_body(name):
    entry, body = MODELS[name], first(name, 8, 3).eval()
    costs = partial(entry.costs, **entry.defaults)(8, 3)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        body.step(inputs(1, 8), 0)
    trained = sum(parameter.numel() for parameter in body.parameters())
    assert (costs.parameters, costs.state_size) == (trained, 8)
    assert costs.flops == counter.get_total_flops()
    parameters = inspect.signature(entry.factory).parameters
    assert inspect.signature(entry.costs).parameters == parameters


@every_model
def test_a_hundred_steps_of_adam_move_every_parameter(name):
    body = first(name, 6, 2)
    optimizer = torch.optim.Adam(body.parameters(), lr=1e-2)
    before = [parameter.detach().clone() for parameter in body.parameters()]
    for _ in range(100):
        optimizer.zero_grad()
        (body(inputs(16)) - inputs(16).detach()).square().mean().backward()
        optimizer.step()
    assert all((p != old).any() for p, old in zip(body.parameters(), before, strict=True))


HE, XAVIER = math.sqrt(2 / 32), math.sqrt(1 / 32)
BRANCH = {"branch.weight_inner": HE, "branch.weight_outer": XAVIER}
DEVIATIONS = {  # at width 32 and depth 500
    "resnet": {"weight_inner": HE, "weight_outer": XAVIER},
    "resnet-layernorm": BRANCH,
    "resnet-batchnorm": BRANCH,
    "rezero": {"weight": HE, "bias": XAVIER / math.sqrt(3)},
    "skipinit": BRANCH,
    "fixup": {"weight_inner": HE / math.sqrt(500)},
    "deepnorm": dict.fromkeys(BRANCH, XAVIER / 2000**0.25),
    "highway": {"weight": XAVIER, "weight_gate": XAVIER},
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_what_is_drawn_has_the_deviation_of_its_paper_and_the_rest_is_constant(name):
    for key, parameter in first(name, 32, 500).named_parameters():
        expected = DEVIATIONS[name].get(key, 0.0)
        assert parameter.std().item() == pytest.approx(expected, rel=0.01, abs=1e-12)


def growth(name, depth):
    """The digits by which a first body's state, and its gradient on the way back, grow."""
    body, x = first(name, 32, depth), inputs(32, 32)
    output = body(x) if MODELS[name].leave is same else chain(body, x, depth)
    direction = torch.randn_like(output)
    (gradient,) = torch.autograd.grad(output, x, direction)
    ratios = output.norm() / x.norm(), gradient.norm() / direction.norm()
    return tuple(ratio.log10().item() for ratio in ratios)


@pytest.mark.parametrize(
    ("name", "awake"),
    [("rezero", {"gate"}), ("skipinit", {"multiplier"}), ("fixup", {"weight_outer", "biases"})],
)
def test_begins_as_the_identity_with_one_part_that_learns(name, awake):
    body, x = first(name, 32, 1000), inputs(32, 32)
    output, direction = body(x), torch.randn(32, 32, dtype=checks.DOUBLE)
    output.backward(direction)
    assert (output == x).all()
    assert (x.grad == direction).all()
    assert {key for key, p in body.named_parameters() if p.grad.any()} == awake


@pytest.mark.parametrize("name", ["resnet-sqrt", "resnet-linear", "deepnorm"])
def test_a_thousand_layers_keep_signal_and_gradient(name):
    assert max(map(abs, growth(name, 1000))) < 0.4


def test_the_plain_residual_network_grows_by_nearly_sqrt_2_a_block_both_ways():
    expected = 1000 * math.log10(2) / 2
    assert all(0.9 * expected < digits < expected for digits in growth("resnet", 1000))


@pytest.mark.parametrize(("name", "most"), [("resnet-layernorm", 1.8), ("resnet-batchnorm", 2.5)])
def test_a_normalised_branch_makes_growth_a_power_of_the_depth(name, most):
    for depth in (100, 1000):
        forward, backward = growth(name, depth)
        assert forward == pytest.approx(math.log10(1 + depth) / 2, abs=0.1)
        assert 0.8 < backward / forward < most


def test_a_highway_with_gates_of_a_tenth_forgets_and_one_with_gates_of_its_depth_does_not():
    carried = 1000 * math.log10(1 - 1 / (1 + math.exp(2)))
    assert all(abs(digits / carried - 1) < 0.15 for digits in growth("highway", 1000))
    for depth in (100, 1000):
        assert all(
            -0.6 < digits < math.log10(math.exp(-1)) for digits in growth("highway-depth", depth)
        )


def first_update(name, depth):
    """How far one step of gradient descent on the weights moves the output."""
    torch.manual_seed(0)
    body, x = first(name, 32, depth), inputs(32, 32)
    weights = [p for key, p in body.named_parameters() if "weight_" in key]
    output = body(x)
    gradients = torch.autograd.grad(output, weights, torch.randn_like(output) / 32)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight -= 1e-3 * gradient
    return (body(x) - output).norm().item()


@pytest.mark.parametrize("name", ["fixup", "deepnorm"])
def test_the_first_update_moves_the_output_as_far_at_any_depth(name):
    assert first_update(name, 500) == pytest.approx(first_update(name, 5), rel=0.1)


def test_skipinit_begins_with_the_multiplier_it_is_given():
    assert (SkipInit(4, 3, multiplier=0.5).multiplier == 0.5).all()


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match=r'gate_bias is a number or "depth", not \'shut\''):
        Highway(4, 3, gate_bias="shut")
    with pytest.raises(ValueError, match="branch_scale 'cube' is none of"):
        ResNetMLP(4, 3, branch_scale="cube")


@every_model
def test_sizes_below_one_are_refused_by_name(name):
    with pytest.raises(ValueError, match="width must be at least 1, not 0"):
        first(name, 0, 3)
    with pytest.raises(ValueError, match="depth must be at least 1, not 0"):
        first(name, 3, 0)
