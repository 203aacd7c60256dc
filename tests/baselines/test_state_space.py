"""Linear state spaces: the scan they share, LMU, HiPPO-LegS, LRU, S4D and Mamba."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from numpy.polynomial import legendre
from scipy.signal import cont2discrete

from baselines import hippo, lmu, lru, mamba, s4d
from baselines.scan import linear_scan
from tests.baselines import checks

SMALL_LMU = {"order": 6, "theta": 20.0}
BODIES = {
    "lmu": lambda *sizes: lmu.LMU(*sizes, **SMALL_LMU),
    "hippo-legs": hippo.HiPPOLegS,
    "hippo-legs-order": lambda *sizes: hippo.HiPPOLegS(*sizes, order=3),
    "lru": lru.LRU,
    "lru-deep": lambda *sizes: lru.LRU(*sizes, num_layers=2, state_size=3),
    "s4d": lambda *sizes: s4d.S4D(*sizes, state_size=6),
    "s4d-deep": lambda *sizes: s4d.S4D(*sizes, num_layers=2, state_size=4),
    "mamba": lambda *sizes: mamba.Mamba(*sizes, state_size=3),
    "mamba-deep": lambda *sizes: mamba.Mamba(*sizes, num_layers=2, state_size=2, expansion=1),
}
DEFAULTS = [lmu.LMU, hippo.HiPPOLegS, lru.LRU, s4d.S4D, mamba.Mamba]
every_body = pytest.mark.parametrize("factory", BODIES.values(), ids=BODIES)


def scanned_one_by_one(factor, drive, first):
    states = [first]
    for a, b in zip(factor.expand_as(drive).unbind(1), drive.unbind(1), strict=True):
        states.append(a * states[-1] + b)
    return torch.stack(states[1:], dim=1)


def recurrence(time, dtype, batch=2, of_batch=2):
    angle = torch.rand(of_batch, time, 3) * 6
    radius = torch.rand(of_batch, time, 3, dtype=checks.DOUBLE)
    factor = torch.polar(radius, angle.double()) if dtype.is_complex else radius
    return factor, torch.randn(batch, time, 3, dtype=dtype), torch.randn(batch, 3, dtype=dtype)


@pytest.mark.parametrize("dtype", [checks.DOUBLE, torch.complex128])
@pytest.mark.parametrize("time", [1, 2, 16, 17, 250])
def test_the_scan_is_the_recurrence_from_any_first_state(time, dtype):
    for of_batch in (1, 2):
        values = recurrence(time, dtype, of_batch=of_batch)
        expected = scanned_one_by_one(*values)
        torch.testing.assert_close(linear_scan(*values), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [checks.DOUBLE, torch.complex128])
def test_the_gradient_of_the_scan_is_right(dtype):
    for of_batch in (1, 2):
        values = [v.requires_grad_() for v in recurrence(5, dtype, of_batch=of_batch)]
        assert torch.autograd.gradcheck(linear_scan, values)


def test_ten_thousand_isometric_steps_of_the_scan_lose_no_more_than_rounding():
    angle = torch.rand(1, 1, 3, dtype=checks.DOUBLE).expand(1, 10_000, 3)
    first = torch.randn(2, 3, dtype=torch.complex128)
    drive = torch.zeros(2, 10_000, 3, dtype=torch.complex128)
    states = linear_scan(torch.polar(torch.ones_like(angle), angle), drive, first)
    turned = torch.polar(torch.ones(3, dtype=checks.DOUBLE), 10_000 * angle[0, 0])
    torch.testing.assert_close(states[:, -1], first * turned, rtol=1e-11, atol=1e-11)


@every_body
def test_forward_is_the_iterated_step(factory):
    checks.assert_forward_is_the_iterated_step(factory(3, 5), time=40)


@every_body
def test_an_input_changes_no_earlier_output(factory):
    checks.assert_causal(factory(3, 5))


@every_body
def test_gradients_are_right(factory):
    checks.assert_gradients_are_right(factory(2, 2))


@pytest.mark.parametrize("factory", DEFAULTS)
def test_gradients_are_finite_over_784_steps(factory):
    checks.assert_finite_gradients(factory(2, 8))


COSTS = {
    "lmu": (lmu.LMU, lmu.costs, {}),
    "hippo-legs": (hippo.HiPPOLegS, hippo.costs, {}),
    "lru": (lru.LRU, lru.costs, {}),
    "lru-deep": (lru.LRU, lru.costs, {"num_layers": 2, "state_size": 3}),
    "s4d": (s4d.S4D, s4d.costs, {}),
    "s4d-deep": (s4d.S4D, s4d.costs, {"num_layers": 2, "state_size": 4}),
    "mamba": (mamba.Mamba, mamba.costs, {}),
    "mamba-deep": (mamba.Mamba, mamba.costs, {"num_layers": 2, "state_size": 3, "window": 3}),
}


@pytest.mark.parametrize(("factory", "costs", "arguments"), COSTS.values(), ids=COSTS)
def test_costs_are_those_of_the_body(factory, costs, arguments):
    solve = 8 * 9 if factory is hippo.HiPPOLegS else 0  # triangular, which torch does not count
    checks.assert_costs_are_right(partial(factory, **arguments), partial(costs, **arguments), solve)


@pytest.mark.parametrize("name", ["hippo-legs", "s4d", "mamba"])
def test_body_equals_the_code_of_its_authors(name):
    bodies = {
        "hippo-legs": hippo.HiPPOLegS(3, 4, order=5),
        "s4d": s4d.S4D(3, 4, num_layers=2, state_size=6),
        "mamba": mamba.Mamba(3, 4, num_layers=2, state_size=3),
    }
    checks.assert_equals_the_authors_code(bodies[name], name)


def test_lru_equals_the_code_it_is_known_by():
    body = lru.LRU(3, 4, num_layers=2, state_size=5)
    for block in body.layers:
        block.norm.eps = 1e-6  # that of its library
    checks.assert_equals_the_authors_code(body, "lru")


def legendre_delay(order, theta):
    a = np.empty((order, order))
    for i in range(order):
        for j in range(order):
            a[i, j] = (2 * i + 1) * (-1 if i < j else (-1.0) ** (i - j + 1))
    b = np.array([[(2 * i + 1) * (-1.0) ** i] for i in range(order)])
    c, d = np.ones((1, order)), np.zeros((1, 1))
    return cont2discrete((a / theta, b / theta, c, d), dt=1.0, method="zoh")[:2]


def lmu_in_numpy(body, x, theta):
    p = {name: value.detach().numpy() for name, value in body.named_parameters()}
    a, b = legendre_delay(body.order, theta)
    h, m = np.zeros((len(x), body.hidden_size)), np.zeros((len(x), body.order))
    for t in range(x.shape[1]):
        u = x[:, t] @ p["encoder_input"].T + h @ p["encoder_hidden"].T + m @ p["encoder_memory"].T
        m = m @ a.T + u @ b.T
        z = x[:, t] @ p["weight_input"].T + h @ p["weight_hidden"].T + m @ p["weight_memory"].T
        h = np.tanh(z)
        yield h


def test_lmu_gives_the_equations_of_its_paper():
    body, x = lmu.LMU(3, 6, order=8, theta=20).double(), torch.randn(2, 50, 3).double()
    torch.nn.init.normal_(body.encoder_memory, std=0.1)
    expected = np.stack(list(lmu_in_numpy(body, x.numpy(), 20)), axis=1)
    np.testing.assert_allclose(body(x).detach(), expected, rtol=1e-10, atol=1e-12)


def test_the_memory_of_lmu_holds_the_signal_of_a_whole_window_ago():
    theta, order = 100, 12
    transition, entry = lmu.delay_system(order, theta)
    signal = np.sin(2 * np.pi * np.arange(500) / 80)
    m = torch.zeros(order, dtype=checks.DOUBLE)
    for u in signal:
        m = transition @ m + entry * u
    for delay in (0, 30, 99):
        shifted = legendre.legval(2 * delay / theta - 1, m.numpy())
        assert abs(shifted - signal[-1 - delay]) < 0.06


def test_the_default_memory_of_lmu_stands_784_steps_of_one():
    transition, entry = lmu.delay_system(256, 784)
    m = torch.zeros(256, dtype=checks.DOUBLE)
    for _ in range(3 * 784):
        m = transition @ m + entry
    constant = torch.eye(256, dtype=checks.DOUBLE)[0]
    torch.testing.assert_close(m, constant, rtol=0, atol=1e-6)


def remembered(body, signal):
    """The memory of a HiPPO-LegS body whose encoder lets its input through."""
    torch.nn.init.zeros_(body.encoder.bias)
    body.encoder.weight.data = torch.eye(1, body.encoder.in_features)
    state = body.double().initial_state(1)
    with torch.no_grad():
        for value in signal:
            _, state = body.step(torch.tensor([[value]], dtype=checks.DOUBLE), state)
    return state[0, body.hidden_size : -1], state[0, -1]


def test_hippo_remembers_a_constant_exactly_and_counts_its_steps():
    memory, count = remembered(hippo.HiPPOLegS(1, 2, order=8), [0.7] * 30)
    torch.testing.assert_close(memory, 0.7 * torch.eye(8).double()[0], rtol=0, atol=1e-13)
    assert count == 30


def test_the_memory_of_hippo_is_the_projection_of_all_its_past():
    time = np.linspace(-1, 1, 600)
    memory, _ = remembered(hippo.HiPPOLegS(1, 2, order=6), (time**2 - 0.4 * time).tolist())
    normalised = np.sqrt(2 * np.arange(6) + 1)
    expected = legendre.poly2leg([0, -0.4, 1]) / normalised[:3]
    np.testing.assert_allclose(memory, np.pad(expected, (0, 3)), atol=8e-3)


def test_hippo_lets_the_sequences_of_a_batch_be_at_different_steps():
    body = hippo.HiPPOLegS(2, 3).double()
    x, early = torch.randn(1, 9, 2, dtype=checks.DOUBLE), torch.zeros(1, 7, dtype=checks.DOUBLE)
    late = early
    for x_t in x[:, :8].unbind(1):
        _, late = body.step(x_t, late)
    last = x[:, 8].expand(2, -1)
    together = body.step(last, torch.cat([early, late]))[1]
    alone = [body.step(x[:, 8], state)[1] for state in (early, late)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-12, atol=1e-13)


def test_lru_starts_in_its_ring_and_never_leaves_the_unit_disc():
    body = lru.LRU(2, 8, state_size=200, min_radius=0.9, max_radius=0.999)
    radius = body.layers[0].eigenvalues().abs()
    assert radius.min() >= 0.9 and radius.max() <= 0.999
    assert radius.square().mean().item() == pytest.approx((0.81 + 0.998) / 2, abs=0.02)
    checks.train(body)
    assert (body.layers[0].eigenvalues().abs() < 1).all()


def test_the_scale_of_lru_makes_the_state_of_white_noise_one_large():
    body = lru.LRU(8, 8, state_size=500, min_radius=0.9, max_radius=0.99)
    block = body.layers[0]
    state = block.initial_state(16)
    with torch.no_grad():
        for x_t in torch.randn(600, 16, 8):
            _, state = block.step(x_t, state)
    real, imaginary = state.chunk(2, dim=-1)
    power = (real.square() + imaginary.square()).mean()
    assert power.item() == pytest.approx(1.0, abs=0.1)


def test_s4d_answers_a_constant_as_its_continuous_system_does():
    block = s4d.S4DBlock(3, state_size=8).double()
    time = torch.arange(1, 41, dtype=checks.DOUBLE)
    a = torch.complex(-torch.exp(block.log_rate), block.frequency).unsqueeze(-1)
    dt = torch.exp(block.log_time_step)[:, None, None]
    c = torch.complex(*block.readout).unsqueeze(-1)
    expected = 2 * (c * (torch.exp(a * dt * time) - 1) / a).sum(1).real.T
    found = block.impulse_response(40).cumsum(0)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_s4d_stays_stable_while_it_trains():
    body = s4d.S4D(2, 8)
    checks.train(body)
    exponent, _ = body.layers[0]._discretised()
    assert (torch.exp(exponent).abs() < 1).all()


def test_s4d_starts_from_the_linear_frequencies():
    block = s4d.S4DBlock(5, state_size=8)
    expected = torch.complex(torch.full((4,), -0.5), math.pi * torch.arange(4))
    exponent, _ = block._discretised()
    dt = torch.exp(block.log_time_step)
    torch.testing.assert_close(exponent / dt.unsqueeze(-1), expected.expand(5, 4))
    assert (dt >= 0.000_999).all() and (dt <= 0.100_1).all()


def test_mamba_forgets_by_a_gate_and_keeps_its_state_while_the_gate_is_shut():
    block = mamba.Mamba(2, 8).layers[0]
    raw, v = torch.randn(4, 16), torch.randn(4, 16)
    b, c = torch.randn(2, 4, 16).unbind(0)
    factor, _, _ = block._selected(v, torch.nn.functional.softplus(raw), b, c)
    torch.testing.assert_close(factor[..., 0], torch.sigmoid(-raw))
    torch.nn.init.constant_(block.time_step.bias, -200.0)
    state = torch.randn(4, block.initial_state(1).shape[1])
    _, following = block.step(torch.randn(4, 8), state)
    window = 16 * 3
    assert torch.equal(following[:, window:], state[:, window:])
    kept, moved = (s[:, :window].unflatten(1, (16, 3)) for s in (state, following))
    assert torch.equal(moved[..., :2], kept[..., 1:])


def test_mamba_starts_with_time_steps_between_a_thousandth_and_a_tenth():
    bias = mamba.Mamba(2, 64).layers[0].time_step.bias
    dt = torch.nn.functional.softplus(bias)
    assert 0.000_99 < dt.min() < 0.003 and 0.04 < dt.max() < 0.101


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match=r"min_radius 0.9 and max_radius 0.5"):
        lru.LRU(1, 4, min_radius=0.9, max_radius=0.5)
    with pytest.raises(ValueError, match="state_size must be even and at least 2, got 7"):
        s4d.S4D(1, 4, state_size=7)
    with pytest.raises(ValueError, match="order must be >= 1 and theta > 0, got order 4, theta 0"):
        lmu.LMU(1, 4, order=4, theta=0)
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        mamba.Mamba(1, 4, num_layers=0)
