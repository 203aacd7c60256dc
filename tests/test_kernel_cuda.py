"""The recurrence on a GPU: its programs through Triton's interpreter, its graphs without recording.

The interpreter must be chosen before triton is imported, so one test runs this file again with it.
"""

import os
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from roaf import depth_schedule, orthogonal
from roaf.forms import Dense, Form, Gather, Term
from roaf.kernels import cuda, cuda_graph, reference
from roaf.kernels.member_forms import taken_apart, together
from roaf.kernels.problem import Problem
from roaf.nonlinearity import NONLINEARITIES, Nonlinearity

INTERPRETED = cuda.is_interpreted()
here = pytest.mark.skipif(not INTERPRETED, reason="the test of the interpreter runs it")
there = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
on_each_device = pytest.mark.parametrize(
    "device",
    [pytest.param("cpu", marks=here), pytest.param("cuda", marks=[pytest.mark.gpu, there])],
)
once = pytest.mark.skipif(INTERPRETED, reason="it was run without the interpreter")
on_cpu_and_gpu = pytest.mark.parametrize(
    "device",
    [pytest.param("cpu", marks=once), pytest.param("cuda", marks=[pytest.mark.gpu, there])],
)
FILTERS = [kind for kind in orthogonal.FILTERS if kind != "hadamard"]
TANH = NONLINEARITIES["tanh"]


def form_of(kind: str, size: int, device: str, seed: int = 0) -> Form:
    """O in the form of its kind."""
    numbers = orthogonal.draw_filter(size, kind, torch.Generator().manual_seed(seed))
    return orthogonal.structured(kind, numbers.to(device), size, torch.float32)


def doubled(form: Form) -> Form:
    """The same numbers in float64."""
    matrix = form.dense().double()
    return Dense(matrix, matrix.T)


def leaves_of(time: int, batch: int, size: int, device: str, biases: int = 0) -> list[Tensor]:
    """drive, the first state, W and the bias of phi; the drive not in one block."""
    drive = torch.randn(batch, time, size).transpose(0, 1)
    bias = [0.3 * torch.randn(size)] * biases
    drawn = drive, torch.randn(batch, size), torch.randn(size, size) / size**0.5, *bias
    return [tensor.to(device).requires_grad_() for tensor in drawn]


def passes(kernel: Any, leaves: list[Tensor], form: Form, alpha: Any, beta: Any, phi: Nonlinearity):
    """The states, and the gradients of some loss of all of them; of alpha and beta if tensors."""
    drive, state, weight, *bias = leaves
    states = kernel(drive, state, form, weight, alpha, beta, phi, *bias)
    trained = [*leaves, *(value for value in (alpha, beta) if isinstance(value, Tensor))]
    return [states.detach(), *torch.autograd.grad(states.sin().sum(), trained)]


def expected(leaves: list[Tensor], form: Form, alpha: Any, beta: Any, phi: Nonlinearity):
    """What the reference gives in float64."""
    mixing = [
        v.detach().double().requires_grad_() if torch.is_tensor(v) else v for v in (alpha, beta)
    ]
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    return passes(reference.recur, exact, doubled(form), *mixing, phi)


def assert_near(found: list[Tensor], other: list[Tensor], tolerance: float = 3e-6) -> None:
    for mine, theirs in zip(found, other, strict=True):
        assert mine.shape == theirs.shape
        assert (mine - theirs).norm() <= tolerance * theirs.norm()


@on_each_device
@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize(("time", "batch", "size"), [(5, 3, 7), (1, 2, 16), (4, 1, 33)])
def test_the_programs_are_the_reference(device, kind, time, batch, size):
    settings = (form_of(kind, size, device), 0.9, 0.4, TANH)
    leaves = leaves_of(time, batch, size, device)
    assert cuda.fits(settings[0], size, TANH)
    assert_near(passes(cuda.recur, leaves, *settings), expected(leaves, *settings))


@on_each_device
@pytest.mark.parametrize("name", ["relu", "modrelu"])
def test_the_programs_know_every_named_phi(device, name):
    phi = NONLINEARITIES[name]
    settings = (form_of("rotations", 9, device), 0.9, 0.4, phi)
    leaves = leaves_of(6, 2, 9, device, biases=phi.slope_of_bias is not None)
    assert_near(passes(cuda.recur, leaves, *settings), expected(leaves, *settings))


@on_each_device
@pytest.mark.parametrize("kind", ["haar", "rotations"])
def test_one_alpha_and_beta_a_unit_are_mixed_with_and_trained(device, kind):
    alpha, beta = (torch.rand(9, device=device).requires_grad_() for _ in range(2))
    settings = (form_of(kind, 9, device), alpha, beta, TANH)
    leaves = leaves_of(6, 2, 9, device)
    assert_near(passes(cuda.recur, leaves, *settings), expected(leaves, *settings))


