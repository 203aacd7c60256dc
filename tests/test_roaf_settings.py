"""What can be set: alpha and beta, the nonlinearity, and what is said of a bad setting."""

import math
from functools import partial

import pytest
import torch
from torch.autograd import gradcheck

from roaf import Learned, Nonlinearity, RoaMLP, RoaRNN, random_orthogonal
from roaf.nonlinearity import NONLINEARITIES, modrelu

DOUBLE = torch.float64


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def with_values(model, names, x, *values):
    """The model's output at x with other parameters."""
    return torch.func.functional_call(model, dict(zip(names, values, strict=True)), (x,))


def test_bad_settings_get_a_sentence_that_names_what_is_allowed():
    with pytest.raises(ValueError, match=r"'haa' is unknown; allowed: haar, .*, hadamard$"):
        random_orthogonal(4, "haa")
    with pytest.raises(ValueError, match=r"float32 or float64, not torch\.bfloat16"):
        random_orthogonal(4, dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="hidden_size must be at least 1, not 0"):
        RoaRNN(1, 0, alpha=0.9)
    with pytest.raises(ValueError, match="depth must be at least 1"):
        RoaMLP(4, 0, alpha=0.9)
    with pytest.raises(ValueError, match=r"'cudnn' is unknown; allowed: auto, .*fused, "):
        RoaRNN(1, 2, alpha=0.9, backend="cudnn")
    with pytest.raises(
        ValueError, match="'gelu' is unknown; allowed: tanh, relu, modrelu, or roaf"
    ):
        RoaRNN(1, 2, alpha=0.9, nonlinearity="gelu")
    with pytest.raises(ValueError, match="allowed without them: auto, reference"):
        RoaMLP(4, 2, alpha=0.9, nonlinearity=Nonlinearity(torch.sin, 1.0), backend="fused")
    with pytest.raises(ValueError, match="lipschitz must be a finite number above 0, not inf"):
        Nonlinearity(torch.exp, math.inf)
    with pytest.raises(ValueError, match="allowed: full"):
        RoaMLP(4, 2, alpha=0.9, activation_memory="none")


def test_a_bad_alpha_or_beta_gets_a_sentence_that_says_what_is_allowed():
    with pytest.raises(ValueError, match="alpha must be a finite number"):
        RoaRNN(1, 2, alpha=math.nan)
    with pytest.raises(ValueError, match="beta must be a finite number of at least 0"):
        RoaRNN(1, 2, alpha=1.5)
    with pytest.raises(ValueError, match=r"beta must be a finite number of at least 0, not -0\.5"):
        RoaRNN(1, 2, alpha=Learned(0.5, 1.5))
    RoaRNN(1, 2, alpha=Learned(0.5, 1.5), beta=0.1)
    with pytest.raises(ValueError, match=r"alpha must be a finite number of at least 0, not -0\.5"):
        RoaRNN(1, 2, alpha=torch.tensor([0.5, -0.5]))
    with pytest.raises(ValueError, match=r"alpha has the shape \(3,\); allowed: \(1,\) or \(2,\)"):
        RoaRNN(1, 2, alpha=torch.ones(3))
    with pytest.raises(
        ValueError, match=r"beta .* \(4,\); allowed: \(2,\) or \(4, 1\) or \(4, 2\)"
    ):
        RoaMLP(2, 4, alpha=0.9, beta=torch.ones(4))
    with pytest.raises(ValueError, match=r"0 <= lower < initial < upper, not 0\.5, 0\.5, 1\.0"):
        Learned(0.5, 1.0, initial=0.5)


def test_inputs_that_do_not_fit_are_named():
    model = RoaRNN(1, 2, alpha=0.9)
    with pytest.raises(
        ValueError, match=r"h0 has the shape \(2, 3, 2\), which must be \(1, 3, 2\)"
    ):
        model(torch.zeros(3, 4, 1), torch.zeros(2, 3, 2))
    with pytest.raises(ValueError, match=r"h0 has the shape \(2, 2\), which must be \(1, 2\) here"):
        model(torch.zeros(4, 1), torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"\(3, 4, 5\), which must be \(batch, time, 1\)"):
        model(torch.zeros(3, 4, 5))
    with pytest.raises(ValueError, match="no part of it empty"):
        model(torch.zeros(3, 0, 1))
    with pytest.raises(ValueError, match=r"x has the shape \(3, 5\), which must be \(batch, 2\)"):
        RoaMLP(2, 1, alpha=0.9)(torch.zeros(3, 5))


