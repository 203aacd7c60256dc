"""Every published body keeps the contract of its axis, and the claim of its paper."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils import parametrizations

import baselines

BODIES = {
    "elman": baselines.Elman,
    "irnn": baselines.IRNN,
    "lstm": baselines.LSTM,
    "lstm-chrono": lambda *sizes: baselines.LSTM(*sizes, chrono_length=100),
    "gru": baselines.GRU,
    "exprnn": baselines.ExpRNN,
    "exprnn-henaff": lambda *sizes: baselines.ExpRNN(*sizes, initialisation="henaff"),
    "urnn": baselines.UnitaryRNN,
    "antisymmetric": baselines.AntisymmetricRNN,
    "cornn": baselines.CoRNN,
}
DEPTH_BODIES = {
    "mlp": baselines.MLP,
    "resnet": baselines.ResNetMLP,
    "resnet-sqrt": lambda *sizes: baselines.ResNetMLP(*sizes, branch_scale="sqrt"),
    "resnet-linear": lambda *sizes: baselines.ResNetMLP(*sizes, branch_scale="linear"),
}
every_body = pytest.mark.parametrize("factory", BODIES.values(), ids=BODIES)
every_depth_body = pytest.mark.parametrize("factory", DEPTH_BODIES.values(), ids=DEPTH_BODIES)


@pytest.fixture(autouse=True)
def _one_seed_and_one_thread():
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # bodies this small only wait for the other threads
    yield
    torch.set_num_threads(threads)


def iterate(body, x):
    """Outputs (batch, time, width) and last state of the body's own step."""
    state, outputs = body.initial_state(len(x)), []
    for x_t in x.unbind(1):
        output, state = body.step(x_t, state)
        outputs.append(output)
    return torch.stack(outputs, dim=1), state


def train(body):
    """A hundred steps of Adam on noise, after which the weights have moved."""
    optimizer = torch.optim.Adam(body.parameters(), lr=1e-2)
    before = nn.utils.parameters_to_vector(body.parameters()).detach()
    for _ in range(100):
        optimizer.zero_grad()
        output = body(torch.randn(4, 10, 2, dtype=next(body.parameters()).dtype))
        (output - torch.randn_like(output)).square().mean().backward()
        optimizer.step()
    assert (nn.utils.parameters_to_vector(body.parameters()) - before).norm() > 0.1


@every_body
def test_forward_equals_the_iterated_step(factory):
    body = factory(3, 7).double()
    x = torch.randn(4, 60, 3, dtype=torch.float64)
    torch.testing.assert_close(body(x), iterate(body, x)[0], rtol=1e-9, atol=1e-11)


@every_body
def test_an_input_changes_no_earlier_output(factory):
    body = factory(2, 5).double()
    x = torch.randn(3, 12, 2, dtype=torch.float64)
    changed = x.clone()
    changed[:, 8:] += 1.0
    assert torch.equal(body(x)[:, :8], body(changed)[:, :8])
    assert not torch.equal(body(x)[:, 8], body(changed)[:, 8])


@pytest.mark.parametrize("name", [*BODIES, *DEPTH_BODIES])
def test_gradcheck_passes(name):
    body = (BODIES | DEPTH_BODIES)[name](2, 3).double()
    x = torch.randn((2, 4, 2) if name in BODIES else (2, 2), dtype=torch.float64)
    names, parameters = zip(*body.named_parameters(), strict=True)

    def outputs(x, *parameters):
        return functional_call(body, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(outputs, (x.requires_grad_(), *parameters))


@every_body
def test_gradients_are_finite_over_784_steps(factory):
    body = factory(1, 16)
    x = torch.rand(2, 784, 1, requires_grad=True)
    body(x)[:, -1].square().sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in body.parameters())


@every_body
def test_step_depends_on_nothing_but_input_and_state(factory):
    body = factory(2, 5).double()
    x = torch.randn(3, 9, 2, dtype=torch.float64)
    _, state = iterate(body, x[:, :5])
    kept = state.clone()
    first, _, second = body.step(x[:, 5], state), body(x), body.step(x[:, 5], kept)
    assert torch.equal(state, kept)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert first[1].shape == state.shape == body.initial_state(3).shape


@every_body
def test_sequences_of_a_batch_do_not_meet(factory):
    body = factory(2, 5).double()
    x = torch.randn(4, 11, 2, dtype=torch.float64)
    torch.testing.assert_close(body(x)[1:3], body(x[1:3]), rtol=1e-10, atol=1e-12)


@every_depth_body
def test_depth_body_is_the_composition_of_its_steps(factory):
    body = factory(6, 9).double()
    x = expected = torch.randn(4, 6, dtype=torch.float64)
    for layer in range(9):
        expected = body.step(expected, layer)
    torch.testing.assert_close(body(x), expected)