@on_each_device
@pytest.mark.parametrize("kind", ["haar", "signed_permutation", "rotations"])
def test_members_in_one_launch_are_the_members_alone(device, kind):
    alone = [leaves_of(5, 2, 9, device) for _ in range(3)]
    forms = [form_of(kind, 9, device, seed) for seed in range(3)]
    apart = zip(*(taken_apart(form) for form in forms), strict=True)
    numbers = [None if part[0] is None else torch.stack(part) for part in apart]
    stacked = together(numbers, [None if part is None else 0 for part in numbers], 3)
    drive, state, weight = (torch.stack(parts) for parts in zip(*alone, strict=True))
    states = cuda.recur_members(drive.transpose(0, 1), state, stacked, weight, 0.9, 0.1, TANH)
    found = torch.autograd.grad(states.sin().sum(), [leaf for own in alone for leaf in own])
    for member, (leaves, form) in enumerate(zip(alone, forms, strict=True)):
        own = passes(cuda.recur, leaves, form, 0.9, 0.1, TANH)
        assert torch.equal(states[:, member], own[0])
        assert_near(list(found[3 * member : 3 * member + 3]), own[1:], 1e-6)


@on_each_device
def test_a_signed_permutation_loses_nothing(device):
    """alpha = 1 leaves every bit, over many steps and back."""
    form = form_of("signed_permutation", 12, device)
    drive, state, weight = leaves_of(12, 1, 12, device)
    states = cuda.recur(drive, state, form, weight, 1.0, 0.0, TANH)
    (back,) = torch.autograd.grad(states[-1].sum(), state)
    exact = torch.linalg.matrix_power(form.dense(), 12)
    assert torch.equal(states[-1], state @ exact.T)
    assert torch.equal(back, exact.sum(0).expand_as(back))


@on_each_device
def test_without_gradients_the_states_are_the_same(device):
    drive, state, weight = leaves_of(3, 2, 9, device)
    settings = (form_of("haar", 9, device), weight, 0.9, 0.1, TANH)
    states = cuda.recur(drive, state, *settings)
    with torch.no_grad():
        assert torch.equal(cuda.recur(drive, state, *settings), states)


@on_each_device
def test_a_run_that_diverged_stays_one(device):
    drive, state, weight = leaves_of(3, 2, 9, device)
    state = torch.full_like(state, torch.nan)
    states = cuda.recur(drive, state, form_of("rotations", 9, device), weight, 0.5, 0.5, TANH)
    assert states.isnan().all()


@on_cpu_and_gpu
@pytest.mark.parametrize("kind", orthogonal.FILTERS)
@pytest.mark.parametrize("time", [1, 7, 12])
def test_the_graphs_are_the_reference(device, kind, time, monkeypatch):
    """In launches of four steps, whole ones and a part of one."""
    monkeypatch.setattr(cuda_graph, "STEPS", 4)
    settings = (form_of(kind, 8, device), 0.9, 0.4, TANH)
    for _ in range(2):  # the second on the buffers of the first
        leaves = leaves_of(time, 3, 8, device)
        assert_near(passes(cuda_graph.recur, leaves, *settings), expected(leaves, *settings))


@on_cpu_and_gpu
@pytest.mark.parametrize("kind", ["haar", "rotations"])
def test_alpha_is_not_rounded(device, kind):
    """In float32 0.9999 is off by 1.7e-8, and so would the states be by 1e-5 in 1,000 steps."""
    form = form_of(kind, 32, device)
    drive, state, weight = leaves = leaves_of(1_000, 1, 32, device)
    with torch.no_grad():
        states = cuda_graph.recur(drive, state, form, weight, 0.9999, 0.0001, TANH)
        doubles = [leaf.double() for leaf in leaves]
        exact = reference.recur(*doubles[:2], doubled(form), doubles[2], 0.9999, 0.0001, TANH)
    assert_near([states], [exact], 5e-6)


@on_cpu_and_gpu
def test_the_graphs_train_the_bias_of_phi(device):
    settings = (form_of("cycle", 8, device), 0.9, 0.4, NONLINEARITIES["modrelu"])
    leaves = leaves_of(9, 3, 8, device, biases=1)
    assert_near(passes(cuda_graph.recur, leaves, *settings), expected(leaves, *settings))


