"""Singular values and exponents through any depth, against closed forms and two hundred digits."""

import math

import mpmath
import pytest
import torch

from bench.diagnostics import look
from bench.diagnostics.products import log_singular_values, pulled_through
from bench.diagnostics.view import random_frame
from bench.models import MODELS
from tests.linear import DOUBLE, Linear, Logistic, turned, values, view, view_of
from tests.test_frame import STEPWISE, framed


@pytest.mark.parametrize("a, length", [(0.5, 2_000), (2.0, 2_000)])
def test_a_singular_value_that_no_float_holds_is_right_in_its_logarithm(a, length):
    readings = list(look("spectrum", view(Linear(torch.full((1, 1), a, dtype=DOUBLE)), length)))
    logs = values(readings, "log10_singular_value")
    assert logs["1"] == pytest.approx(length * math.log10(a), rel=1e-12)
    assert values(readings, "singular_value")["1"] == (0.0 if a < 1 else math.inf)
    assert values(readings, "lyapunov_exponent")["1"] == pytest.approx(math.log(a), rel=1e-12)


def test_an_orthogonal_recurrence_is_an_isometry_with_exponents_zero():
    q = torch.linalg.qr(torch.randn(6, 6, dtype=DOUBLE)).Q
    looked = view(Linear(q), 2000)
    gradient = values(look("gradient", looked), "gradient_by_distance")
    assert list(gradient.values()) == pytest.approx([gradient["0"]] * len(gradient), rel=1e-9)
    readings = list(look("spectrum", looked))
    assert list(values(readings, "singular_value").values()) == pytest.approx([1] * 6, rel=1e-10)
    assert values(readings, "condition_number")["all"] == pytest.approx(1, rel=1e-10)
    assert list(values(readings, "lyapunov_exponent").values()) == pytest.approx([0] * 6, abs=1e-13)
    assert max(values(readings, "lyapunov_error").values()) < 1e-14
    assert values(look("memory-horizon", looked), "memory_horizon") == {"0.001": math.inf}
    assert values(look("step-gains", looked), "step_gain") == pytest.approx({"max": 1, "min": 1})


def test_the_exponents_of_a_leaky_integrator_are_the_logarithm_of_its_leak():
    model, task = framed("roaf-identity", task_args={"length": 100})
    with torch.no_grad():
        model.body.network.weight_hh.zero_()
    exponents = values(look("spectrum", view_of(model, task)), "lyapunov_exponent")
    assert list(exponents.values()) == pytest.approx([math.log(0.99)] * 8, rel=1e-12)


def test_a_normal_matrix_shows_its_spectrum():
    eigenvalues = (1.2, -0.9, 0.5, 0.1)
    readings = list(look("spectrum", view(Linear(turned(*eigenvalues)), 1000)))
    expected = [math.log(abs(value)) for value in eigenvalues]
    logs = [log * math.log(10) / 1000 for log in values(readings, "log10_singular_value").values()]
    assert logs == pytest.approx(expected, rel=1e-10)
    exponents = list(values(readings, "lyapunov_exponent").values())
    assert exponents == pytest.approx(expected, abs=1e-6)


def test_the_logistic_map_has_the_exponent_ln_two_within_its_error():
    readings = list(look("spectrum", view(Logistic(torch.zeros(1, 1, dtype=DOUBLE)), 4_000)))
    exponent = values(readings, "lyapunov_exponent")["1"]
    error = values(readings, "lyapunov_error")["1"]
    assert 0 < error < 0.02
    assert abs(exponent - math.log(2)) < 4 * error


@pytest.mark.parametrize("length", [5, 30, 300])
def test_a_jordan_block_grows_before_it_decays(length):
    block = torch.tensor([[0.9, 1.0], [0.0, 0.9]], dtype=DOUBLE)
    readings = list(look("spectrum", view(Linear(block), length)))
    found = list(values(readings, "singular_value").values())
    expected = torch.linalg.svdvals(torch.linalg.matrix_power(block, length)).tolist()
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    # J^n has determinant a^2n: what the larger singular value gains, the smaller one loses
    assert found[1] == pytest.approx(0.9 ** (2 * length) / expected[0], rel=1e-8)
    assert (found[0] > 1) == (length < 300)
    assert values(look("step-gains", view(Linear(block))), "step_gain")["max"] > 1


