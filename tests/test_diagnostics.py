"""Every diagnostic against a closed form, or against what autograd computes by brute force."""

import math

import mpmath
import pytest
import torch
from torch import nn

from bench.diagnostics import View, gradient_by_distance, gradient_by_parameter, look
from bench.diagnostics.gradients import kept_distances, ratio
from bench.diagnostics.memory import sensitivities
from bench.diagnostics.products import log_singular_values, pulled_through
from bench.diagnostics.spectrum import leading_exponents, spectrum
from bench.diagnostics.states import cosine, effective_rank, forward_norm
from bench.diagnostics.view import BoundViolation, random_frame
from bench.frame import TimeFrame
from bench.tasks import TASKS
from roaf import RoaMLP
from tests.linear import Linear, Logistic
from tests.test_frame import STEPWISE, framed

DOUBLE = torch.float64


def view_of(model: nn.Module, task, samples: int = 8) -> View:
    batch = next(task.train_batches(samples, torch.Generator().manual_seed(0)))
    return View.of(model, task, batch, torch.Generator().manual_seed(1))


def view(body: nn.Module, length: int = 40, **bounds) -> View:
    task = TASKS["adding"](length=length)
    return view_of(TimeFrame(body, task, 1.0, **bounds), task)


def values(readings, quantity: str) -> dict[str, float]:
    return {r.where: r.value for r in readings if r.quantity == quantity}


def turned(*diagonal: float) -> torch.Tensor:
    """A symmetric matrix with these eigenvalues in a random orthonormal basis."""
    q = torch.linalg.qr(torch.randn(len(diagonal), len(diagonal), dtype=DOUBLE)).Q
    return q @ torch.diag(torch.tensor(diagonal, dtype=DOUBLE)) @ q.T


@pytest.mark.parametrize("last, kept", [(0, [0]), (1, [0, 1]), (9, [0, 1, 2, 4, 8, 9])])
def test_powers_of_two_and_the_ends_are_kept(last, kept):
    assert kept_distances(last) == kept


@pytest.mark.parametrize("a", [0.5, 1.0, 1.1])
def test_the_gradient_of_a_scalar_recurrence_is_a_to_the_distance(a):
    looked = view(Linear(torch.full((1, 1), a, dtype=DOUBLE)))
    norms = gradient_by_distance(looked.model, looked.task, looked.batch)
    for distance, norm in norms.items():
        assert norm / norms[0] == pytest.approx(a**distance, rel=1e-9)
    assert max(norms) == 40
    by_input = values(look("input-gradient", looked), "gradient_by_input")
    for distance, norm in by_input.items():
        assert norm / by_input["0"] == pytest.approx(a ** int(distance), rel=1e-9)
    assert max(map(int, by_input)) == 39


def test_without_its_nonlinear_branch_roaf_shrinks_by_alpha_a_layer():
    model, task = framed("roaf-mlp", depth=30)
    model.body = RoaMLP(8, 30, alpha=0.9, beta=0.0).double()
    looked = view_of(model, task)
    gradient = values(look("gradient", looked), "gradient_by_distance")
    for distance, norm in gradient.items():
        assert norm / gradient["0"] == pytest.approx(0.9 ** int(distance), rel=1e-9)
    found = values(look("spectrum", looked), "singular_value")
    assert list(found.values()) == pytest.approx([0.9**30] * 8, rel=1e-9)
    assert values(look("step-gains", looked), "step_gain") == pytest.approx(
        {"max": 0.9, "min": 0.9}
    )


def test_norms_too_small_for_float32_squares_are_still_measured():
    model = nn.Linear(1, 1, bias=False)
    model.weight.grad = torch.full((1, 1), 1e-30)
    assert gradient_by_parameter(model)["weight"] == pytest.approx(1e-30, rel=1e-6)


@pytest.mark.parametrize("a, length", [(0.5, 10_000), (1.1, 9_000)])
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


