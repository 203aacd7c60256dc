"""Deep networks that are dynamical systems: each is its paper's, and keeps its claim."""

import inspect

import numpy as np
import pytest
import torch
from torch.func import functional_call, jacrev
from torch.utils.flop_counter import FlopCounterMode

from baselines.antisymmetric_mlp import AntisymmetricMLP
from baselines.deq import DeepEquilibrium
from baselines.hamiltonian import HamiltonianMLP
from baselines.momentum import MomentumMLP
from baselines.nais import NAISNet
from baselines.revnet import RevNet
from bench.models.dynamical import MODELS
from tests.baselines import checks

every_model = pytest.mark.parametrize("name", MODELS)


def construct(name, width, depth):
    """The body in double precision, its biases drawn."""
    body = MODELS[name].factory(width, depth).double()
    for parameter_name, parameter in body.named_parameters():
        if parameter_name.startswith("bias"):
            torch.nn.init.normal_(parameter)
    return body


def inputs(width=32, batch=32):
    return torch.randn(batch, width, dtype=torch.float64)


def compose(name, body, x, depth):
    state = MODELS[name].enter(body, x)
    for layer in range(depth):
        state = body.step(state, layer)
    return MODELS[name].leave(body, state)


def growth(run, width=32):
    """By how many powers of ten the norm grows forward, and that of a random gradient backward."""
    x = inputs(width).requires_grad_()
    output = run(x)
    delta = torch.randn_like(output)
    (gradient,) = torch.autograd.grad(output, x, delta)
    ratios = output.norm() / x.norm(), gradient.norm() / delta.norm()
    return [ratio.log10().item() for ratio in ratios]


@every_model
def test_forward_is_the_composition_of_the_steps(name):
    body, x = construct(name, 6, 9), inputs(6, 4)
    torch.testing.assert_close(body(x), compose(name, body, x, 9), rtol=1e-12, atol=1e-13)


