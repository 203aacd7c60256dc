"""Gated, independent, leaky and untrained recurrences: each is its paper's, and keeps its claim."""

import numpy as np
import pytest
import torch
from torch import nn

from baselines import elman, es2n, esn, fastgrnn, gru, indrnn, irnn, janet, leaky, lstm
from tests.baselines import checks

BODIES = {
    "indrnn": (indrnn.IndRNN, indrnn.costs),
    "janet": (janet.JANET, janet.costs),
    "fastrnn": (fastgrnn.FastRNN, fastgrnn.fastrnn_costs),
    "fastgrnn": (fastgrnn.FastGRNN, fastgrnn.fastgrnn_costs),
    "leaky": (leaky.LeakyRNN, leaky.costs),
    "esn": (esn.ESN, esn.costs),
    "es2n": (es2n.ES2N, es2n.costs),
}
every_body = pytest.mark.parametrize("factory", [body for body, _ in BODIES.values()], ids=BODIES)


@every_body
def test_forward_is_the_iterated_step(factory):
    checks.assert_forward_is_the_iterated_step(factory(3, 7), time=60)


@every_body
def test_an_input_changes_no_earlier_output(factory):
    checks.assert_causal(factory(3, 7))


@every_body
def test_gradients_are_finite_over_784_steps(factory):
    checks.assert_finite_gradients(factory(2, 16))


@every_body
def test_gradcheck_passes(factory):
    body = factory(2, 3)
    for name, parameter in body.named_parameters():
        if "bias" in name:  # at a bias of 0 a unit above silent ones sits on the kink of its relu
            nn.init.constant_(parameter, 0.1)
    checks.assert_gradients_are_right(body)


@pytest.mark.parametrize(("factory", "costs"), BODIES.values(), ids=BODIES)
def test_costs_are_those_of_the_body(factory, costs):
    checks.assert_costs_are_right(factory, costs)


@pytest.mark.parametrize("name", ["indrnn", "fastrnn", "fastgrnn", "esn", "es2n"])
def test_body_equals_the_code_of_its_authors(name):
    args = {"indrnn": {"length": 50}, "es2n": {"beta": 0.2}}.get(name, {})
    checks.assert_equals_the_authors_code(BODIES[name][0](3, 5, **args), name)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def janet_in_numpy(body, x, h):
    w_f, w_g = np.split(body["weight_hh"], 2)
    u_f, u_g = np.split(body["weight_ih"], 2)
    b_f, b_g = np.split(body["bias"], 2)
    for x_t in x:
        s = h @ w_f.T + x_t @ u_f.T + b_f
        candidate = np.tanh(h @ w_g.T + x_t @ u_g.T + b_g)
        h = sigmoid(s) * h + (1 - sigmoid(s - 1)) * candidate
        yield h


def leaky_in_numpy(body, x, h):
    a = sigmoid(body["leak_logit"])
    for x_t in x:
        push = np.tanh(h @ body["weight_hh"].T + x_t @ body["weight_ih"].T + body["bias"])
        h = (1 - a) * h + a * push
        yield h


def torchs_gates(body, prefix, x_t, h):
    """The products of the input and of the state, each with its bias."""
    drive = x_t @ body[f"{prefix}.weight_ih_l0"].T + body[f"{prefix}.bias_ih_l0"]
    return drive, h @ body[f"{prefix}.weight_hh_l0"].T + body[f"{prefix}.bias_hh_l0"]


def elman_in_numpy(body, x, h):
    for x_t in x:
        h = np.tanh(sum(torchs_gates(body, "rnn", x_t, h)))
        yield h


def irnn_in_numpy(body, x, h):
    for x_t in x:
        h = np.maximum(sum(torchs_gates(body, "rnn", x_t, h)), 0)
        yield h


