"""The gated networks of 2024: minGRU and minLSTM without a recurrent matrix, and the sLSTM."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from baselines import minimal, slstm
from tests.baselines import checks

BODIES = {
    "mingru": (minimal.MinGRU, minimal.mingru_costs, {}),
    "mingru-deep": (minimal.MinGRU, minimal.mingru_costs, {"num_layers": 3}),
    "minlstm": (minimal.MinLSTM, minimal.minlstm_costs, {}),
    "minlstm-deep": (minimal.MinLSTM, minimal.minlstm_costs, {"num_layers": 2}),
    "slstm": (slstm.SLSTM, slstm.costs, {}),
    "slstm-heads": (slstm.SLSTM, slstm.costs, {"num_heads": 2}),
}
FACTORIES = {name: partial(body, **args) for name, (body, _, args) in BODIES.items()}
every_body = pytest.mark.parametrize("factory", FACTORIES.values(), ids=FACTORIES)


@every_body
def test_forward_is_the_iterated_step(factory):
    body = factory(3, 6)
    nn.init.normal_(next(body.parameters()))
    checks.assert_forward_is_the_iterated_step(body, time=60)


@every_body
def test_an_input_changes_no_earlier_output(factory):
    checks.assert_causal(factory(3, 6))


@every_body
def test_gradients_are_right(factory):
    checks.assert_gradients_are_right(factory(2, 2))


@every_body
def test_gradients_are_finite_over_784_steps(factory):
    checks.assert_finite_gradients(factory(2, 8))


@pytest.mark.parametrize(("factory", "costs", "arguments"), BODIES.values(), ids=BODIES)
def test_costs_are_those_of_the_body(factory, costs, arguments):
    checks.assert_costs_are_right(partial(factory, **arguments), partial(costs, **arguments))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0, x)


def g(x):
    return np.where(x >= 0, x + 0.5, sigmoid(x))


def mingru_in_numpy(a, h):
    z, c = np.split(a, 2, axis=-1)
    for t in range(a.shape[1]):
        h = (1 - sigmoid(z[:, t])) * h + sigmoid(z[:, t]) * g(c[:, t])
        yield h


def minlstm_in_numpy(a, h):
    f, i, c = np.split(a, 3, axis=-1)
    f, i = sigmoid(f), sigmoid(i)
    for t in range(a.shape[1]):
        total = f[:, t] + i[:, t]
        h = f[:, t] / total * h + i[:, t] / total * g(c[:, t])
        yield h


TRANSCRIPTIONS = {"mingru": mingru_in_numpy, "minlstm": minlstm_in_numpy}


def preactivations(body, x):
    return body.layers[0].linear(x).detach().numpy()


@pytest.mark.parametrize("name", TRANSCRIPTIONS)
def test_body_equals_the_equations_of_its_paper(name):
    body, x = FACTORIES[name](3, 6).double(), 3 * torch.randn(2, 50, 3, dtype=checks.DOUBLE)
    expected = np.stack(list(TRANSCRIPTIONS[name](preactivations(body, x), 0.0)), axis=1)
    np.testing.assert_allclose(body(x).detach(), expected, rtol=1e-10, atol=1e-13)


def logarithms(name, a):
    """log of the factor and of the drive, by the paper's own formulas."""
    if name == "mingru":
        z, c = np.split(a, 2, axis=-1)
        return -softplus(z), -softplus(-z) + np.log(g(c))
    f, i, c = np.split(a, 3, axis=-1)
    balance = softplus(-f) - softplus(-i)
    return -softplus(balance), -softplus(-balance) + np.log(g(c))


def scanned_in_logarithms(log_factor, log_drive):
    scale = np.cumsum(log_factor, axis=1, dtype=log_factor.dtype)
    return np.exp(scale + np.logaddexp.accumulate(log_drive - scale, axis=1))


