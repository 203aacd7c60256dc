"""The bodies of images: their equations, their gradients, and what their papers claim."""

import inspect
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from baselines.delta_orthogonal import DeltaOrthogonalCNN, critical_line
from baselines.residual_cnn import ResNetCNN
from bench.models.images import MODELS
from roaf import RoaCNN, depth_schedule

DOUBLE = torch.float64


def build(name, width, depth):
    """The body with its registered settings, in float64, its biases no longer zero."""
    body = MODELS[name].factory(width, depth, **MODELS[name].defaults).double()
    for parameter in body.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return body


def convolve(x, weight, mode):
    """The sum over the taps of a 3x3 kernel."""
    height, width = x.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode=mode)
    taps = [(i, j) for i in range(3) for j in range(3)]
    parts = (
        np.einsum("oc,bcij->boij", weight[:, :, i, j], x[:, :, i : i + height, j : j + width])
        for i, j in taps
    )
    return sum(parts)


def delta_orthogonal_in_numpy(p, x):
    for w, b in zip(p["weight"], p["bias"], strict=True):
        x = np.tanh(convolve(x, w, "wrap") + b[:, None, None])
    return x


def resnet_in_numpy(p, x):
    layers = (p[f"{kind}_{place}"] for place in ("inner", "outer") for kind in ("weight", "bias"))
    for w1, b1, w2, b2 in zip(*layers, strict=True):
        hidden = convolve(np.maximum(x, 0), w1, "constant") + b1[:, None, None]
        branch = convolve(np.maximum(hidden, 0), w2, "constant") + b2[:, None, None]
        x = x + branch / np.sqrt(len(p["bias_inner"]))
    return x


def roaf_in_numpy(p, x):
    beta = 1 / np.sqrt(len(p["bias"]))
    for w, b in zip(p["weight"], p["bias"], strict=True):
        filtered = np.einsum("oc,bcij->boij", p["orthogonal"], x)
        inner = convolve(x, w, "constant") + b[:, None, None]
        x = np.sqrt(1 - beta**2) * filtered + beta * np.tanh(inner)
    return x