@pytest.mark.parametrize("suffix", ["", "_reverse", "_l1", "_l1_reverse"])
def test_every_layer_and_direction_has_its_step_its_filter_and_its_bounds(suffix):
    model = RoaRNN(4, 2, alpha=0.9, num_layers=2, bidirectional=True, generator=generator())
    alone = RoaRNN(4, 2, alpha=0.9)
    names = ("orthogonal", "weight_ih", "weight_hh", "bias")
    alone.load_state_dict({name: model.state_dict()[name + suffix] for name in names})
    which = {"layer": int("_l1" in suffix), "reverse": "reverse" in suffix}
    assert torch.equal(model.orthogonal_matrix(**which), alone.orthogonal_matrix())
    x, h = torch.randn(3, 4), torch.randn(3, 2)
    assert torch.equal(model.step(x, h, **which), alone.step(x, h))
    assert model.step_bounds(**which) == alone.step_bounds()


def test_a_layer_that_is_not_there_is_named():
    model = RoaRNN(4, 2, alpha=0.9)
    with pytest.raises(ValueError, match="layer=1, reverse=False is not there: num_layers=1"):
        model.step_bounds(layer=1)
    with pytest.raises(ValueError, match=r"reverse=True is not there: .* bidirectional=False"):
        model.orthogonal_matrix(reverse=True)


def test_a_learned_alpha_starts_where_it_is_told_and_never_leaves_its_bounds():
    model = RoaRNN(1, 4, alpha=Learned(0.9, 1.0, initial=0.99))
    assert model.alpha.shape == (4,)
    torch.testing.assert_close(model.alpha, torch.full((4,), 0.99))
    torch.testing.assert_close(model.beta, torch.full((4,), 0.01))
    optimiser = torch.optim.SGD(model.parameters(), lr=1e4)
    before = model.alpha[0].item()
    model(torch.randn(2, 5, 1))[0].square().sum().backward()
    optimiser.step()
    assert 0.9 <= model.alpha[0].item() <= 1.0
    assert model.alpha[0].item() != before


def test_what_is_learned_has_one_parameter_a_layer_and_direction_or_one_a_unit():
    learned = Learned(0.5, 1.0, per_unit=True)
    model = RoaRNN(2, 3, alpha=learned, beta=Learned(0.0, 0.1), num_layers=2, bidirectional=True)
    shapes = {n: tuple(p.shape) for n, p in model.named_parameters() if "logit" in n}
    suffixes = ("", "_reverse", "_l1", "_l1_reverse")
    expected = {f"mixing{s}.alpha_logit": (3,) for s in suffixes}
    assert shapes == expected | {f"mixing{s}.beta_logit": (1,) for s in suffixes}
    deep = RoaMLP(3, 4, alpha=Learned(0.5, 1.0), beta=learned)
    assert deep.mixing.alpha_logit.shape == (4, 1)
    assert deep.mixing.beta_logit.shape == (4, 3)


@pytest.mark.parametrize("backend", ["reference", "fused"])
@pytest.mark.parametrize("name", NONLINEARITIES)
def test_the_gradients_of_learned_weights_of_both_branches_are_right(name, backend):
    mixing = {"alpha": Learned(0.5, 1.0), "beta": Learned(0.1, 0.9, per_unit=True)}
    settings = mixing | {"nonlinearity": name, "backend": backend, "generator": generator(3)}
    x = torch.randn(2, 3, 2, dtype=DOUBLE, generator=generator(4), requires_grad=True)
    for model, inputs in ((RoaRNN(2, 2, **settings), x), (RoaMLP(2, 3, **settings), x[0])):
        names, values = zip(*model.double().named_parameters(), strict=True)
        for key, value in zip(names, values, strict=True):
            if "phi_bias" in key:
                torch.nn.init.uniform_(value, -0.3, 0.3, generator=generator(5))
        assert gradcheck(partial(with_values, model, names), (inputs, *values))


def test_a_tensor_of_equal_numbers_is_that_number():
    x = torch.randn(2, 6, 1)
    for value in (torch.full((5,), 0.9), torch.tensor([0.9])):
        one, many = (RoaRNN(1, 5, alpha=a, generator=generator()) for a in (0.9, value))
        torch.testing.assert_close(one(x)[0], many(x)[0])


def test_modrelu_keeps_the_sign_and_moves_the_size():
    z = torch.tensor([-2.0, -0.5, 0.0, 0.5, 2.0])
    assert modrelu(z, torch.tensor(-1.0)).tolist() == [-1, 0, 0, 0, 1]
    assert modrelu(z, torch.tensor(1.0)).tolist() == [-3, -1.5, 0, 1.5, 3]


