"""The theory: what is measured lies inside, and the bounds are attained where they can be."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roaf import (
    RoaMLP,
    depth_schedule,
    eigenvalue_annulus,
    infinite_depth_bounds,
    lyapunov_interval,
    random_orthogonal,
    singular_value_bounds,
    spectral_norm_bound,
    state_norm_bound,
    summable_bounds,
    weight_gradient_bounds,
)
from roaf.orthogonal import FILTERS

DOUBLE = torch.float64


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def jacobian(model: RoaMLP, x: torch.Tensor) -> torch.Tensor:
    """The input-output Jacobian of the network at x."""
    return torch.autograd.functional.jacobian(lambda x: model(x[None])[0], x)  # type: ignore


@pytest.mark.filterwarnings("ignore:alpha and beta change the gradient")
@settings(max_examples=30, deadline=None)
@given(
    alpha=st.floats(0.1, 1.0),
    beta=st.floats(0.0, 0.5),
    gain=st.floats(0.1, 3.0),
    depth=st.integers(1, 12),
    kind=st.sampled_from(sorted(FILTERS)),
)
def test_the_measured_spectrum_lies_within_the_bounds(alpha, beta, gain, depth, kind):
    model = RoaMLP(8, depth, alpha=alpha, beta=beta, filter=kind, generator=generator(0)).double()
    with torch.no_grad():
        model.weight.mul_(gain)
    x = torch.randn(8, dtype=DOUBLE, generator=generator(1))
    measured = torch.linalg.svdvals(jacobian(model, x))
    sigma = spectral_norm_bound(model.weight).tolist()
    lower, upper = singular_value_bounds(alpha, beta, sigma)
    assert measured.max() <= upper * (1 + 1e-9)
    assert measured.min() >= lower * (1 - 1e-9) - 1e-12


def test_the_bounds_have_their_closed_forms():
    assert singular_value_bounds(0.9, 0.1, 2.0) == pytest.approx((0.7, 1.1))
    assert singular_value_bounds(0.9, 0.1, 2.0, depth=3) == pytest.approx((0.7**3, 1.1**3))
    assert singular_value_bounds(0.9, 0.1, [1.0, 2.0]) == pytest.approx((0.8 * 0.7, 1.0 * 1.1))
    assert singular_value_bounds(0.1, 0.9, 2.0, depth=2)[0] == 0
    assert singular_value_bounds(1.0, 1.0, 5.0, depth=10**6)[1] == math.inf
    with pytest.raises(ValueError, match="must have 1 or"):
        singular_value_bounds([0.9, 0.9], 0.1, [1.0, 1.0, 1.0])


def test_a_net_that_diverged_has_no_bounds():
    for found in (
        singular_value_bounds(0.9, 0.1, math.nan),
        singular_value_bounds([0.9, math.nan], 0.1, 20.0),
        infinite_depth_bounds(1.0, math.nan),
        summable_bounds(0.3, 0.1, math.nan),
        lyapunov_interval(0.9, 0.1, math.nan),
        weight_gradient_bounds(math.nan, (1.0, 2.0), 1.0),
        (state_norm_bound(0.9, math.nan, 4, 10), state_norm_bound(0.9, 0.1, 4, 10, math.nan)),
    ):
        assert all(map(math.isnan, found))
    model = RoaMLP(3, 2, alpha=0.9)
    torch.nn.init.constant_(model.weight, math.nan)
    assert all(math.isnan(bound) for pair in model.step_bounds() for bound in pair)


def test_bounds_of_what_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"sigma must be at least 0, not -1\.0"):
        singular_value_bounds(0.9, 0.1, [1.0, -1.0])
    with pytest.raises(ValueError, match=r"alpha must be at least 0, not -0\.9"):
        eigenvalue_annulus(-0.9, 0.1, 1.0)
    with pytest.raises(ValueError, match=r"beta must be at least 0, not -0\.1"):
        state_norm_bound(0.9, -0.1, 4, 10)
    with pytest.raises(ValueError, match="depth must be at least 1, not 0"):
        singular_value_bounds(0.9, 0.1, 1.0, depth=0)
    with pytest.raises(ValueError, match="sigma has 2 values for 3 layers"):
        singular_value_bounds(0.9, 0.1, [1.0, 1.0], depth=3)


def test_tensors_and_numpy_numbers_are_numbers():
    expected = singular_value_bounds(0.5, 0.25, 1.5)
    for kind in (torch.tensor, np.float32, np.asarray):
        assert singular_value_bounds(kind(0.5), kind(0.25), kind(1.5)) == expected
    sigma = torch.tensor([1.0, 1.5])
    many = singular_value_bounds(0.5, 0.25, [1.0, 1.5])
    assert singular_value_bounds(0.5, 0.25, sigma) == many
    assert singular_value_bounds(0.5, 0.25, sigma.numpy()) == many
    assert infinite_depth_bounds(1, sigma[1]) == infinite_depth_bounds(1.0, 1.5)


@pytest.mark.parametrize("convex, schedule", [(True, "convex"), (False, "isometric")])
def test_the_bounds_at_great_depth_are_their_limit(convex, schedule):
    alpha, beta = depth_schedule(2.0, 200_000, schedule)
    found = singular_value_bounds(alpha, beta, 1.5, depth=200_000)
    assert found == pytest.approx(infinite_depth_bounds(2.0, 1.5, convex), rel=1e-4)


def test_schedules_keep_their_promises():
    alpha, beta = depth_schedule(1.0, 100)
    assert (alpha, beta) == (0.99, 0.01)
    alpha, beta = depth_schedule(1.0, 100, "sqrt")
    assert beta == 0.1
    assert alpha**2 + beta**2 == pytest.approx(1.0)
    assert depth_schedule(1.0, 100, "isometric")[0] == 1.0
    with pytest.raises(ValueError, match="outside"):
        depth_schedule(5.0, 2)
    with pytest.raises(ValueError, match="allowed: convex, isometric, sqrt"):
        depth_schedule(1.0, 2, "linear")


def test_the_bounds_still_hold_after_training_when_the_weights_are_large():
    model = RoaMLP(8, 20, alpha=0.95, beta=0.05).double()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(30):
        optimiser.zero_grad()
        model(torch.randn(16, 8, dtype=DOUBLE)).square().sum().neg().backward()
        optimiser.step()
    sigma = spectral_norm_bound(model.weight)
    assert sigma.max() > 3
    measured = torch.linalg.svdvals(jacobian(model, torch.randn(8, dtype=DOUBLE)))
    lower, upper = singular_value_bounds(0.95, 0.05, sigma.tolist())
    assert lower * (1 - 1e-9) <= measured.min()
    assert measured.max() <= upper * (1 + 1e-9)


@pytest.mark.parametrize("sign, side", [(1.0, 1), (-1.0, 0)])
def test_the_bounds_are_attained_where_w_points_along_the_filter(sign, side):
    # at x = 0, b = 0 the slope is 1, and W = +-sigma O makes every factor alpha +- beta sigma
    model = RoaMLP(5, 6, alpha=0.9, beta=0.1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(sign * 2.0 * model.orthogonal_matrix().expand_as(model.weight))
    measured = torch.linalg.svdvals(jacobian(model, torch.zeros(5, dtype=DOUBLE)))
    bound = singular_value_bounds(0.9, 0.1, 2.0, depth=6)[side]
    torch.testing.assert_close(measured, torch.full((5,), bound, dtype=DOUBLE))


def test_a_net_without_end_stays_inside_the_summable_bounds_at_every_depth():
    betas = [0.2 / (layer + 1) ** 2 for layer in range(3000)]
    lower, upper = summable_bounds(sum(betas), max(betas), sigma=2.0)
    alphas = [1 - beta for beta in betas]
    for depth in (1, 10, 100, 3000):
        found = singular_value_bounds(alphas[:depth], betas[:depth], 2.0)
        assert lower <= found[0]
        assert found[1] <= upper
    assert summable_bounds(1.0, 0.5, sigma=2.0)[0] == 0


@settings(max_examples=20, deadline=None)
@given(beta=st.floats(0.0, 0.9), gain=st.floats(0.1, 3.0), kind=st.sampled_from(sorted(FILTERS)))
def test_eigenvalues_lie_in_the_annulus(beta, gain, kind):
    o = random_orthogonal(8, kind, generator=generator(1), dtype=DOUBLE)
    weight = gain * torch.randn(8, 8, dtype=DOUBLE, generator=generator(2))
    slopes = torch.rand(8, 1, dtype=DOUBLE, generator=generator(3))
    radii = torch.linalg.eigvals((1 - beta) * o + beta * slopes * weight).abs()
    inner, outer = eigenvalue_annulus(1 - beta, beta, spectral_norm_bound(weight).item())
    assert inner * (1 - 1e-9) <= radii.min()
    assert radii.max() <= outer * (1 + 1e-9)


def test_lyapunov_exponents_without_the_nonlinear_branch_are_ln_alpha():
    assert lyapunov_interval(0.9, 0.0, 5.0) == pytest.approx((math.log(0.9), math.log(0.9)))
    assert lyapunov_interval(0.1, 0.9, 2.0)[0] == -math.inf


@pytest.mark.filterwarnings("ignore:alpha and beta change the gradient")
@pytest.mark.parametrize("alpha, beta", [(0.9, 0.1), (1.0, 0.02), (0.5, 0.2)])
def test_states_stay_inside_their_bound_and_a_constant_drive_attains_it(alpha, beta):
    model = RoaMLP(16, 50, alpha=alpha, beta=beta, filter="identity").double()
    with torch.no_grad():
        model.weight.zero_()
        model.bias.fill_(50.0)  # tanh is 1: the state grows as fast as it can
    x = torch.ones(1, 16, dtype=DOUBLE)
    largest = 0.0
    for layer in range(50):
        x = model.step(x, layer)
        largest = max(largest, x.norm().item())
    bound = state_norm_bound(alpha, beta, 16, 50, initial_norm=4.0)
    assert largest <= bound * (1 + 1e-12)
    if alpha + beta >= 1:
        assert largest == pytest.approx(bound)
    with pytest.raises(ValueError, match="alpha must be at most 1"):
        state_norm_bound(1.1, 0.1, 4, 10)


def test_weight_gradients_lie_inside_their_bounds():
    model = RoaMLP(6, 12, alpha=0.9, beta=0.1).double()
    x = torch.randn(1, 6, dtype=DOUBLE)
    states = [x.requires_grad_()]
    for layer in range(12):
        states.append(model.step(states[-1], layer))
    deltas = torch.autograd.grad(states[-1].sum(), states, retain_graph=True)
    model(x).sum().backward()
    sigma = spectral_norm_bound(model.weight).tolist()
    for layer in range(12):
        found = model.weight.grad[layer].norm().item()
        here = states[layer].norm().item()
        exact = (deltas[layer + 1].norm().item(),) * 2
        z = states[layer] @ model.weight[layer].T + model.bias[layer]
        slopes = 1 - torch.tanh(z).square()
        tight = weight_gradient_bounds(0.1, exact, here, (slopes.min().item(), slopes.max().item()))
        assert tight[0] * (1 - 1e-9) <= found <= tight[1] * (1 + 1e-9)
        band = singular_value_bounds(0.9, 0.1, sigma[layer + 1 :] or 0.0, depth=None)
        if layer < 11:
            scale = deltas[-1].norm().item()
            far = weight_gradient_bounds(0.1, (band[0] * scale, band[1] * scale), here)
            assert far[0] == 0.0
            assert found <= far[1] * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 99))
def test_the_norm_bound_is_never_too_small_and_never_loose(rows, columns, seed):
    weight = torch.randn(rows, columns, dtype=DOUBLE, generator=generator(seed))
    exact = torch.linalg.matrix_norm(weight, ord=2).item()
    assert exact <= spectral_norm_bound(weight).item() <= exact * 1.0005


def test_the_norm_bound_of_special_matrices():
    assert spectral_norm_bound(torch.zeros(3, 3)).item() == 0
    q = random_orthogonal(64, generator=generator(), dtype=DOUBLE)
    assert 1 <= spectral_norm_bound(q).item() < 1.0005
    assert spectral_norm_bound(1e200 * q).item() == pytest.approx(1e200, rel=1e-3)
    assert spectral_norm_bound(torch.ones(2, 3, 4, 4)).shape == (2, 3)