def lstm_in_numpy(body, x, h):
    c = h
    for x_t in x:
        i, f, g, o = np.split(sum(torchs_gates(body, "lstm", x_t, h)), 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h


def gru_in_numpy(body, x, h):
    for x_t in x:
        drive, recurrent = (np.split(a, 3, -1) for a in torchs_gates(body, "gru", x_t, h))
        r, z = (sigmoid(drive[gate] + recurrent[gate]) for gate in (0, 1))
        h = (1 - z) * np.tanh(drive[2] + r * recurrent[2]) + z * h
        yield h


TRANSCRIPTIONS = {
    "janet": (janet.JANET, janet_in_numpy),
    "leaky": (leaky.LeakyRNN, leaky_in_numpy),
    "elman": (elman.Elman, elman_in_numpy),
    "irnn": (irnn.IRNN, irnn_in_numpy),
    "lstm": (lstm.LSTM, lstm_in_numpy),
    "gru": (gru.GRU, gru_in_numpy),
}


@pytest.mark.parametrize(("factory", "run"), TRANSCRIPTIONS.values(), ids=TRANSCRIPTIONS)
def test_body_equals_the_equations_of_its_paper(factory, run):
    body, x = factory(3, 6).double(), torch.randn(2, 50, 3, dtype=torch.float64)
    arrays = {name: value.numpy() for name, value in body.state_dict().items()}
    expected = list(run(arrays, x.transpose(0, 1).numpy(), np.zeros((2, 6))))
    np.testing.assert_allclose(body(x).detach(), np.stack(expected, 1), rtol=1e-9, atol=1e-12)


def free_decay(body, state, steps):
    """The state after `steps` inputs of zero."""
    for _ in range(steps):
        _, state = body.step(torch.zeros(len(state), 2, dtype=state.dtype), state)
    return state


def without_weights(body):
    """The body with its matrices zeroed, so that only the memory is left."""
    for parameter in body.parameters():
        if parameter.ndim == 2:
            nn.init.zeros_(parameter)
    return body.double()


def test_indrnn_at_its_bound_grows_to_two_over_its_length_and_never_beyond():
    body = indrnn.IndRNN(2, 8, length=100, num_layers=1).double()
    nn.init.zeros_(body.inputs[0].weight)
    nn.init.constant_(body.weight_hh, 3.0)
    state = torch.rand(3, 8, dtype=torch.float64)
    torch.testing.assert_close(free_decay(body, state, 100), 2 * state)


def test_indrnn_stays_within_its_bound_while_it_trains():
    body = indrnn.IndRNN(2, 16, length=10, num_layers=3)
    checks.train(body, learning_rate=0.1)
    assert (body.weight_hh.abs() > body.bound).any()
    assert body.recurrent_weights().abs().max().item() == pytest.approx(body.bound)


def test_a_clipped_weight_of_indrnn_comes_back_when_the_gradient_says_so():
    body = indrnn.IndRNN(1, 4, length=10, num_layers=1)
    nn.init.constant_(body.weight_hh, 3.0)
    for direction, moves in ((1.0, True), (-1.0, False)):
        (slope,) = torch.autograd.grad(direction * body.recurrent_weights().sum(), body.weight_hh)
        assert torch.equal(slope, torch.full_like(slope, direction * moves))


def test_the_last_layer_of_indrnn_starts_with_a_memory_of_the_whole_sequence():
    body = indrnn.IndRNN(1, 1000, length=50)
    first, last = body.weight_hh.detach() ** 50
    assert first.min() < 0.01
    assert 0.5 <= last.min() < 0.6 and 1.9 < last.max() <= 2.0001


def test_janet_keeps_what_its_forget_bias_says():
    body = without_weights(janet.JANET(2, 8, chrono_length=100))
    state = torch.rand(3, 8, dtype=torch.float64)
    times = body.bias.detach()[:8].exp()
    torch.testing.assert_close(free_decay(body, state, 30), state * (times / (1 + times)) ** 30)


def test_janet_chrono_biases_are_logarithms_of_times():
    times = janet.JANET(2, 500, chrono_length=100).bias.detach()[:500].exp()
    assert times.min() >= 1 and times.max() <= 99.001 and 45 < times.mean() < 55


def test_fastrnn_has_two_scalars_and_fastgrnn_a_bias_more_than_an_elman_network():
    plain = 7 * (3 + 7) + 7
    assert fastgrnn.fastrnn_costs(3, 7).parameters == plain + 2
    assert fastgrnn.fastgrnn_costs(3, 7).parameters == plain + 2 + 7


def test_fastrnn_starts_as_a_weighted_mean():
    body = fastgrnn.FastRNN(2, 16).double()
    assert (body(1e4 * torch.randn(2, 500, 2, dtype=torch.float64)).abs() <= 1).all()
    total = body.alpha.sigmoid() + body.beta.sigmoid()
    torch.testing.assert_close(total, torch.ones_like(total))


def test_leaky_integrator_forgets_at_its_leaking_rate_and_learns_it():
    body = leaky.LeakyRNN(2, 8, leak=0.05)
    checks.train(body)
    assert not torch.isclose(body.leak_logit.sigmoid(), torch.tensor(0.05))
    body = without_weights(leaky.LeakyRNN(2, 8, leak=0.05))
    nn.init.zeros_(body.bias)
    state = torch.rand(3, 8, dtype=torch.float64)
    torch.testing.assert_close(free_decay(body, state, 30), state * 0.95**30, rtol=1e-6, atol=0)


def test_reservoirs_train_nothing_and_save_everything():
    for factory in (esn.ESN, es2n.ES2N):
        first, second = factory(2, 8), factory(2, 8)
        x = torch.randn(3, 9, 2)
        assert not [*first.parameters()] and not torch.equal(first(x), second(x))
        second.load_state_dict(first.state_dict())
        assert torch.equal(first(x), second(x))


def test_echo_state_network_has_its_spectral_radius_and_forgets_where_it_began():
    body = esn.ESN(2, 50, spectral_radius=0.4).double()
    assert torch.linalg.eigvals(body.weight_hh).abs().max().item() == pytest.approx(0.4, rel=1e-5)
    norm = torch.linalg.matrix_norm(body.weight_hh, 2)
    assert norm < 1
    one, other = first = torch.randn(2, 3, 50, dtype=torch.float64)
    for x_t in torch.randn(20, 3, 2, dtype=torch.float64):
        (_, one), (_, other) = body.step(x_t, one), body.step(x_t, other)
    assert (one - other).norm() <= norm**20 * (first[0] - first[1]).norm()


def test_es2n_is_at_the_edge_of_stability():
    body = es2n.ES2N(2, 30, beta=0.05).double()
    norm = torch.linalg.matrix_norm(body.weight_hh, 2)
    x_t, state = torch.randn(2, dtype=torch.float64), torch.randn(30, dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda h: body.step(x_t[None], h[None])[0][0])(state)
    for values in (torch.linalg.svdvals(jacobian), torch.linalg.eigvals(jacobian).abs()):
        assert 0.95 - 0.05 * norm - 1e-6 <= values.min()
        assert values.max() <= 0.95 + 0.05 * norm + 1e-6


def test_bad_values_are_refused_by_name():
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        indrnn.IndRNN(1, 4, length=0)
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        indrnn.IndRNN(1, 4, num_layers=0)
    with pytest.raises(ValueError, match=r"growth over a sequence must be at least 1, got 0\.5"):
        indrnn.IndRNN(1, 4, growth=0.5)
    with pytest.raises(ValueError, match="chrono_length must be at least 3 steps, got 2"):
        janet.JANET(1, 4, chrono_length=2)
    with pytest.raises(ValueError, match=r"leak must lie strictly between 0 and 1, got 1\.0"):
        leaky.LeakyRNN(1, 4, leak=1.0)
    with pytest.raises(ValueError, match=r"spectral_radius must not be negative, got -0\.1"):
        esn.ESN(1, 4, spectral_radius=-0.1)
    with pytest.raises(ValueError, match=r"beta must lie above 0 and not above 1, got 0\.0"):
        es2n.ES2N(1, 4, beta=0.0)