def test_modrelu_with_a_bias_above_zero_jumps_at_zero():
    near = torch.tensor([-1e-6, 1e-6])
    below, above = modrelu(near, torch.tensor(0.5)).tolist()
    assert above - below == pytest.approx(1.0, abs=1e-5)


def own_slope(value):
    """The slope of exp is its value: the very tensor that is given."""
    return value


def test_a_slope_that_is_its_argument_is_not_written_to():
    exp = Nonlinearity(torch.exp, 1.0, torch.exp_, own_slope)
    settings = {"nonlinearity": exp, "alpha": Learned(0.5, 0.9), "beta": Learned(0.0, 0.2)}
    for model, x in (
        (RoaRNN(2, 3, **settings), torch.randn(2, 3, 2, dtype=DOUBLE, requires_grad=True)),
        (RoaMLP(2, 3, **settings), torch.randn(3, 2, dtype=DOUBLE, requires_grad=True)),
    ):
        names, values = zip(*model.double().named_parameters(), strict=True)
        assert gradcheck(partial(with_values, model, names), (x, *values))


def test_a_function_of_ones_own_is_differentiated_by_autograd():
    settings = {"alpha": 0.8, "nonlinearity": Nonlinearity(torch.sin, 1.0)}
    x = torch.randn(2, 3, 2, dtype=DOUBLE, requires_grad=True)
    model = RoaRNN(2, 3, **settings, generator=generator()).double()
    inner = x[:, 0] @ model.weight_ih.T + model.bias
    torch.testing.assert_close(model(x)[0][:, 0], 0.2 * torch.sin(inner))
    assert gradcheck(lambda given: model(given)[0], (x,))
    assert gradcheck(RoaMLP(2, 3, **settings).double(), (x[0],))


MIXINGS = {
    "numbers": {"alpha": 0.9, "beta": 0.2},
    "per unit": {"alpha": torch.linspace(0.6, 1.0, 6), "beta": torch.linspace(0.3, 0.1, 6)},
    "learned": {"alpha": Learned(0.8, 1.0, per_unit=True), "beta": Learned(0.0, 0.2)},
}
STEEP = Nonlinearity(lambda z: torch.sin(2 * z), lipschitz=2.0)


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("nonlinearity", ["tanh", "modrelu", STEEP], ids=["tanh", "modrelu", "own"])
def test_a_measured_step_lies_within_its_bounds(mixing, nonlinearity):
    settings = MIXINGS[mixing] | {"nonlinearity": nonlinearity}
    model, deep = RoaRNN(1, 6, **settings).double(), RoaMLP(6, 3, **settings).double()
    x_t, h = torch.randn(1, 1, dtype=DOUBLE), torch.randn(6, dtype=DOUBLE)
    for parameter in (*model.parameters(), *deep.parameters()):
        torch.nn.init.normal_(parameter)
    steps = [(lambda h: model.step(x_t, h[None])[0], model.step_bounds())]
    for layer, bounds in enumerate(deep.step_bounds()):
        steps.append((lambda h, layer=layer: deep.step(h[None], layer)[0], bounds))
    for step, (lower, upper) in steps:
        measured = torch.linalg.svdvals(torch.autograd.functional.jacobian(step, h))
        assert lower - 1e-12 <= measured.min()
        assert measured.max() <= upper * (1 + 1e-12)
        assert upper < 5


@pytest.mark.parametrize("sign, side", [(1.0, 1), (-1.0, 0)])
def test_the_bounds_of_a_step_are_attained_where_w_points_along_the_filter(sign, side):
    # at h = 0 without an input the slope is 1, so a step's Jacobian is (alpha +- 2 beta) O
    model = RoaRNN(1, 5, alpha=0.9, bias=False).double()
    with torch.no_grad():
        model.weight_hh.copy_(sign * 2 * model.orthogonal_matrix())
    x_t, h = torch.zeros(1, 1, dtype=DOUBLE), torch.zeros(5, dtype=DOUBLE)
    jacobian = torch.autograd.functional.jacobian(lambda h: model.step(x_t, h[None])[0], h)
    measured = torch.linalg.svdvals(jacobian)
    assert measured[0].item() == pytest.approx(0.9 + sign * 0.2, rel=1e-12)
    assert model.step_bounds()[side] == pytest.approx(measured[0].item(), rel=1e-3)
