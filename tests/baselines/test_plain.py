"""Plain deep networks: each is its paper's equations, and begins as its paper says."""

import inspect
import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from baselines import batchnorm, looks_linear, mlp, selu, shallow, tat
from tests.baselines.checks import DOUBLE, GOLDEN

RELU = partial(mlp.MLP, nonlinearity="relu", initialisation="he")
ORTHOGONAL = partial(mlp.MLP, initialisation="orthogonal")
BODIES = {
    "mlp": (mlp.MLP, mlp.costs),
    "mlp-relu": (RELU, mlp.costs),
    "mlp-orthogonal": (ORTHOGONAL, mlp.costs),
    "mlp-looks-linear": (looks_linear.LooksLinearMLP, looks_linear.costs),
    "mlp-selu": (selu.SelfNormalizingMLP, selu.costs),
    "mlp-batchnorm": (batchnorm.BatchNormMLP, batchnorm.costs),
    "mlp-tat": (tat.TailoredMLP, tat.costs),
    "shallow": (shallow.ShallowMLP, shallow.costs),
}
every_body = pytest.mark.parametrize("name", BODIES)


def make(name, width, depth):
    """The body in float64, no parameter where it started: a bias of 0 is a rectifier's kink."""
    body = BODIES[name][0](width, depth).double()
    for parameter in body.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return body


def iterate(name, body, x, depth):
    for layer in range(1 if name == "shallow" else depth):
        x = body.step(x, layer)
    return x


def through(body, width, batch=32):
    """Outputs of standard normal inputs, and how the norm changed forwards and backwards."""
    x = torch.randn(batch, width, dtype=DOUBLE, requires_grad=True)
    output = body.double()(x)
    arriving = torch.randn_like(output)
    (leaving,) = torch.autograd.grad(output, x, arriving)
    forwards, backwards = output.norm() / x.norm(), leaving.norm() / arriving.norm()
    return output.detach(), forwards.item(), backwards.item()


def mean_cosine(x):
    x = x / x.norm(dim=1, keepdim=True)
    return ((x @ x.T).sum() - len(x)).item() / (len(x) * (len(x) - 1))


@every_body
def test_forward_is_the_composition_of_the_steps(name):
    body, x = make(name, 6, 20), torch.randn(5, 6, dtype=DOUBLE)
    for mode in (body.train(), body.eval()):
        torch.testing.assert_close(mode(x), iterate(name, mode, x, 20), rtol=1e-10, atol=1e-12)


@every_body
def test_gradcheck_passes(name):
    body, x = make(name, 4, 3), torch.randn(5, 4, dtype=DOUBLE, requires_grad=True)
    names, parameters = zip(*body.named_parameters(), strict=True)

    def run(x, *parameters):
        return functional_call(body, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *parameters))


@every_body
def test_backward_never_indexes_a_stack(name):
    nodes, seen = [make(name, 4, 5)(torch.randn(3, 4, dtype=DOUBLE)).grad_fn], set()
    while nodes:
        node = nodes.pop()
        seen.add(node)
        nodes += [parent for parent, _ in node.next_functions if parent and parent not in seen]
    assert not any(node.name().startswith("Select") for node in seen)


@every_body
def test_costs_are_those_of_the_body(name):
    factory, costs = BODIES[name]
    body, mine = factory(8, 5).eval(), costs(8, 5)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = body.step(torch.zeros(1, 8), 0)
    assert mine.parameters == sum(parameter.numel() for parameter in body.parameters())
    assert (mine.state_size, mine.flops) == (output.shape[1], counter.get_total_flops())
    accepted = inspect.signature(getattr(factory, "func", factory)).parameters
    assert list(inspect.signature(costs).parameters) == list(accepted)


