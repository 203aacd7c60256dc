"""What the papers of the orthogonal and unitary networks claim, and what their making promises."""

import pytest
import torch
from torch import nn
from torch.autograd.functional import jacobian
from torch.func import functional_call
from torch.nn.utils import parametrize

from baselines.asrnn import AdaptiveSaturatedRNN
from baselines.dtriv import DTriv
from baselines.eunn import EUNN
from baselines.exprnn import ExpRNN
from baselines.full_urnn import FullCapacityURNN
from baselines.nnrnn import NonNormalRNN
from baselines.ornn import ORNN
from baselines.orthogonal import SkewSymmetric, real_form, rotation_entries
from baselines.scornn import ScoRNN
from baselines.shuffling import ShufflingRNN
from tests.baselines.checks import DOUBLE, iterate


def train(body, updates=100):
    """Steps of Adam on noise."""
    optimizer = torch.optim.Adam(body.parameters(), lr=1e-2)
    for _ in range(updates):
        output = body(torch.randn(4, 10, 2, dtype=next(body.parameters()).dtype))
        optimizer.zero_grad()
        (output - torch.randn_like(output)).square().mean().backward()
        optimizer.step()


def transition(body):
    """W of an EUNN, in its real form."""
    identity = torch.eye(body.hidden_size, dtype=body.bias.dtype)
    w = body.transition(torch.complex(identity, 0 * identity)).T
    return real_form(torch.stack([w.real, w.imag]))


ORTHOGONAL = {
    "full-urnn": (FullCapacityURNN, {}, lambda body: body.weight_hh),
    "eunn": (EUNN, {}, transition),
    "eunn-fft": (EUNN, {"layout": "fft"}, transition),
    "scornn": (ScoRNN, {}, lambda body: body.weight_hh),
    "exprnn": (ExpRNN, {}, lambda body: body.weight_hh),
    "dtriv": (DTriv, {"base_updates": 3}, lambda body: body.weight_hh),
    "dtriv-henaff": (DTriv, {"initialisation": "henaff"}, lambda body: body.weight_hh),
    "ornn": (ORNN, {}, lambda body: body.weight_hh),
    "ornn-4": (ORNN, {"reflections": 4}, lambda body: body.weight_hh),
    "asrnn": (AdaptiveSaturatedRNN, {}, lambda body: body.weight_hh),
    "asrnn-directions": (AdaptiveSaturatedRNN, {}, lambda body: body.directions),
    "nnrnn-basis": (NonNormalRNN, {}, lambda body: body.basis),
}


@pytest.mark.parametrize("name", ORTHOGONAL)
def test_the_matrix_moves_and_stays_orthogonal_while_it_trains(name):
    factory, args, matrix = ORTHOGONAL[name]
    body = factory(2, 16, **args)
    before = matrix(body).detach()
    train(body)
    w = matrix(body).detach()
    torch.testing.assert_close(w @ w.T, torch.eye(len(w)), rtol=0, atol=1e-5)
    assert (w - before).norm() > 0.1


@pytest.mark.parametrize(
    ("factory", "tolerance"),
    # The base of dtriv was drawn in float32; the 1e-5 of full-urnn shrink a little at each step.
    [(ScoRNN, 1e-12), (EUNN, 1e-12), (DTriv, 1e-5), (FullCapacityURNN, 1e-2)],
)
def test_the_recurrence_is_an_isometry_without_bias_and_input(factory, tolerance):
    body = factory(2, 16).double()
    train(body, updates=20)
    nn.init.zeros_(body.bias)
    first = state = body.initial_state(3) + torch.randn(3, body.initial_state(1).shape[1])
    for _ in range(50):
        _, state = body.step(torch.zeros(3, 2, dtype=DOUBLE), state)
    torch.testing.assert_close(state.norm(dim=1), first.norm(dim=1), rtol=tolerance, atol=0)


