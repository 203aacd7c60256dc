"""The recurrence by sweeps over chunks of time: near the sequential one, or computed as it is."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from roaf import RoaRNN, depth_schedule
from roaf.forms import Form
from roaf.kernels import changes, fused, reference
from roaf.kernels.chunks import Layer
from roaf.kernels.parallel import advance, pays, recur, refuses, retreat, ways
from roaf.kernels.problem import Problem
from roaf.nonlinearity import NONLINEARITIES, Nonlinearity
from roaf.orthogonal import FILTERS, draw_filter, structured

DOUBLE = torch.float64
TANH = NONLINEARITIES["tanh"]
LENGTH = 150


def drawn(kind: str, size: int, length: int, batch: int = 3) -> tuple[Tensor, list[Tensor]]:
    """The numbers of O; drive, first state and W."""
    shapes = (length, batch, size), (batch, size), (size, size)
    drive, state, weight = (torch.randn(shape, dtype=DOUBLE) for shape in shapes)
    return draw_filter(size, kind, None), [drive, state, weight / size**0.5]


def passes(kernel, form: Form, leaves: list[Tensor], *ways) -> list[Tensor]:
    """The states, and the gradients of some loss of all of them."""
    leaves = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    drive, state, weight, *bias = leaves
    output = kernel(drive, state, form, weight, *ways, *bias)
    loss = (output * torch.linspace(0, 9, output.numel()).sin().view_as(output)).sum()
    return [output.detach(), *torch.autograd.grad(loss, leaves)]


def errors(found: list[Tensor], expected: list[Tensor]) -> list[float]:
    """Relative ones."""
    pairs = zip(found, expected, strict=True)
    return [((mine - true).norm() / true.norm()).item() for mine, true in pairs]


@pytest.fixture
def with_bfloat16(monkeypatch):
    """The path of a machine that has it, on any."""
    monkeypatch.setattr(changes, "has_bfloat16", lambda device: True)
    monkeypatch.setattr("roaf.kernels.parallel.has_bfloat16", lambda device: True)


@pytest.fixture(params=["medium", "high"])
def lowered(request):
    """torch's setting for products of float32."""
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("size", [12, 20])
def test_states_and_gradients_are_those_of_the_reference(kind, size):
    numbers, leaves = drawn(kind, size, LENGTH)
    form, mixing = structured(kind, numbers, size, DOUBLE), depth_schedule(1.0, LENGTH)
    found = passes(recur, form, leaves, *mixing, TANH)
    assert max(errors(found, passes(reference.recur, form, leaves, *mixing, TANH))) < 1e-9


@pytest.mark.parametrize("kind", ["haar", "rotations", "identity", "cycle"])
@pytest.mark.parametrize("length", [1, 2, 33, 97])
def test_a_sequence_may_end_anywhere_and_units_may_be_odd(kind, length):
    numbers, leaves = drawn(kind, 7, length, batch=1)
    form = structured(kind, numbers, 7, DOUBLE)
    found = passes(recur, form, leaves, 0.9, 0.01, TANH)
    assert max(errors(found, passes(reference.recur, form, leaves, 0.9, 0.01, TANH))) < 1e-9


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, 1.02])
def test_any_alpha_will_do(alpha):
    numbers, leaves = drawn("rotations", 8, LENGTH)
    form = structured("rotations", numbers, 8, DOUBLE)
    found = passes(recur, form, leaves, alpha, 0.02, TANH)
    assert max(errors(found, passes(reference.recur, form, leaves, alpha, 0.02, TANH))) < 1e-9


@pytest.mark.parametrize("name", ["relu", "modrelu"])
def test_other_nonlinearities_and_their_bias(name):
    numbers, leaves = drawn("haar", 8, LENGTH)
    form, phi = structured("haar", numbers, 8, DOUBLE), NONLINEARITIES[name]
    bias = [-torch.rand(8, dtype=DOUBLE)] if name == "modrelu" else []
    found = passes(recur, form, leaves + bias, 0.98, 0.01, phi)
    true = passes(reference.recur, form, leaves + bias, 0.98, 0.01, phi)
    assert max(errors(found, true)) < 1e-9