@every_body
def test_a_hundred_steps_of_adam_move_every_parameter(name):
    body = BODIES[name][0](8, 3)
    before = [parameter.detach().clone() for parameter in body.parameters()]
    optimizer = torch.optim.Adam(body.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        (body(torch.randn(8, 8)) - torch.randn(8, 8)).square().mean().backward()
        optimizer.step()
    assert all((p != old).any() for p, old in zip(body.parameters(), before, strict=True))


@every_body
def test_sizes_below_one_are_refused_by_name(name):
    factory, _ = BODIES[name]
    for sizes, culprit in (((0, 3), "width"), ((3, 0), "depth")):
        with pytest.raises(ValueError, match=f"{culprit} must be at least 1, not 0"):
            factory(*sizes)


def test_unknown_choices_are_refused_by_name():
    with pytest.raises(ValueError, match=r"nonlinearity 'elu' is none of \['relu', 'tanh'\]"):
        mlp.MLP(4, 2, nonlinearity="elu")
    with pytest.raises(ValueError, match=r"'haar' is none of \['he', 'orthogonal', 'xavier'\]"):
        mlp.MLP(4, 2, initialisation="haar")
    with pytest.raises(ValueError, match=r"eta must lie between 0 and 1, not 1\.0"):
        tat.TailoredMLP(4, 2, eta=1.0)
    with pytest.raises(ValueError, match="has layer 0 only, not layer 1"):
        shallow.ShallowMLP(4, 2).step(torch.zeros(1, 4), 1)


def plain_in_numpy(p, x, phi):
    for w, b in zip(p["weight"], p["bias"], strict=True):
        x = phi(x @ w.T + b)
    return x


def selu_in_numpy(z):
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * np.where(z > 0, z, alpha * (np.exp(z) - 1))


def relu(z):
    return np.maximum(z, 0)


def tailored_in_numpy(z):
    s = 0.18138027749  # takes 0 to 0.9 in 20 layers
    return np.sqrt(2 / (1 + s**2)) * np.maximum(z, s * z)


def looks_linear_in_numpy(p, x):
    for w, b in zip(p["weight"], p["bias"], strict=True):
        x = np.concatenate([relu(x), relu(-x)], axis=1) @ w.T + b
    return x


def batchnorm_in_numpy(p, x):
    gains, shifts = p["normalisation.weight"], p["normalisation.bias"]
    for w, gain, shift in zip(p["weight"], gains, shifts, strict=True):
        z = x @ w.T
        z = (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5)
        x = relu(gain * z + shift)
    return x


def shallow_in_numpy(p, x):
    x = relu(x @ p["weight_inner"].T + p["bias_inner"])
    return x @ p["weight_outer"].T + p["bias_outer"]


TRANSCRIPTIONS = {
    "mlp": partial(plain_in_numpy, phi=np.tanh),
    "mlp-relu": partial(plain_in_numpy, phi=relu),
    "mlp-orthogonal": partial(plain_in_numpy, phi=np.tanh),
    "mlp-looks-linear": looks_linear_in_numpy,
    "mlp-selu": partial(plain_in_numpy, phi=selu_in_numpy),
    "mlp-batchnorm": batchnorm_in_numpy,
    "mlp-tat": partial(plain_in_numpy, phi=tailored_in_numpy),
    "shallow": shallow_in_numpy,
}


@every_body
def test_body_is_the_equations_of_its_paper(name):
    body, x = make(name, 6, 20), torch.randn(5, 6, dtype=DOUBLE)
    p = {key: value.detach().numpy().copy() for key, value in body.state_dict().items()}
    expected = TRANSCRIPTIONS[name](p, x.numpy())
    np.testing.assert_allclose(body(x).detach().numpy(), expected, rtol=1e-9, atol=1e-10)


def test_the_tailored_network_is_that_of_its_authors():
    with np.load(GOLDEN / "mlp-tat.npz") as golden:
        weights = {key: torch.from_numpy(golden[key]) for key in ("weight", "bias")}
        x, outputs = torch.from_numpy(golden["x"]), torch.from_numpy(golden["outputs"])
    body = tat.TailoredMLP(5, 20).double()
    body.load_state_dict(weights)
    # Their search for the slope stops where C is within 1e-8 of eta.
    torch.testing.assert_close(body(x), outputs, rtol=1e-6, atol=1e-9)


def test_the_default_draws_are_those_of_the_recorded_runs():
    weight = mlp.MLP(3, 2).weight
    torch.manual_seed(0)
    assert torch.equal(weight, torch.randn(2, 3, 3) / math.sqrt(3))


def test_haar_matrices_are_orthogonal_and_their_traces_as_theory_says():
    q = mlp.haar(4, 4000).double()
    assert (q @ q.mT - torch.eye(4)).abs().max() < 1e-6
    traces = q.diagonal(dim1=1, dim2=2).sum(1)
    assert abs(traces.mean()) < 0.06 and abs(traces.var() - 1) < 0.1


def test_gaussian_tanh_dies_and_its_samples_become_one_direction():
    output, forwards, backwards = through(mlp.MLP(32, 1000), 32)
    assert 1e-12 < forwards < 1e-5 and 1e-12 < backwards < 1e-5
    first, second = torch.linalg.svdvals(output)[:2]
    assert second < 1e-3 * first


def test_he_rectifiers_die_and_their_samples_coincide():
    output, forwards, backwards = through(RELU(32, 1000), 32)
    assert 1e-25 < forwards < 1e-10 and 1e-25 < backwards < 1e-10
    assert mean_cosine(output) > 0.999


@pytest.mark.parametrize("depth", [100, 1000])
def test_orthogonal_tanh_decays_as_the_root_of_the_depth(depth):
    # tanh(z)^2 = z^2 - (2/3) z^4 and E[z^4] = 3 q^2: q' = q - 2 q^2, so q = 1 / (2 L).
    output, forwards, backwards = through(ORTHOGONAL(32, depth), 32)
    assert forwards * math.sqrt(2 * depth) == pytest.approx(1, abs=0.1)
    assert 0.7 < backwards * math.sqrt(2 * depth) < 1.5
    assert abs(mean_cosine(output)) < 0.1


def test_mirrored_weights_begin_as_a_linear_isometry():
    body = looks_linear.LooksLinearMLP(32, 1000).double()
    q = body(torch.eye(32, dtype=DOUBLE)).detach()
    torch.testing.assert_close(q @ q.T, torch.eye(32, dtype=DOUBLE), rtol=0, atol=1e-4)
    x = torch.randn(4, 32, dtype=DOUBLE)
    torch.testing.assert_close(body(x), x @ q)
    _, forwards, backwards = through(body, 32)
    assert forwards == pytest.approx(1, abs=1e-4) and backwards == pytest.approx(1, abs=1e-4)


def test_selu_keeps_its_samples_and_its_gradient_grows():
    _, forwards, backwards = through(selu.SelfNormalizingMLP(32, 1000), 32)
    assert 0.5 < forwards < 1.5 and backwards > 1e4
    _, forwards, backwards = through(selu.SelfNormalizingMLP(256, 100), 256)
    assert forwards == pytest.approx(1, abs=0.1)
    assert backwards ** (1 / 100) == pytest.approx(math.sqrt(1.0716), abs=0.01)


def test_batch_normalisation_holds_the_signal_and_explodes_the_gradient():
    output, forwards, backwards = through(batchnorm.BatchNormMLP(32, 1000), 32)
    assert 0.5 < forwards < 1 and 1e85 < backwards < 1e100
    assert mean_cosine(output) < 0.5
    _, _, backwards = through(batchnorm.BatchNormMLP(128, 100), 128, batch=128)
    assert backwards ** (1 / 100) == pytest.approx(math.sqrt(math.pi / (math.pi - 1)), abs=0.02)


def test_tailored_rectifiers_stay_alive_and_keep_samples_apart():
    output, forwards, backwards = through(tat.TailoredMLP(32, 1000), 32)
    assert 0.1 < forwards < 10 and 0.1 < backwards < 10
    assert 0.5 < mean_cosine(output) < 0.97
    orthogonal = 16 * torch.eye(256, dtype=DOUBLE)[:32]
    output = tat.TailoredMLP(256, 50).double()(orthogonal)
    assert mean_cosine(output) == pytest.approx(0.9, abs=0.05)


def test_the_tailored_slope_reaches_eta_wherever_a_rectifier_would_pass_it():
    assert tat.final_cosine(1, 0.0) == pytest.approx(1 / math.pi)
    assert tat.final_cosine(12, 0.0) < 0.9 and tat.tailored_slope(12, 0.9) == 0
    for depth in (13, 100, 1000):
        assert tat.final_cosine(depth, tat.tailored_slope(depth, 0.9)) == pytest.approx(0.9)


@pytest.mark.parametrize(("width", "depth"), [(3, 1), (32, 10), (32, 1000)])
def test_the_shallow_control_is_within_half_a_hidden_unit_of_the_stack(width, depth):
    difference = shallow.costs(width, depth).parameters - mlp.costs(width, depth).parameters
    assert 2 * abs(difference) <= 2 * width + 1
    assert shallow.hidden_size(1, 1) == 1


def test_the_shallow_control_keeps_the_norm():
    _, forwards, backwards = through(shallow.ShallowMLP(32, 1000), 32)
    assert forwards == pytest.approx(1, abs=0.1) and backwards == pytest.approx(1, abs=0.1)