@pytest.mark.parametrize("every", [1, 4])
def test_a_normal_matrix_shows_its_spectrum(every):
    eigenvalues = (1.2, -0.9, 0.5, 0.1)
    readings = list(spectrum(view(Linear(turned(*eigenvalues)), 1000), every))
    expected = [math.log(abs(value)) for value in eigenvalues]
    logs = [log * math.log(10) / 1000 for log in values(readings, "log10_singular_value").values()]
    assert logs == pytest.approx(expected, rel=1e-10)
    exponents = list(values(readings, "lyapunov_exponent").values())
    assert exponents == pytest.approx(expected, abs=1e-6)


def test_the_leading_exponents_are_the_first_of_all():
    looked = view(Linear(turned(1.2, 0.9, 0.5, 0.4, 0.3)), 400)
    every = values(spectrum(looked), "lyapunov_exponent")
    leading = values(leading_exponents(looked, count=2), "lyapunov_exponent")
    assert len(leading) == 2
    assert leading["1"] == pytest.approx(every["1"], abs=1e-9)
    assert leading["2"] == pytest.approx(every["2"], abs=1e-9)


def test_the_logistic_map_has_the_exponent_ln_two_within_its_error():
    readings = list(look("spectrum", view(Logistic(torch.zeros(1, 1, dtype=DOUBLE)), 10_000)))
    exponent = values(readings, "lyapunov_exponent")["1"]
    error = values(readings, "lyapunov_error")["1"]
    assert 0 < error < 0.01
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
    links = [lambda rows, m=m: rows @ m.T for m in matrices]
    frame = random_frame(8, 8, torch.Generator().manual_seed(0))
    found = log_singular_values(
        pulled_through(links, [torch.zeros(1, 8, dtype=DOUBLE)] * 40, frame)
    )
    with mpmath.workdps(200 + int(400 * spread)):
        product = mpmath.eye(8)
        for m in matrices:
            product = mpmath.matrix(m.tolist()) * product
        exact = [float(mpmath.log(s)) for s in mpmath.svd_r(product, compute_uv=False)]
    assert found.tolist() == pytest.approx(exact, rel=1e-10, abs=1e-9)


@pytest.mark.parametrize("name", STEPWISE)
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


@pytest.mark.parametrize("a", [0.5, 0.9, 0.99])
def test_the_memory_horizon_is_where_a_thousandth_is_left(a):
    looked = view(Linear(torch.full((1, 1), a, dtype=DOUBLE)), 1000)
    horizon = values(look("memory-horizon", looked), "memory_horizon")["0.001"]
    assert horizon == math.floor(math.log(1e-3) / math.log(a)) + 1


@pytest.mark.parametrize("name", ["lstm", "cornn", "roaf"])
def test_the_dependence_on_each_input_is_that_of_autograd(name):
    model, task = framed(name)
    looked = view_of(model, task)
    x = looked.batch.inputs[:1]

    jacobian = torch.autograd.functional.jacobian(lambda x: looked.model.body(x)[0, -1], x)
    exact = [torch.linalg.matrix_norm(jacobian[:, 0, t], ord=2).item() for t in range(12)]
    found = [math.exp(log) for log in sensitivities(looked)]
    assert found == pytest.approx(exact[::-1], rel=1e-9)


def test_of_a_model_without_a_state_the_gradient_is_read_at_its_inputs():
    model, task = framed("tcn")
    looked = view_of(model, task)
    assert not list(look("spectrum", looked))
    found = values(look("input-gradient", looked), "gradient_by_input")
    x = looked.batch.inputs.requires_grad_()
    looked.task.loss(looked.model(x), looked.batch.targets).backward()
    assert found["0"] == pytest.approx(x.grad[:, -1].norm().item())
    assert found["8"] == pytest.approx(x.grad[:, -9].norm().item())