@on_cpu_and_gpu
def test_two_passes_before_their_gradients_do_not_mix(device):
    settings = (form_of("haar", 8, device), 0.9, 0.4, TANH)
    both = [leaves_of(9, 3, 8, device) for _ in range(2)]
    with torch.inference_mode():
        cuda_graph.recur(*both[0][:2], settings[0], both[0][2], *settings[1:])
    outputs = [cuda_graph.recur(d, h, settings[0], w, *settings[1:]) for d, h, w in both]
    for output, leaves in zip(outputs, both, strict=True):
        found = [output.detach(), *torch.autograd.grad(output.sin().sum(), leaves)]
        assert_near(found, expected(leaves, *settings))


@on_cpu_and_gpu
def test_a_second_derivative_is_refused(device):
    drive, state, weight = leaves_of(2, 2, 8, device)
    states = cuda_graph.recur(drive, state, form_of("haar", 8, device), weight, 0.9, 0.1, TANH)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(states.sin().sum(), drive, create_graph=True)


def problem(device: str = "cuda", kind: str = "haar", hidden: int = 64, **changes: Any) -> Problem:
    """A problem that only the graphs or the programs can have something against."""
    form = form_of(kind, hidden, "cpu")
    sizes = {"time": 5, "batch": 3, "hidden": hidden}
    given = {"dtype": torch.float32, "alpha": 0.9, "beta": 0.1, "phi": TANH} | changes
    return Problem(**sizes, device=torch.device(device), form=form, **given)


def test_what_it_cannot_compute_gets_a_clause(monkeypatch):
    monkeypatch.setattr(cuda, "find_spec", lambda name: name)
    monkeypatch.setattr(cuda, "is_interpreted", lambda: False)
    per_unit, own = torch.ones(300), Nonlinearity(torch.sin, 1.0)
    assert cuda.refuses(problem("cpu")) == "needs a CUDA device, not cpu"
    assert cuda.refuses(problem(dtype=torch.float64)) == "computes float32 only, not torch.float64"
    for fine in (problem(alpha=per_unit[:64]), problem(hidden=300), problem(kind="hadamard")):
        assert cuda.refuses(fine) is None
        assert cuda.pays(fine)
    for other in (problem(hidden=300, alpha=per_unit), problem(phi=own)):
        assert "takes an alpha and a beta that are numbers" in str(cuda.refuses(other))


def test_the_programs_fit_up_to_256_units_and_128_with_a_dense_filter(monkeypatch):
    monkeypatch.setattr(cuda, "find_spec", lambda name: name)
    fit = {("rotations", 256), ("haar", 128)}
    for kind, size in (*fit, ("rotations", 257), ("haar", 129), ("hadamard", 128)):
        assert cuda.fits(form_of(kind, size, "cpu"), size, TANH) == ((kind, size) in fit)
    term = Term(torch.ones(4), torch.arange(4), torch.arange(4))
    assert not cuda.fits(Gather((term, term)), 4, TANH)
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    assert not cuda.fits(form_of("haar", 4, "cpu"), 4, TANH)


@pytest.mark.skipif(INTERPRETED, reason="it runs the others")
def test_the_interpreter_passes_the_tests_of_this_file():
    pytest.importorskip("triton", reason="needs triton, which comes with torch for CUDA")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not gpu", __file__]
    outcome = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stdout


@once
@pytest.mark.parametrize("name", ["forwards", "backwards"])
@pytest.mark.parametrize("dense", [True, False])
def test_the_programs_compile_for_a_hopper_gpu(name, dense, monkeypatch, tmp_path):
    """Which takes no GPU; the interpreter allows more than the compiler."""
    triton = pytest.importorskip("triton", reason="needs triton, which comes with torch for CUDA")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from roaf.kernels import cuda_programs

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    program = getattr(cuda_programs, name)
    fixed = {"width": 33, "filled": 64, "phi": 0, "dense": dense, "keep": True}
    types = dict.fromkeys(program.arg_names, "*fp32") | dict.fromkeys(fixed, "constexpr")
    types |= {"index": "*i32", "steps": "i32", "batch": "i32"}
    at = {(program.arg_names.index(key),): value for key, value in fixed.items()}
    source, target = ASTSource(program, types, at), GPUTarget("cuda", 90, 32)
    compiled = triton.compile(source, target=target, options=cuda_programs.chip(64))
    assert compiled.asm["cubin"]


@pytest.mark.gpu
@there
@pytest.mark.parametrize("size", [128, 256, 512])
@pytest.mark.parametrize("time", [784, 10_000])
@pytest.mark.parametrize("kind", ["haar", "rotations"])
def test_long_sequences_are_the_reference_on_a_gpu(kind, time, size):
    settings = (form_of(kind, size, "cuda"), *depth_schedule(1.0, time), TANH)
    leaves = leaves_of(time, 8, size, "cuda")
    assert_near(passes(cuda.recur, leaves, *settings), expected(leaves, *settings), 1e-4)