@every_depth_body
def test_backward_never_indexes_the_stacked_weights(factory):
    # The backward of an index allocates the whole stack: quadratic in depth, 28 times slower at 1k.
    nodes, seen = [factory(4, 5)(torch.randn(2, 4)).grad_fn], set()
    while nodes:
        node = nodes.pop()
        seen.add(node)
        nodes += [parent for parent, _ in node.next_functions if parent and parent not in seen]
    assert not any(node.name().startswith("Select") for node in seen)


@pytest.mark.parametrize("initialisation", ["cayley", "henaff"])
def test_exprnn_stays_orthogonal_and_an_isometry_while_it_trains(initialisation):
    body = baselines.ExpRNN(2, 32, initialisation)
    train(body)
    torch.testing.assert_close(body.weight_hh @ body.weight_hh.T, torch.eye(32), rtol=0, atol=1e-5)
    nn.init.zeros_(body.bias)
    state = torch.randn(3, 32)
    moved, _ = body.step(torch.zeros(3, 2), state)
    torch.testing.assert_close(moved.norm(dim=1), state.norm(dim=1))


def test_urnn_stays_unitary_while_it_trains():
    body = baselines.UnitaryRNN(2, 16).double()
    train(body)
    w = body.transition(torch.eye(16, dtype=torch.complex128)).T
    torch.testing.assert_close(w @ w.mH, torch.eye(16).to(w), rtol=0, atol=1e-6)


def test_antisymmetric_eigenvalues_have_real_part_minus_gamma():
    body = baselines.AntisymmetricRNN(2, 16, gamma=0.3).double()
    train(body)
    real = torch.linalg.eigvals(body.transition_matrix()).real
    torch.testing.assert_close(real, torch.full_like(real, -0.3), rtol=0.0, atol=1e-10)


def test_lstm_forgets_with_bias_one_in_total():
    _, _, bias_ih, bias_hh = baselines.LSTM(3, 8).lstm.all_weights[0]
    assert torch.equal((bias_ih + bias_hh).chunk(4)[1], torch.ones(8))


def test_chrono_biases_are_logarithms_of_times_and_stand_in_one_bias_only():
    _, _, bias_ih, bias_hh = baselines.LSTM(3, 500, chrono_length=100).lstm.all_weights[0]
    input_bias, forget_bias = bias_ih.chunk(4)[:2]
    assert (forget_bias >= 0).all() and (forget_bias <= np.log(99)).all()
    assert 45 < forget_bias.exp().mean() < 55
    assert torch.equal(input_bias, -forget_bias)
    assert not bias_hh.any()


def test_irnn_without_input_keeps_a_positive_state_exactly():
    body = baselines.IRNN(2, 16, input_deviation=0.0)
    first = state = torch.rand(3, 16)
    for _ in range(100):
        _, state = body.step(torch.randn(3, 2), state)
    assert torch.equal(state, first)


def test_unknown_choices_are_refused_by_name():
    with pytest.raises(ValueError, match=r"'haar' is none of \['cayley', 'henaff'\]"):
        baselines.ExpRNN(1, 4, "haar")
    with pytest.raises(ValueError, match=r"'root' is none of \['linear', 'one', 'sqrt'\]"):
        baselines.ResNetMLP(4, 2, "root")
    with pytest.raises(ValueError, match="chrono_length must be at least 3 steps, got 2"):
        baselines.LSTM(1, 4, chrono_length=2)


def test_weight_decay_turns_a_householder_orthogonal_matrix_into_zeros():
    # Why no orthogonal parameter may decay: torch casts the diagonal of signs to int, 0.9999 to 0.
    layer = nn.Linear(16, 16, bias=False)
    parametrizations.orthogonal(layer, orthogonal_map="householder")
    optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-2, weight_decay=1e-2)
    layer(torch.randn(4, 16)).sum().backward()
    optimizer.step()
    assert not layer.weight.any()


def test_resnet_keeps_its_norm_over_1000_blocks_only_when_scaled():
    x = torch.randn(8, 32, dtype=torch.float64)
    bodies = [baselines.ResNetMLP(32, 1000, scale).double() for scale in ("one", "sqrt", "linear")]
    one, sqrt, linear = (body(x).norm() / x.norm() for body in bodies)
    assert 0.9 < linear < 1.1 and 0.5 < sqrt < 5.0 and one > 1e100


def test_the_gradient_of_a_plain_mlp_vanishes_with_depth():
    x = torch.randn(8, 8, dtype=torch.float64, requires_grad=True)
    output = baselines.MLP(8, 300).double()(x)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert gradient.norm() < 1e-3 * torch.ones_like(output).norm()


def test_the_gru_written_out_gives_torchs_outputs_and_gradients():
    body = baselines.GRU(3, 5).double()
    x = torch.randn(2, 7, 3, dtype=torch.float64)
    found = []
    for run in (body, lambda x: body.gru(x)[0]):
        body.zero_grad()
        output = run(x)
        output.square().sum().backward()
        found.append([output.detach(), *(p.grad.clone() for p in body.parameters())])
    for mine, torchs in zip(*found, strict=True):
        torch.testing.assert_close(mine, torchs, rtol=1e-10, atol=1e-12)