def test_a_direction_that_is_lost_has_the_singular_value_zero():
    readings = list(look("spectrum", view(Linear(turned(1.0, 0.5, 0.0, 0.0)), 50)))
    assert list(values(readings, "singular_value").values()) == pytest.approx(
        [1, 0.5**50, 0, 0], rel=1e-11, abs=1e-25
    )
    assert values(readings, "log10_singular_value")["4"] == -math.inf
    assert values(readings, "lyapunov_exponent")["4"] == -math.inf
    assert values(readings, "condition_number")["all"] == math.inf


@pytest.mark.parametrize("spread", [0.0, 0.02, 1.0, 20.0])
def test_singular_values_of_a_product_agree_with_two_hundred_digits(spread):
    scales = torch.diag(torch.exp(torch.linspace(0, -spread, 8, dtype=DOUBLE)))
    matrices = [scales @ torch.linalg.qr(torch.randn(8, 8, dtype=DOUBLE)).Q for _ in range(40)]
    found = log_values(matrices)
    with mpmath.workdps(200 + int(400 * spread)):
        product = mpmath.eye(8)
        for m in matrices:
            product = mpmath.matrix(m.tolist()) * product
        exact = [float(mpmath.log(s)) for s in mpmath.svd_r(product, compute_uv=False)]
    assert found == pytest.approx(exact, rel=1e-10, abs=1e-12)


def log_values(matrices) -> list[float]:
    """Of the product of the matrices, the first one applied first."""
    size = len(matrices[0])
    links = [lambda rows, m=m: rows @ m.T for m in matrices]
    states = [torch.zeros(1, size, dtype=DOUBLE)] * len(links)
    frame = random_frame(size, torch.Generator().manual_seed(0))
    return log_singular_values(pulled_through(links, states, frame).product).tolist()


@pytest.mark.parametrize("dead", range(4))
def test_a_unit_that_dies_takes_its_own_singular_value_and_no_other(dead):
    leaks = torch.tensor([0.99, 0.9, 0.8, 0.7], dtype=DOUBLE)
    killing = leaks.clone()
    killing[dead] = 0
    alive = torch.diag(leaks)
    found = log_values([alive] * 5 + [torch.diag(killing)] + [alive] * 194)
    exact = [200 * math.log(leak) for i, leak in enumerate(leaks.tolist()) if i != dead]
    assert found[:3] == pytest.approx(exact, rel=1e-9)
    assert found[3] == -math.inf


@pytest.mark.parametrize("length", [400, 2000])
def test_directions_that_change_places_on_the_way_keep_their_scales(length):
    first = torch.diag(torch.tensor([math.e, 1 / math.e], dtype=DOUBLE))
    second = torch.diag(torch.tensor([math.exp(-2), math.e], dtype=DOUBLE))
    found = log_values([first] * length + [second] * length)
    assert found == pytest.approx([0, -length], abs=1e-9)


def test_weights_that_are_no_numbers_have_no_singular_values():
    readings = list(look("spectrum", view(Linear(torch.full((2, 2), math.nan, dtype=DOUBLE)))))
    assert all(math.isnan(v) for v in values(readings, "log10_singular_value").values())
    assert all(math.isnan(v) for v in values(readings, "lyapunov_exponent").values())


@pytest.mark.parametrize("name", [n for n in STEPWISE if not MODELS[n].batch_statistics])
def test_the_spectrum_of_every_model_is_that_of_the_jacobian_autograd_gives(name):
    model, task = framed(name)
    looked = view_of(model, task)
    chain = looked.model.chain(looked.batch.inputs[:1])

    def through(state):
        for link in chain.links:
            state = link(state)
        return state

    jacobian = torch.autograd.functional.jacobian(through, chain.states[0])
    exact = torch.linalg.svdvals(jacobian.flatten(2)[0].flatten(1))
    found = torch.tensor(list(values(look("spectrum", looked), "singular_value").values()))
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=1e-12 * exact[0].item())