@pytest.mark.parametrize("name", TRANSCRIPTIONS)
def test_the_scan_is_that_of_the_paper_in_logarithms_but_keeps_the_digits(name):
    body, x = FACTORIES[name](3, 6), 3 * torch.randn(1, 10_000, 3)
    single = logarithms(name, preactivations(body, x).astype(np.float32))
    found = body(x).detach().numpy()
    exact_logs = logarithms(name, preactivations(body.double(), x.double()))
    exact = body(x.double()).detach().numpy()
    np.testing.assert_allclose(scanned_in_logarithms(*exact_logs), exact, rtol=1e-9)
    np.testing.assert_allclose(found, exact, rtol=1e-4)
    assert abs(scanned_in_logarithms(*single) / exact - 1).max() > 1e-3


@pytest.mark.parametrize("name", TRANSCRIPTIONS)
def test_the_state_is_a_mean_of_candidates_even_where_all_gates_are_shut(name):
    body = FACTORIES[name](3, 6)
    nn.init.constant_(body.layers[0].linear.weight, 0.0)
    nn.init.constant_(body.layers[0].linear.bias, -300.0)
    body.layers[0].linear.bias.data[-6:] = 1.0
    _, state = body.step(torch.randn(2, 3), torch.full((2, 6), 1.5))
    torch.testing.assert_close(state, torch.full((2, 6), 1.5))


def test_the_candidate_is_positive_and_has_no_jump():
    x = torch.tensor([-50.0, -1e-7, 0.0, 1e-7, 50.0])
    expected = torch.tensor([1.9287e-22, 0.5, 0.5, 0.5, 50.5])
    torch.testing.assert_close(minimal.positive(x), expected, rtol=1e-4, atol=0.0)


def test_slstm_equals_the_code_of_its_authors():
    checks.assert_equals_the_authors_code(slstm.SLSTM(3, 6, num_heads=2), "slstm")


def test_the_stabiliser_of_slstm_changes_no_output():
    body = slstm.SLSTM(3, 6).double()
    nn.init.normal_(body.weight_hh)
    _, state = body.step(torch.randn(2, 3).double(), body.initial_state(2))
    h, c, n, m = state.chunk(4, dim=1)
    shift = torch.randn(2, 6).double()
    scaled = torch.cat([h, c * torch.exp(-shift), n * torch.exp(-shift), m + shift], dim=1)
    x_t = torch.randn(2, 3).double()
    torch.testing.assert_close(body.step(x_t, scaled)[0], body.step(x_t, state)[0])


def test_slstm_is_the_ratio_of_plain_exponential_sums():
    body, x = slstm.SLSTM(2, 3).double(), torch.randn(1, 30, 2, dtype=checks.DOUBLE)
    drives = (x[0] @ body.weight_ih[0].T + body.bias[0]).detach().numpy()
    c, n = np.zeros(3), np.zeros(3)
    for drive, output in zip(drives, body(x)[0].detach().numpy(), strict=True):
        i, f, z, o = np.split(drive, 4)
        c = sigmoid(f) * c + np.exp(i) * np.tanh(z)
        n = sigmoid(f) * n + np.exp(i)
        np.testing.assert_allclose(output, sigmoid(o) * c / n, rtol=1e-10)


def test_slstm_stays_finite_where_its_exponentials_would_not():
    body = slstm.SLSTM(1, 4)
    nn.init.normal_(body.weight_hh)
    x = 1e3 * torch.randn(2, 200, 1)
    output = body(x)
    output.sum().backward()
    assert output.abs().max() <= 1
    assert all(parameter.grad.isfinite().all() for parameter in body.parameters())


def test_slstm_starts_without_recurrence_and_with_memories_from_long_to_none():
    body = slstm.SLSTM(3, 8, num_heads=2)
    assert not body.weight_hh.any()
    _, f, *_ = body.bias.chunk(4, dim=-1)
    for head in f[:, 0]:
        assert head[0] == 5 and head[-1] == -7 and (head.diff() < 0).all()


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match="num_heads must divide hidden_size, got 4 for 6"):
        slstm.SLSTM(1, 6, num_heads=4)
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        minimal.MinGRU(1, 6, num_layers=0)