@pytest.mark.parametrize("kind", FILTERS)
def test_float32_with_changes_in_bfloat16_is_within_the_tolerance(kind, with_bfloat16):
    numbers, leaves = drawn(kind, 32, 784, batch=2)
    mixing = depth_schedule(1.0, 784)
    true = passes(reference.recur, structured(kind, numbers, 32, DOUBLE), leaves, *mixing, TANH)
    rounded = [leaf.float() for leaf in leaves]
    found = passes(recur, structured(kind, numbers, 32, torch.float32), rounded, *mixing, TANH)
    assert max(errors(found, true)) < 2e-5


def test_the_lower_precision_that_was_asked_for_is_taken(lowered, with_bfloat16):
    numbers, leaves = drawn("haar", 32, 300)
    form, mixing = structured("haar", numbers, 32, torch.float32), depth_schedule(1.0, 300)
    rounded = [leaf.float() for leaf in leaves]
    found, true = (passes(k, form, rounded, *mixing, TANH) for k in (recur, fused.recur))
    least, most = {"medium": (1e-5, 2e-2), "high": (0.0, 2e-4)}[lowered]
    assert least < max(errors(found, true)) < most


def trained(size: int, length: int, alpha: float) -> RoaRNN:
    """One whose W has grown on the task to tell the first input's sign."""
    model = RoaRNN(1, size, alpha=alpha, backend="fused")
    readout = torch.randn(size)
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(40):
        x = torch.randn(16, length, 1)
        loss = ((model(x)[0][:, -1] @ readout) - x[:, 0, 0].sign()).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


@pytest.mark.parametrize(("alpha", "swept"), [(0.9, 0), (0.99, 2), (0.999, 3)])
def test_trained_weights_of_any_norm_are_near_enough_or_computed_by_steps(
    alpha, swept, with_bfloat16
):
    model, found = trained(32, 60, alpha), []
    drive, state = torch.randn(300, 2, 32), torch.zeros(2, 32)
    for gain in (1, 2, 4):
        leaves = [drive, state, gain * model.weight_hh.detach()]
        form, exact = (structured("haar", model.orthogonal, 32, d) for d in (torch.float32, DOUBLE))
        states, *gradients = passes(recur, form, leaves, alpha, 1 - alpha, TANH)
        doubled = [leaf.double() for leaf in leaves]
        true, *wanted = passes(fused.recur, exact, doubled, alpha, 1 - alpha, TANH)
        largest = true.norm(dim=-1).amax(0)
        assert ((states - true).norm(dim=-1) / largest).max() < 1e-5
        assert max(errors(gradients, wanted)) < 2e-5
        found.append(ways(Layer(form, leaves[2], alpha, 1 - alpha, TANH), 300))
    assert len(found) - found.count(None) == swept


def layer_of(gain: float, beta: float) -> Layer:
    """A layer of 16 units in float64 with a W of that norm."""
    numbers, (_, _, weight) = drawn("rotations", 16, 1)
    form = structured("rotations", numbers, 16, DOUBLE)
    weight = gain * weight / torch.linalg.matrix_norm(weight, 2)
    return Layer(form, weight, 1.0 - beta, beta, TANH)


def test_chunks_are_shorter_and_sweeps_more_as_the_weights_grow():
    drive, state = torch.randn(400, 1, 16, dtype=DOUBLE), torch.zeros(1, 16, dtype=DOUBLE)
    reports = []
    for gain in (0.1, 1.0, 10.0, 30.0):
        own = ways(layer_of(gain, 0.003), 400)
        assert own is not None
        *_, report = advance(own.forth(), drive, state)
        assert not report.fell_back and len(report.sweeps) == math.ceil(400 / report.size)
        reports.append(report)
    sizes, counts = zip(*((r.size, max(c or 0 for c in r.sweeps)) for r in reports), strict=True)
    assert list(sizes) == sorted(sizes, reverse=True) and list(counts) == sorted(counts)
    assert ways(layer_of(1000.0, 0.003), 400) is None