def test_effective_rank_and_cosine_count_directions():
    eye = torch.eye(8, dtype=DOUBLE)
    assert effective_rank(eye[:3]) == pytest.approx(3)
    assert effective_rank(eye[:1].expand(5, -1)) == pytest.approx(1)
    assert effective_rank(torch.zeros(4, 8, dtype=DOUBLE)) == 0
    assert cosine(eye[:3]) == pytest.approx(0)
    assert cosine(eye[:1].expand(5, -1)) == pytest.approx(1)
    assert cosine(torch.stack([eye[0], -eye[0]])) == pytest.approx(-1)
    assert cosine(torch.zeros(4, 8, dtype=DOUBLE)) is None
    assert forward_norm(torch.tensor([[3.0, 4.0], [0.0, 0.0]])) == pytest.approx(5 / 2**0.5)


def test_the_states_are_those_of_the_unrolled_model():
    looked = view(Linear(torch.eye(1, dtype=DOUBLE)), 16)
    found = values(look("states", looked), "forward_norm")
    sums = looked.batch.inputs[:, :, 0].cumsum(1)
    assert found["0"] == pytest.approx(sums[:, -1].square().mean().sqrt().item())
    assert found["4"] == pytest.approx(sums[:, 11].square().mean().sqrt().item())
    assert found["16"] == 0


def test_signal_to_noise_is_the_mean_gradient_over_its_spread():
    # groups of 2 with mean 2 and variance 2: (E g)^2 is 4 - 2 / 2, the variance of a sample 4
    assert ratio(torch.tensor([[1.0], [3.0]]), 2) == pytest.approx((3 / 4) ** 0.5)
    assert ratio(torch.ones(8, 3), 2) is None
    assert ratio(torch.tensor([[1.0], [-1.0]]), 2) is None


def test_signal_to_noise_is_read_from_the_gradients_of_parts_of_the_batch():
    model, task = framed("elman")
    looked = view_of(model, task, samples=16)
    found = values(look("signal-to-noise", looked), "gradient_snr")
    parts = []
    for inputs, targets in zip(*(part.split(2) for part in looked.batch), strict=True):
        looked.model.zero_grad()
        looked.task.loss(looked.model(inputs), targets).backward()
        parts.append([p.grad.flatten().clone() for p in looked.model.parameters()])
    for name, gradients in zip(found, zip(*parts, strict=True), strict=True):
        assert found[name] == ratio(torch.stack(gradients), 2), name
    assert any(found.values())


@pytest.mark.parametrize("name", ["mlp", "resnet", "roaf-mlp"])
def test_the_gradient_of_a_layers_weights_is_what_backward_leaves_in_them(name):
    model, task = framed(name, depth=9)
    looked = view_of(model, task)
    found = values(look("weight-gradients", looked), "weight_gradient_by_distance")
    task.loss(looked.model(looked.batch.inputs), looked.batch.targets).backward()
    unit = looked.model.readout.weight.grad.norm().item()
    assert list(found) == ["1", "2", "4", "8", "9"]
    for distance, value in found.items():
        layers = [p.grad[9 - int(distance)].norm() for p in looked.model.body.parameters()]
        assert value * unit == pytest.approx(torch.stack(layers).norm().item(), rel=1e-9)


def test_a_measurement_outside_the_theory_is_an_error_after_it_is_read():
    looked = view(Linear(torch.full((1, 1), 0.9, dtype=DOUBLE)), bounds=lambda body: [(0.95, 1.0)])
    for name, words in {
        "gradient": r"growth over 1 steps is 0\.9, outside the bounds 0\.95, 1",
        "spectrum": "a singular value is",
        "step-gains": "a gain of step 0 is",
    }.items():
        readings = look(name, looked)
        with pytest.raises(BoundViolation, match=words):
            list(readings)
    met = view(Linear(torch.full((1, 1), 0.9, dtype=DOUBLE)), bounds=lambda body: [(0.9, 0.9)])
    read = list(look("gradient", met)) + list(look("spectrum", met)) + list(look("step-gains", met))
    assert values(read, "bound_lower") == pytest.approx(values(read, "bound_upper"))
    assert values(read, "bound_lower")["40"] == pytest.approx(0.9**40)
