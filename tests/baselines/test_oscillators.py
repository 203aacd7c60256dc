"""Recurrences that discretise a differential equation: each is its paper's, and keeps its claim."""

import numpy as np
import pytest
import torch
from torch import nn

from baselines import antisymmetric, cornn, lem, linoss, lipschitz, unicornn
from baselines.oscillator_scan import oscillator_scan
from tests.baselines import checks

BODIES = {
    "antisymmetric-gated": (antisymmetric.GatedAntisymmetricRNN, antisymmetric.gated_costs),
    "lipschitz": (lipschitz.LipschitzRNN, lipschitz.costs),
    "unicornn": (unicornn.UnICORNN, unicornn.costs),
    "lem": (lem.LEM, lem.costs),
    "linoss": (linoss.LinOSS, linoss.costs),
}
every_body = pytest.mark.parametrize("factory", [body for body, _ in BODIES.values()], ids=BODIES)
every_discretization = pytest.mark.parametrize("discretization", ["IM", "IMEX"])


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
    checks.assert_gradients_are_right(factory(2, 3))


@pytest.mark.parametrize(("factory", "costs"), BODIES.values(), ids=BODIES)
def test_costs_are_those_of_the_body(factory, costs):
    checks.assert_costs_are_right(factory, costs)


GOLDEN = {
    "lipschitz": lambda: lipschitz.LipschitzRNN(3, 5, epsilon=0.3, gamma=0.1),
    "unicornn": lambda: unicornn.UnICORNN(3, 5, num_layers=2, time_step=0.3, alpha=2.5),
    "lem": lambda: lem.LEM(3, 5, time_step=0.6),
    "linoss-im": lambda: linoss.LinOSS(3, 5, oscillators=4),
    "linoss-imex": lambda: linoss.LinOSS(3, 5, discretization="IMEX", oscillators=4),
    "cornn": lambda: cornn.CoRNN(3, 5),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_body_equals_the_code_of_its_authors(name):
    checks.assert_equals_the_authors_code(GOLDEN[name](), name)


def test_gated_antisymmetric_network_equals_the_equations_of_its_paper():
    body = antisymmetric.GatedAntisymmetricRNN(3, 6, epsilon=0.3, gamma=0.1).double()
    x = torch.randn(2, 50, 3, dtype=torch.float64)
    p = {name: value.numpy() for name, value in body.state_dict().items()}
    m, h, expected = np.zeros((6, 6)), np.zeros((2, 6)), []
    m[np.triu_indices(6, 1)] = p["weight_hh"]
    for x_t in x.transpose(0, 1).numpy():
        recurrent = h @ (m - m.T - 0.1 * np.eye(6)).T
        gate = 1 / (1 + np.exp(-(recurrent + x_t @ p["weight_gate"].T + p["bias_gate"])))
        h = h + 0.3 * gate * np.tanh(recurrent + x_t @ p["weight_ih"].T + p["bias"])
        expected.append(h)
    np.testing.assert_allclose(body(x).detach(), np.stack(expected, 1), rtol=1e-9, atol=1e-12)


def test_an_open_gate_leaves_the_plain_antisymmetric_network():
    gated = antisymmetric.GatedAntisymmetricRNN(3, 6).double()
    plain = antisymmetric.AntisymmetricRNN(3, 6).double()
    plain.load_state_dict(gated.state_dict(), strict=False)
    nn.init.constant_(gated.bias_gate, 100.0)
    x = torch.randn(2, 50, 3, dtype=torch.float64)
    torch.testing.assert_close(gated(x), plain(x))


def test_gated_antisymmetric_eigenvalues_have_real_part_minus_gamma():
    body = antisymmetric.GatedAntisymmetricRNN(2, 16, gamma=0.3).double()
    checks.train(body)
    real = torch.linalg.eigvals(body.transition_matrix()).real
    torch.testing.assert_close(real, torch.full_like(real, -0.3), rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("beta", [0.0, 0.75, 1.0])
def test_lipschitz_matrices_are_as_skew_as_beta_says(beta):
    body = lipschitz.LipschitzRNN(2, 12, beta=beta, gamma=0.2).double()
    checks.train(body)
    for m, matrix in zip((body.weight_linear, body.weight_hh), body.matrices(), strict=True):
        symmetric = (1 - beta) * (m + m.T) - 0.2 * torch.eye(12)
        torch.testing.assert_close((matrix + matrix.T) / 2, symmetric)
        torch.testing.assert_close((matrix - matrix.T) / 2, beta * (m - m.T))


def test_lipschitz_trajectories_meet_where_the_paper_proves_it():
    # With beta = 1/2 the matrices are M - gamma I: A = -2 I, and W of norm 1 is smaller.
    body = lipschitz.LipschitzRNN(2, 8, beta=0.5, gamma=2.0, epsilon=0.01).double()
    w = torch.randn(8, 8, dtype=torch.float64)
    body.weight_linear.detach().zero_()
    body.weight_hh.detach().copy_(2 * torch.eye(8) + w / torch.linalg.matrix_norm(w, 2))
    one, other = first = torch.randn(2, 3, 8, dtype=torch.float64)
    for x_t in torch.randn(300, 3, 2, dtype=torch.float64):
        (_, one), (_, other) = body.step(x_t, one), body.step(x_t, other)
    assert (one - other).norm() <= (1 - 0.01 * (2 - 1)) ** 300 * (first[0] - first[1]).norm()


def jacobian_of_state(body, state_size):
    x_t, state = torch.randn(1, 2, dtype=torch.float64), torch.randn(state_size).double()
    return torch.func.jacrev(lambda s: body.step(x_t, s[None])[1][0])(state)


def test_unicornn_keeps_the_volume_of_its_state_whatever_it_learns():
    body = unicornn.UnICORNN(2, 5).double()
    checks.train(body)
    volume = torch.linalg.det(jacobian_of_state(body, 30))
    torch.testing.assert_close(volume, torch.ones_like(volume))


def test_unicornn_can_be_undone():
    body = unicornn.UnICORNN(2, 5, num_layers=1).double()
    xs, first = torch.randn(300, 3, 2).double(), torch.randn(3, 10).double()
    state, s = first, body.time_step * body.pace[0].sigmoid()
    for x_t in xs:
        _, state = body.step(x_t, state)
    y, z = state.chunk(2, dim=-1)
    for x_t in xs.flip(0):
        y = y - s * z
        z = z + s * (torch.tanh(body.weight_hh[0] * y + body.inputs[0](x_t)) + body.alpha * y)
    torch.testing.assert_close(torch.cat([y, z], dim=-1), first)


def test_lem_stays_between_minus_one_and_one_whatever_comes_in():
    body = lem.LEM(2, 16, time_step=1.0)
    _, state = body.step(torch.zeros(3, 2), body.initial_state(3))
    for x_t in 1e6 * torch.randn(200, 3, 2):
        _, state = body.step(x_t, state)
        assert (state.abs() <= 1).all()


def matrices(block):
    """M of every oscillator, (channels, 2, 2)."""
    return block.transition()[0].permute(2, 0, 1).detach()


def test_implicit_oscillators_shrink_by_the_paper_s_factor():
    block = linoss.LinOSSBlock(4, 50, "IM").double()
    a, dt = block.stiffness.relu(), block.pace.sigmoid()
    expected = (1 + dt**2 * a).rsqrt().repeat(2)
    moduli = torch.linalg.eigvals(matrices(block)).abs()
    torch.testing.assert_close(moduli, expected.detach()[:, None].expand(-1, 2))


def test_implicit_explicit_oscillators_neither_grow_nor_fade():
    block = linoss.LinOSSBlock(4, 50, "IMEX").double()
    moduli = torch.linalg.eigvals(matrices(block)).abs()
    torch.testing.assert_close(moduli, torch.ones_like(moduli))


@every_discretization
def test_linoss_trains_and_stays_stable(discretization):
    body = linoss.LinOSS(2, 6, discretization=discretization).double()
    checks.train(body)
    moduli = torch.linalg.eigvals(matrices(body.layers[0])).abs()
    assert moduli.max() <= 1 + 1e-6


@every_discretization
@pytest.mark.parametrize("time", [1, 2, 3, 8, 13, 784])
def test_the_scan_is_the_sequential_form_from_any_first_state(discretization, time):
    block = linoss.LinOSSBlock(4, 5, discretization).double()
    nn.init.constant_(block.stiffness[:2].detach(), -1.0)  # A = 0, where M has one eigenvector
    m, _ = block.transition()
    forces, state = torch.randn(time, 3, 2, 10).double(), torch.randn(3, 2, 10).double()
    scanned, expected = oscillator_scan(m, forces, state), []
    for force in forces:
        state = torch.einsum("ijc,bjc->bic", m, state) + force
        expected.append(state)
    torch.testing.assert_close(scanned, torch.stack(expected), rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("time", [1, 2, 7])
def test_the_scan_has_the_gradients_of_the_sequential_form(time):
    shapes = (2, 2, 3), (time, 2, 2, 3), (2, 2, 3)
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(oscillator_scan, inputs)


def test_stacked_oscillators_keep_the_contract():
    body = linoss.LinOSS(3, 5, num_layers=2, discretization="IMEX", oscillators=3)
    assert body.initial_state(1).shape[1] == linoss.costs(3, 5, 2, "IMEX", 3).state_size == 24
    trained = sum(parameter.numel() for parameter in body.parameters())
    assert trained == linoss.costs(3, 5, 2, "IMEX", 3).parameters
    checks.assert_forward_is_the_iterated_step(body, time=60)


def test_bad_values_are_refused_by_name():
    with pytest.raises(ValueError, match=r"beta must lie between 0 and 1, got 1\.5"):
        lipschitz.LipschitzRNN(1, 4, beta=1.5)
    with pytest.raises(ValueError, match="num_layers must be at least 1, got 0"):
        unicornn.UnICORNN(1, 4, num_layers=0)
    with pytest.raises(ValueError, match=r"time_step must lie above 0 and not above 1, got 2\.0"):
        lem.LEM(1, 4, time_step=2.0)
    with pytest.raises(ValueError, match=r"discretization 'EX' is none of \['IM', 'IMEX'\]"):
        linoss.LinOSS(1, 4, discretization="EX")