def test_a_chunk_that_does_not_settle_is_computed_by_steps_and_says_so():
    layer, drive = layer_of(1.0, 0.003), torch.randn(300, 2, 16, dtype=DOUBLE)
    drive[100:] = 0  # so that some chunks need fewer sweeps than others
    state, given = torch.randn(2, 16, dtype=DOUBLE), torch.zeros_like(drive)
    given[-1] = 1
    own = ways(layer, 300, most=4)
    assert own is not None
    states, values, forth = advance(own.forth(), drive, state)
    pulls, first, back = retreat(own.back(), given, values)
    assert forth.fell_back and back.fell_back
    leaves = [tensor.clone().requires_grad_() for tensor in (drive, state)]
    settings = layer.form, layer.weight, layer.alpha, layer.beta, layer.phi
    true = fused.recur(*leaves, *settings)
    wanted = torch.autograd.grad(true, leaves, given)
    assert max(errors([states[1:], pulls, first], [true.detach(), *wanted])) < 1e-9


def test_one_sweep_too_few_makes_every_chunk_fall_back():
    own = ways(layer_of(1.0, 0.003), 300, most=1)
    assert own is not None
    drive, state = torch.randn(300, 2, 16, dtype=DOUBLE), torch.zeros(2, 16, dtype=DOUBLE)
    states, _, report = advance(own.forth(), drive, state)
    settings = own.layer.form, own.layer.weight, own.layer.alpha, own.layer.beta, own.layer.phi
    assert set(report.sweeps) == {None}
    torch.testing.assert_close(states[1:], fused.recur(drive, state, *settings), atol=1e-13, rtol=0)


def test_a_modrelu_that_jumps_is_computed_by_steps():
    layer = replace(layer_of(1.0, 0.003), phi=NONLINEARITIES["modrelu"])
    assert ways(replace(layer, bias=(torch.zeros(16),)), 300) is not None
    assert ways(replace(layer, bias=(torch.full((16,), 0.1),)), 300) is None


def test_infinite_numbers_end_the_sweeps():
    own = ways(layer_of(1.0, 0.003), 100)
    assert own is not None
    drive = torch.full((100, 1, 16), torch.inf, dtype=DOUBLE)
    drive[:, :, 0] = torch.nan
    states, _, report = advance(own.forth(), drive, torch.zeros(1, 16, dtype=DOUBLE))
    assert report.fell_back and not states.isfinite().all()


def problem(**changes) -> Problem:
    """One that the backend is best at, if the machine has bfloat16, but for the changes."""
    form = structured("rotations", draw_filter(1024, "rotations", None), 1024, torch.float32)
    own = Problem(784, 1, 1024, torch.device("cpu"), torch.float32, form, 0.9, 0.1, TANH)
    return replace(own, **changes)


def test_what_it_cannot_compute_and_where_it_pays(with_bfloat16):
    assert "takes numbers" in str(refuses(problem(alpha=torch.ones(1024))))
    assert "slope_at_value" in str(refuses(problem(phi=Nonlinearity(torch.sin, 1.0))))
    assert refuses(problem()) is None and pays(problem())
    dense = structured("haar", torch.eye(1024), 1024, torch.float32)
    slower = {"batch": 2}, {"hidden": 512}, {"time": 8}, {"dtype": DOUBLE}, {"form": dense}
    assert not any(pays(problem(**change)) for change in slower)


def test_a_second_derivative_is_refused():
    _, leaves = drawn("rotations", 16, 30)
    layer = layer_of(1.0, 0.003)
    drive, state, _ = (leaf.requires_grad_() for leaf in leaves)
    states = recur(drive, state, layer.form, layer.weight, layer.alpha, layer.beta, TANH)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(states.sum(), drive, create_graph=True)