@every_model
def test_gradcheck_passes(name):
    # The gradient of the fixed point is that of its sweeps only once they have converged.
    body = construct(name, 4, 60 if name == "deq" else 3)
    names, parameters = zip(*body.named_parameters(), strict=True)

    def outputs(x, *parameters):
        return functional_call(body, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(outputs, (inputs(4, 2).requires_grad_(), *parameters))


@every_model
def test_backward_never_indexes_the_stacked_weights(name):
    nodes, seen = [construct(name, 4, 5)(inputs(4, 2)).grad_fn], set()
    while nodes:
        node = nodes.pop()
        seen.add(node)
        nodes += [parent for parent, _ in node.next_functions if parent and parent not in seen]
    assert not any(node.name().startswith("Select") for node in seen)


def antisymmetric(p, x, depth):
    m = np.zeros((depth, 6, 6))
    m[:, *np.triu_indices(6, 1)] = p["weight"]
    for m_l, b in zip(m, p["bias"], strict=True):
        x = x + np.tanh(x @ (m_l - m_l.T - 0.01 * np.eye(6)).T + b) / depth
    return x


def hamiltonian(p, x, depth):
    y, z = x[:, :3], x[:, 3:]
    for layer in range(depth):
        k, m = p["weight_first"][layer], p["weight_second"][layer]
        y = y + np.tanh(z @ k.T + p["bias_first"][layer]) @ k / depth
        z = z - np.tanh(y @ m.T + p["bias_second"][layer]) @ m / depth
    return np.concatenate([y, z], axis=1)


def branch(p, x, place):
    hidden = np.maximum(x @ p["weight_inner"][place].T + p["bias_inner"][place], 0)
    return hidden @ p["weight_outer"][place].T + p["bias_outer"][place]


def reversible(p, x, depth):
    x1, x2 = x[:, :3], x[:, 3:]
    for layer in range(depth):
        y1 = x1 + branch(p, x2, 2 * layer) / np.sqrt(depth)
        y2 = x2 + branch(p, y1, 2 * layer + 1) / np.sqrt(depth)
        x1, x2 = y1, y2
    return np.concatenate([x1, x2], axis=1)


def with_momentum(p, x, depth):
    v = np.zeros_like(x)
    for layer in range(depth):
        v = 0.9 * v + 0.1 * branch(p, x, layer) / np.sqrt(depth)
        x = x + v
    return x


def non_autonomous(p, u, depth):
    r, x = p["weight_state"], u
    size = np.linalg.norm(r.T @ r)
    r = r * np.sqrt(0.98 / size) if size > 0.98 else r
    a = -r.T @ r - 0.01 * np.eye(6)
    for _ in range(depth):
        x = x + np.tanh(x @ a.T + u @ p["weight_input"].T + p["bias"])
    return x


def equilibrium(p, x, depth):
    z = np.zeros_like(x)
    for _ in range(depth):
        z = np.tanh(z @ p["weight_state"].T + x @ p["weight_input"].T + p["bias"])
    return z


EQUATIONS = antisymmetric, hamiltonian, reversible, with_momentum, non_autonomous, equilibrium


@pytest.mark.parametrize(("name", "equations"), [*zip(MODELS, EQUATIONS, strict=True)])
def test_body_equals_the_equations_of_its_paper(name, equations):
    body, x = construct(name, 6, 20), inputs(6, 4)
    p = {key: value.numpy() for key, value in body.state_dict().items()}
    expected = equations(p, x.numpy(), 20)
    np.testing.assert_allclose(body(x).detach(), expected, rtol=1e-11, atol=1e-12)


def test_momentum_network_equals_the_code_of_its_authors():
    checks.assert_equals_the_authors_code(MomentumMLP(6, 20, branch_scale="one"), "momentum")


@every_model
def test_costs_are_those_of_the_body(name):
    entry, body = MODELS[name], MODELS[name].factory(8, 3)
    mine, state = entry.costs(8, 3), entry.enter(body, torch.zeros(1, 8))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        body.step(state, 0)
    of_the_parameters = 2 * 8**3 if name == "nais" else 0  # R^T R
    assert mine.flops == counter.get_total_flops() - of_the_parameters
    assert mine.parameters == sum(parameter.numel() for parameter in body.parameters())
    assert mine.state_size == state.shape[1]
    assert inspect.signature(entry.costs).parameters == inspect.signature(entry.factory).parameters


@every_model
def test_a_hundred_steps_of_adam_move_every_parameter(name):
    train(construct(name, 6, 5))


def train(body):
    """A hundred steps of Adam on noise, after which every parameter has moved."""
    optimizer = torch.optim.Adam(body.parameters(), lr=1e-2)
    before = [parameter.detach().clone() for parameter in body.parameters()]
    for _ in range(100):
        optimizer.zero_grad()
        output = body(inputs(6, 4))
        (output - torch.randn_like(output)).square().mean().backward()
        optimizer.step()
    assert all((p != old).any() for p, old in zip(body.parameters(), before, strict=True))


def error_of_the_way_back(name, depth, **args):
    body = MODELS[name].factory(32, depth, **args).double()
    first = state = MODELS[name].enter(body, inputs())
    with torch.no_grad():
        for layer in range(depth):
            state = body.step(state, layer)
        for layer in reversed(range(depth)):
            state = body.inverse(state, layer)
    return (state - first).abs().max()


def test_a_thousand_layers_can_be_undone():
    assert error_of_the_way_back("hamiltonian", 1000, end_time=100.0) < 1e-10
    assert error_of_the_way_back("revnet", 1000) < 1e-10
    assert error_of_the_way_back("momentum", 1000, gamma=0.999) < 1e-10


def test_the_way_back_of_a_momentum_network_loses_a_factor_gamma_a_block():
    assert error_of_the_way_back("momentum", 100) < 1e-9
    assert not error_of_the_way_back("momentum", 1000) < 1


def test_antisymmetric_eigenvalues_have_real_part_minus_gamma():
    body = AntisymmetricMLP(6, 5, gamma=0.3).double()
    train(body)
    real = torch.linalg.eigvals(body.matrices(body.weight)).real
    torch.testing.assert_close(real, torch.full_like(real, -0.3), rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("factory", [AntisymmetricMLP, HamiltonianMLP])
def test_a_flow_to_time_one_keeps_both_norms_and_a_fixed_step_does_not(factory):
    forward, backward = growth(factory(32, 1000).double())
    assert abs(forward) < 0.03 and abs(backward) < 0.03
    forward, backward = growth(factory(32, 1000, end_time=100.0).double())
    assert 0.2 < forward < 1 and backward > 1.2 * forward


def test_a_hamiltonian_layer_is_symplectic_whatever_it_learns():
    body = HamiltonianMLP(6, 5, end_time=3.0).double()
    train(body)
    jacobian = jacrev(lambda x: body.step(x[None], 2)[0])(inputs(6)[0])
    turn = torch.kron(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), torch.eye(3)).double()
    torch.testing.assert_close(jacobian.T @ turn @ jacobian, turn)


@pytest.mark.parametrize("factory", [RevNet, MomentumMLP])
def test_the_scale_of_the_branch_decides_over_a_thousand_blocks(factory):
    # L independent branches of 1/sqrt(L) of the norm of x make it sqrt(e) times as large.
    for gain in growth(factory(32, 1000).double()):
        assert 0.1 < gain < 0.35
    assert max(map(abs, growth(factory(32, 1000, branch_scale="linear").double()))) < 0.03
    assert growth(factory(32, 1000, branch_scale="one").double())[0] > 30


def test_nais_eigenvalues_stay_between_minus_one_and_minus_epsilon():
    body = NAISNet(6, 5, epsilon=0.1).double()
    train(body)
    values = torch.linalg.eigvalsh(body.transition_matrix())
    assert values.max() <= -0.1 + 1e-12 and values.min() >= -0.9 - 1e-12


def test_nais_forgets_where_it_began_and_not_what_it_is_given():
    body, u = NAISNet(8, 1000, epsilon=0.1).double(), inputs(8, 1)
    one, other = torch.cat([inputs(8, 2), u.expand(2, 8)], dim=1).split(1)
    with torch.no_grad():
        for layer in range(1000):
            one, other = body.step(one, layer), body.step(other, layer)
    torch.testing.assert_close(one, other, rtol=0.0, atol=1e-9)
    torch.testing.assert_close(body.leave(one), body(u), rtol=0.0, atol=1e-9)
    assert 0 < growth(body, 8)[1] < 3


def test_the_sweeps_of_an_equilibrium_converge_and_leave_it_alive():
    body, x = DeepEquilibrium(32, 60).double(), inputs()
    fixed_point = torch.cat([body(x), x], dim=1)
    torch.testing.assert_close(body.step(fixed_point, 0), fixed_point)
    shallow, deep = growth(body), growth(DeepEquilibrium(32, 1000).double())
    assert max(map(abs, shallow + deep)) < 1


def test_at_convergence_the_implicit_gradient_is_the_unrolled_one():
    body, x = DeepEquilibrium(32, 60).double(), inputs().requires_grad_()
    sought, delta = [x, *body.parameters()], inputs()
    implicit = torch.autograd.grad(body(x), sought, delta)
    unrolled = torch.autograd.grad(compose("deq", body, x, 60), sought, delta)
    for one, other in zip(implicit, unrolled, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_a_second_derivative_of_the_equilibrium_is_refused():
    x = inputs(4, 2).requires_grad_()
    with pytest.raises(RuntimeError, match="has no second derivative"):
        torch.autograd.grad(construct("deq", 4, 3)(x).sum(), x, create_graph=True)


@every_model
@pytest.mark.parametrize("sizes", [(0, 2), (2, 0)])
def test_an_empty_body_is_refused(name, sizes):
    with pytest.raises(ValueError, match=r"(width|depth) must be at least 1, not 0"):
        MODELS[name].factory(*sizes)


BAD = [
    (lambda: HamiltonianMLP(5, 2), "width must be even, to be split into halves, not 5"),
    (lambda: RevNet(5, 2), "width must be even, to be split into halves, not 5"),
    (lambda: RevNet(4, 2, "root"), r"branch_scale 'root' is none of \['linear', 'one', 'sqrt'\]"),
    (lambda: MomentumMLP(4, 2, 0.9, "root"), "branch_scale 'root' is none of"),
    (lambda: MomentumMLP(4, 2, gamma=1.5), r"gamma must lie between 0 and 1, .* not 1\.5"),
    (lambda: NAISNet(4, 2, epsilon=0.5), r"epsilon must lie between 0 and 0\.5, .* not 0\.5"),
    (lambda: NAISNet(4, 2, step_size=2.0), r"step_size must lie above 0 .* above 1, not 2\.0"),
    (lambda: DeepEquilibrium(4, 2, 1.0), r"contraction must lie between 0 and 1, .* not 1\.0"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_values_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