MADE = {
    FullCapacityURNN: "weight_hh",
    ScoRNN: "weight_hh",
    ExpRNN: "weight_hh",
    DTriv: "weight_hh",
    ORNN: "weight_hh",
    AdaptiveSaturatedRNN: "directions",
    NonNormalRNN: "basis",
}


@pytest.mark.parametrize("factory", MADE)
def test_a_matrix_is_made_once_for_a_sequence(factory):
    body, x, made = factory(2, 6), torch.randn(1, 20, 2), []
    body.parametrizations[MADE[factory]][-1].register_forward_hook(lambda *_: made.append(1))
    body(x)
    assert len(made) == 1
    with parametrize.cached():
        iterate(body, x)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        (FullCapacityURNN(1, 4), ["parametrizations.weight_hh.original"]),
        (EUNN(1, 4, capacity=4), ["rotations", "phases"]),
    ],
)
def test_full_capacity_is_n_squared_independent_directions(body, stored):
    matrix, names = Matrix(body.double()), [f"body.{name}" for name in stored]
    values = [torch.randn_like(dict(matrix.named_parameters())[name]) for name in names]

    def w(*values):
        return functional_call(matrix, dict(zip(names, values, strict=True)), ())

    jacobians = jacobian(w, tuple(values))
    directions = torch.cat([part.reshape(64, -1) for part in jacobians], dim=1)
    assert directions.shape[1] == 16 == torch.linalg.matrix_rank(directions, rtol=1e-6)