EQUATIONS = {
    "cnn-roaf": roaf_in_numpy,
    "cnn-delta-orthogonal": delta_orthogonal_in_numpy,
    "cnn-resnet": resnet_in_numpy,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_body_of_images_equals_its_equations(name):
    body, x = build(name, 4, 20), torch.randn(2, 4, 5, 6, dtype=DOUBLE)
    parameters = {key: value.detach().numpy() for key, value in body.state_dict().items()}
    expected = torch.from_numpy(EQUATIONS[name](parameters, x.numpy()))
    torch.testing.assert_close(body(x), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_a_body_of_images_is_the_composition_of_its_steps(name):
    body, x = build(name, 4, 20), torch.randn(2, 4, 3, 5, dtype=DOUBLE)
    output = body(x)
    for layer in range(20):
        x = body.step(x, layer)
    torch.testing.assert_close(output, x, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", MODELS)
def test_the_gradients_of_a_body_of_images_are_right(name):
    body, x = build(name, 4, 2), torch.randn(1, 4, 2, 3, dtype=DOUBLE, requires_grad=True)
    names, values = zip(*body.named_parameters(), strict=True)

    def run(x, *values):
        return functional_call(body, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *values), fast_mode=True)


@pytest.mark.parametrize("name", MODELS)
def test_the_costs_of_a_body_of_images_are_true_for_one_pixel(name):
    entry, body = MODELS[name], build(name, 8, 3)
    costs = entry.costs(8, 3, **entry.defaults)
    x = torch.zeros(1, 8, 5, 6, dtype=DOUBLE)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        body.step(x, 0)
    assert costs.parameters == sum(parameter.numel() for parameter in body.parameters())
    assert costs.flops * 30 == counter.get_total_flops()
    assert costs.state_size * 30 == x.numel()


@pytest.mark.parametrize("module", [DeltaOrthogonalCNN, ResNetCNN])
def test_costs_take_the_arguments_of_the_class(module):
    costs = inspect.getmodule(module).costs
    assert inspect.signature(costs).parameters == inspect.signature(module).parameters


@pytest.mark.parametrize("name", MODELS)
def test_a_hundred_steps_move_every_parameter(name):
    body = MODELS[name].factory(4, 3, **MODELS[name].defaults)
    optimizer = torch.optim.Adam(body.parameters(), lr=1e-2)
    before = [parameter.detach().clone() for parameter in body.parameters()]
    for _ in range(100):
        optimizer.zero_grad()
        output = body(torch.randn(2, 4, 4, 4))
        (output - torch.randn_like(output)).square().mean().backward()
        optimizer.step()
    assert all((p != old).all() for p, old in zip(body.parameters(), before, strict=True))


def gains(body, images):
    """(norm of the output by that of the images, the same of a gradient at random on its way)."""
    images = images.clone().requires_grad_()
    output = body.double()(images)
    gradient = torch.randn_like(output)
    (back,) = torch.autograd.grad(output, images, gradient)
    return (output.norm() / images.norm()).item(), (back.norm() / gradient.norm()).item()


def test_delta_orthogonal_kernels_are_orthogonal_at_the_centre_and_zero_around_it():
    body = DeltaOrthogonalCNN(6, 4, variance=0).double()
    centre = body.weight[..., 1, 1]
    torch.testing.assert_close(
        centre @ centre.mT, torch.eye(6).double().expand(4, 6, 6), atol=1e-6, rtol=0
    )
    assert body.weight.count_nonzero() == centre.count_nonzero()
    assert not body.bias.any()


def mean(function):
    """Over a standard normal z."""
    return quad(lambda z: function(z) * norm.pdf(z), -12, 12, epsabs=1e-13)[0]


def test_the_critical_line_keeps_variance_and_gradient():
    for q in (0.01, 0.3, 2.0):
        weight, bias = critical_line(q)
        kept = mean(lambda z, q=q: np.cosh(math.sqrt(q) * z) ** -4)
        variance = mean(lambda z, q=q: np.tanh(math.sqrt(q) * z) ** 2)
        assert weight * kept == pytest.approx(1, rel=1e-10)
        assert weight * variance + bias == pytest.approx(q, rel=1e-10)
    assert critical_line(0) == (1, 0)
    assert critical_line(1e-4)[1] == pytest.approx(4e-12 / 3, rel=1e-3)


def test_delta_orthogonal_signal_and_gradient_shrink_as_a_power_where_gaussian_ones_die():
    # on a sphere in n dimensions E x^4 = 3 q^2 n / (n + 2), so q falls by 2 q^2 n / (n + 2) a layer
    images, limit = torch.randn(4, 8, 4, 4, dtype=DOUBLE), math.sqrt(10 / 16)
    signal, gradient = zip(
        *(gains(DeltaOrthogonalCNN(8, depth, variance=0), images) for depth in (250, 1000)),
        strict=True,
    )
    assert signal[0] * math.sqrt(250) == pytest.approx(limit, rel=0.05)
    assert signal[1] * math.sqrt(1000) == pytest.approx(limit, rel=0.05)
    assert gradient[1] / gradient[0] == pytest.approx(1 / 2, rel=0.2)
    gaussian = DeltaOrthogonalCNN(8, 1000, variance=0)
    torch.nn.init.normal_(gaussian.weight, std=1 / math.sqrt(9 * 8))
    assert max(gains(gaussian, images)) < 1e-8


def test_a_scaled_residual_network_of_images_stays_alive_and_an_unscaled_one_explodes():
    images = torch.randn(2, 8, 4, 4, dtype=DOUBLE)
    at = {scale: gains(ResNetCNN(8, 500, scale), images) for scale in ("sqrt", "linear", "one")}
    assert all(1 < gain < 2 for gain in at["sqrt"])
    assert at["linear"] == pytest.approx((1, 1), abs=0.02)
    assert all(gain > 1e20 for gain in at["one"])


def test_roaf_keeps_signal_and_gradient_of_images_at_every_depth():
    images = torch.randn(2, 8, 4, 4, dtype=DOUBLE)
    for depth in (10, 1000):
        alpha, beta = depth_schedule(1.0, depth, "sqrt")
        body = RoaCNN(8, depth, alpha=alpha, beta=beta)
        # alpha^2 + beta^2 = 1: a branch that gives back nothing leaves exp(-1/2) of the norm
        assert all(math.exp(-0.5) < gain < 1 for gain in gains(body, images))


def test_bad_settings_of_bodies_of_images_are_named():
    for body in (DeltaOrthogonalCNN, ResNetCNN):
        with pytest.raises(ValueError, match="width must be at least 1, not 0"):
            body(0, 2)
        with pytest.raises(ValueError, match="depth must be at least 1, not 0"):
            body(2, 0)
    with pytest.raises(ValueError, match="variance must be at least 0, not -1"):
        DeltaOrthogonalCNN(2, 2, variance=-1)
    with pytest.raises(ValueError, match=r"'root' is none of \['linear', 'one', 'sqrt'\]"):
        ResNetCNN(2, 2, "root")
