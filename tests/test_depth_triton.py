"""The stack as Triton programs: on a CUDA device, and everywhere through Triton's interpreter.

The interpreter must be chosen before triton is imported, so one test runs this file again with it.
"""

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from roaf import depth_schedule, random_orthogonal
from roaf.forms import Dense
from roaf.kernels import depth_triton, reference
from roaf.kernels.depth_triton import compose, supports
from roaf.nonlinearity import NONLINEARITIES

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
here = pytest.mark.skipif(not INTERPRETED, reason="the test of the interpreter runs it")
there = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
on_each_device = pytest.mark.parametrize(
    "device",
    [pytest.param("cpu", marks=here), pytest.param("cuda", marks=[pytest.mark.gpu, there])],
)
# width, batch, depth, keep_every: with and without filling, one program and two, launches of three
CASES = [(5, 3, 4, 1), (16, 20, 3, 1), (33, 2, 7, 2), (5, 3, 4, 5000)]


def layers(width: int, depth: int, device: str) -> list[Tensor]:
    """O, W and b."""
    weight = torch.randn(depth, width, width) / width**0.5
    drawn = random_orthogonal(width), weight, torch.randn(depth, width)
    return [tensor.to(device) for tensor in drawn]


def passes(output: Tensor, *leaves: Tensor) -> list[Tensor]:
    """The output, and the gradients of some loss of it."""
    return [output.detach(), *torch.autograd.grad(output.sin().sum(), leaves)]


def expected(x: Tensor, matrix: Tensor, weight: Tensor, offset: Tensor, *settings) -> list[Tensor]:
    """What the reference gives in float64."""
    alpha, beta, name = settings
    x, w, b = (tensor.detach().double().requires_grad_() for tensor in (x, weight, offset))
    forms = [Dense(matrix.double(), matrix.double().T)] * len(w)
    return passes(reference.compose(x, forms, w, b, alpha, beta, NONLINEARITIES[name]), x, w, b)


def assert_near(found: list[Tensor], other: list[Tensor], tolerance: float = 2e-6) -> None:
    for mine, theirs in zip(found, other, strict=True):
        assert (mine - theirs).norm() <= tolerance * theirs.norm()


@on_each_device
@pytest.mark.parametrize("name", ["tanh", "relu"])
@pytest.mark.parametrize(("width", "batch", "depth", "keep_every"), CASES)
def test_the_programs_are_the_reference(device, width, batch, depth, keep_every, name, monkeypatch):
    monkeypatch.setattr(depth_triton, "LAYERS", 3)
    matrix, *trained = layers(width, depth, device)
    x = torch.randn(width, batch, device=device).T  # not in one block
    leaves = [leaf.requires_grad_() for leaf in (x, *trained)]
    output = compose(x, matrix, *trained, 0.7, 0.4, name, keep_every)
    assert_near(passes(output, *leaves), expected(x, matrix, *trained, 0.7, 0.4, name))
    with torch.no_grad():
        assert torch.equal(compose(x, matrix, *trained, 0.7, 0.4, name, keep_every), output)


@on_each_device
def test_the_filter_is_not_rounded(device):
    """With TF32's ten bits the norm would be off by a tenth here."""
    matrix, weight, offset = layers(16, 300, device)
    x = torch.randn(4, 16, device=device)
    powers = torch.linalg.matrix_power(matrix.double(), 300)
    assert_near(
        [compose(x, matrix, weight, offset, 1.0, 0.0, "tanh")], [x.double() @ powers.T], 1e-5
    )
    with torch.no_grad():
        signs = random_orthogonal(16, "signed_permutation").to(device)
        exact = x @ torch.linalg.matrix_power(signs, 300).T
        assert torch.equal(compose(x, signs, weight, offset, 1.0, 0.0, "tanh"), exact)


@on_each_device
def test_tanh_is_right_to_a_few_units_in_the_last_place(device):
    sizes = torch.logspace(-30, 2, 160, device=device).view(10, 16)
    one, zero = torch.eye(16, device=device), torch.zeros(1, 16, device=device)
    for x in (sizes, -sizes):
        found = compose(x, one, one[None], zero, 0.0, 1.0, "tanh")
        exact = x.double().tanh()
        assert ((found - exact) / exact).abs().max() < 4e-7


@on_each_device
@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_a_run_that_diverged_stays_one(device, name):
    matrix, weight, offset = layers(16, 2, device)
    output = compose(
        torch.full((2, 16), torch.nan, device=device), matrix, weight, offset, 0.0, 1.0, name
    )
    assert output.isnan().all()


@on_each_device
def test_a_second_derivative_is_refused(device):
    x = torch.ones(2, 4, device=device, requires_grad=True)
    output = compose(x, *layers(4, 2, device), 0.9, 0.1, "tanh").sin().sum()
    (first,) = torch.autograd.grad(output, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.gpu
@there
@pytest.mark.parametrize("width", [64, 100, 128])
def test_ten_thousand_layers_are_the_reference_on_a_gpu(width):
    matrix, *trained = layers(width, 10_000, "cuda")
    x = torch.randn(40, width, device="cuda")
    leaves = [leaf.requires_grad_() for leaf in (x, *trained)]
    settings = (*depth_schedule(1.0, 10_000), "tanh")
    output = compose(x, matrix, *trained, *settings)
    assert_near(passes(output, *leaves), expected(x, matrix, *trained, *settings), 1e-4)


@pytest.mark.skipif(INTERPRETED, reason="it runs the others")
def test_the_interpreter_passes_the_tests_of_this_file():
    pytest.importorskip("triton", reason="needs triton, which comes with torch for CUDA")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not gpu", __file__]
    outcome = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stdout


def test_what_it_cannot_compute_gets_a_sentence(monkeypatch):
    x, tensors = torch.ones(2, 4), layers(4, 3, "cpu")
    with pytest.raises(ValueError, match=r"'selu' of torch.float32 of .* allowed: tanh and relu"):
        compose(x, *tensors, 0.9, 0.1, "selu")
    for other in (x.double(), torch.ones(2, 129)):
        assert not supports(other, "tanh")
    monkeypatch.setattr(depth_triton, "supports", lambda x, name: True)
    with pytest.raises(ValueError, match="keep_every must be at least 1, not 0"):
        compose(x, *tensors, 0.9, 0.1, "tanh", 0)
    with pytest.raises(ValueError, match=r"shapes \(4, 4\), \(3, 4, 4\), \(2, 4\); an x 4 wide"):
        depth_triton.check(x, *tensors[:2], tensors[2][:2], "tanh")
    with pytest.raises(ValueError, match="must be of the dtype and on the device of x"):
        depth_triton.check(x.double(), *tensors, "tanh")