class Matrix(nn.Module):
    """W of a unitary body as the output of a module."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self):
        return transition(self.body) if isinstance(self.body, EUNN) else self.body.weight_hh


@pytest.mark.parametrize("rate", [0.02, 0.01])
def test_the_first_step_of_full_urnn_is_the_papers_cayley_step_to_third_order(rate):
    body, n = FullCapacityURNN(2, 6).double(), 6
    a = torch.randn(12, 12, dtype=DOUBLE)
    before = body.weight_hh.detach()
    descent = torch.optim.SGD(body.parameters(), lr=rate)
    (body.weight_hh * a).sum().backward()
    descent.step()
    w, after = (torch.complex(m[:n, :n], m[n:, :n]) for m in (before, body.weight_hh.detach()))
    g = torch.complex(a[:n, :n] + a[n:, n:], a[n:, :n] - a[:n, n:])
    s, identity = g @ w.mH - w @ g.mH, torch.eye(n)
    cayley = torch.linalg.solve(identity + rate / 2 * s, (identity - rate / 2 * s) @ w)
    # exp(-x) and the Cayley transform differ by x^3 / 12.
    third_order = (rate * torch.linalg.matrix_norm(s, 2)) ** 3 / 12
    assert 1e-8 < torch.linalg.matrix_norm(after - cayley, 2) < 1.1 * third_order


def test_scornn_has_the_determinant_of_d_and_an_eigenvalue_that_no_cayley_transform_has():
    body = ScoRNN(2, 9, negative_fraction=0.34).double()
    nn.init.normal_(body.parametrizations.weight_hh.original)
    assert torch.linalg.det(body.weight_hh).item() == pytest.approx(-1)
    assert torch.linalg.eigvals(body.weight_hh).real.min().item() == pytest.approx(-1)


def test_cayley_angles_are_those_by_which_the_cayley_transform_turns():
    w = ScoRNN(2, 8, negative_fraction=0.0).double().weight_hh
    turns = torch.atan2(w[::2, 1::2].diagonal(), w[::2, ::2].diagonal()).abs()
    assert (turns < torch.pi / 2).all() and turns.max() > 0.5
    assert w.count_nonzero() == 16


def test_ornn_depends_on_no_norm_so_that_decay_does_it_no_harm():
    body = ORNN(2, 8)
    before = body.weight_hh.detach()
    optimizer = torch.optim.AdamW([body.parametrizations.weight_hh.original], 1e-1, weight_decay=1)
    body.parametrizations.weight_hh.original.grad = torch.zeros(35)
    optimizer.step()
    assert body.parametrizations.weight_hh.original.norm() < 2.5  # from sqrt(7)
    torch.testing.assert_close(body.weight_hh, before, rtol=0, atol=1e-6)


def test_ornn_with_m_reflections_turns_m_dimensions_only():
    w = ORNN(2, 8, reflections=3).double().weight_hh
    moved = w - torch.eye(8, dtype=DOUBLE)
    assert torch.linalg.matrix_rank(moved, rtol=1e-10) == 3


def test_nnrnn_keeps_the_sizes_of_its_eigenvalues_whatever_its_eigenvectors():
    body = NonNormalRNN(2, 9).double()
    train(body)
    nn.init.normal_(body.below, std=0.2)
    w = body.transition_matrix()
    gamma = body.gamma.abs().repeat_interleave(2)[:9]
    torch.testing.assert_close(torch.linalg.eigvals(w).abs().sort().values, gamma.sort().values)
    assert (w @ w.T - w.T @ w).norm() > 0.5


def test_nnrnn_without_transients_is_orthogonal():
    w = NonNormalRNN(2, 9).double().transition_matrix()
    torch.testing.assert_close(w @ w.T, torch.eye(9, dtype=DOUBLE))


def test_asrnn_is_linear_where_its_scales_are_small_and_saturates_where_they_are_large():
    x = torch.randn(2, 30, 3, dtype=DOUBLE)
    small = AdaptiveSaturatedRNN(3, 6, low=0.0, high=0.0, epsilon=1e-5).double()
    h = small.initial_state(2)
    for x_t in x.unbind(1):
        h = h @ small.weight_hh.T + x_t @ small.weight_ih.T
    torch.testing.assert_close(small(x)[:, -1], h, rtol=1e-6, atol=1e-6)
    large = AdaptiveSaturatedRNN(3, 6, low=100.0, high=100.0).double()
    torch.testing.assert_close(large(1000 * x).abs().max().item(), 1 / 100.01)


def test_shuffling_only_moves_a_gradient_through_active_units():
    body = ShufflingRNN(2, 6).double()
    nn.init.constant_(body.content[-1].bias, 10.0)

    def run(state):
        for _ in range(100):
            _, state = body.step(torch.zeros(1, 2, dtype=DOUBLE), state)
        return state

    moved = jacobian(run, body.initial_state(1))[0, :, 0]
    assert torch.equal(moved, torch.eye(6, dtype=DOUBLE).roll(100 % 6, dims=0))


def test_skew_entries_stand_row_by_row_and_rotations_in_their_blocks():
    a = SkewSymmetric(5)(rotation_entries(5, "henaff"))
    assert torch.equal(a, -a.T)
    assert a.nonzero().tolist() == [[0, 1], [1, 0], [2, 3], [3, 2]]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: ScoRNN(1, 4, 1.5), "negative_fraction must be from 0 to 1, got 1.5"),
        (lambda: DTriv(1, 4, base_updates=0), "base_updates must be at least 1, got 0"),
        (lambda: DTriv(1, 4, initialisation="haar"), r"'haar' is none of \['cayley', 'henaff'\]"),
        (lambda: ORNN(1, 4, reflections=5), "reflections must be from 1 to 4, got 5"),
        (lambda: AdaptiveSaturatedRNN(1, 4, epsilon=0.0), "epsilon must be above 0, got 0.0"),
        (lambda: EUNN(1, 4, capacity=0), "capacity must be at least 1, got 0"),
        (lambda: EUNN(1, 4, layout="tree"), r"'tree' is none of \['fft', 'tunable'\]"),
        (lambda: EUNN(1, 6, layout="fft"), "hidden_size must be a power of two .* got 6"),
        (lambda: ShufflingRNN(1, 4, layers=0), "layers must be at least 1, got 0"),
    ],
)
def test_bad_values_are_refused_by_name(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
