"""The recurrence by numba's programs: the reference's numbers at any shape, on any processor."""

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from roaf import depth_schedule
from roaf.forms import Form
from roaf.kernels import block_pool, cpu, fused, reference
from roaf.kernels.problem import Problem
from roaf.nonlinearity import NONLINEARITIES, Nonlinearity
from roaf.orthogonal import draw_filter, structured
from tests.stacks import DOUBLE, farthest, generator

pytest.importorskip("numba", reason="needs numba")

KINDS = ("haar", "rotations", "permutation", "signed_permutation", "cycle", "identity")
TANH = NONLINEARITIES["tanh"]


def form_of(kind: str, hidden: int, dtype: torch.dtype = torch.float32) -> Form:
    """The same filter in either precision."""
    exact = structured(kind, draw_filter(hidden, kind, generator()), hidden, DOUBLE)
    if dtype == DOUBLE:
        return exact
    return structured(kind, draw_filter(hidden, kind, generator()), hidden, dtype)


def tensors(time: int, batch: int, hidden: int) -> list[Tensor]:
    """Drive, state, weight, and alpha, beta and phi's bias of each unit."""
    draw = generator(1)
    shapes = (time, batch, hidden), (batch, hidden), (hidden, hidden), *[(hidden,)] * 3
    drive, state, weight, alpha, beta, bias = (torch.randn(s, generator=draw) for s in shapes)
    return [drive, state, weight / hidden**0.5, alpha.sigmoid(), beta.sigmoid(), bias / 3]


def passes(recur, form: Form, given: list[Tensor], name: str = "tanh") -> list[Tensor]:
    """The states, and the gradients of some loss of them for all that is given."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in given]
    leaves = leaves if name == "modrelu" else leaves[:5]
    drive, state, weight, *units = leaves
    alpha, beta, *bias = units
    states = recur(drive, state, form, weight, alpha, beta, NONLINEARITIES[name], *bias)
    return [states.detach(), *torch.autograd.grad(states.sin().sum(), leaves)]


def doubled(given: list[Tensor]) -> list[Tensor]:
    return [tensor.double() for tensor in given]


@pytest.mark.parametrize("name", ["tanh", "relu", "modrelu"])
@pytest.mark.parametrize("kind", [*KINDS, "hadamard"])
def test_every_filter_and_phi_is_the_reference_in_double_precision(kind, name):
    given = tensors(5, 3, 20)
    found = passes(cpu.recur, form_of(kind, 20), given, name)
    expected = passes(reference.recur, form_of(kind, 20, DOUBLE), doubled(given), name)
    assert farthest(found, expected) < 3e-6


@pytest.mark.parametrize("hidden", [1, 2, 15, 16, 31, 48, 65, 100])
@pytest.mark.parametrize("batch", [1, 2, 9, 17])
@pytest.mark.parametrize("kind", ["haar", "rotations"])
def test_every_shape_of_a_tile_is_the_reference(kind, batch, hidden):
    given = tensors(3, batch, hidden)
    found = passes(cpu.recur, form_of(kind, hidden), given)
    expected = passes(reference.recur, form_of(kind, hidden, DOUBLE), doubled(given))
    assert farthest(found, expected) < 1e-5


@pytest.mark.parametrize("kind", ["haar", "rotations"])
def test_ten_thousand_steps_err_by_less_than_a_ten_thousandth(kind):
    """With the filter in double precision: a cosine in float32 alone is off by twice as much."""
    alpha, beta = depth_schedule(1.0, 10_000)
    drive, state, weight, *_ = tensors(10_000, 2, 32)
    found, expected = (
        run_with(recur, form_of(kind, 32, DOUBLE), alpha, beta, drive, state, weight, dtype)
        for recur, dtype in ((cpu.recur, torch.float32), (fused.recur, DOUBLE))
    )
    assert farthest(found, expected) < 1e-4


def run_with(recur, form, alpha, beta, drive, state, weight, dtype) -> list[Tensor]:
    leaves = [tensor.to(dtype).requires_grad_() for tensor in (drive, state, weight)]
    states = recur(leaves[0], leaves[1], form, leaves[2], alpha, beta, TANH)
    return [states.detach(), *torch.autograd.grad(states.sin().sum(), leaves)]


@pytest.mark.parametrize("kind", ["haar", "rotations"])
def test_threads_change_rounding_at_most_and_equal_runs_are_equal(kind, monkeypatch):
    monkeypatch.setattr("roaf.kernels.cpu_passes.PRODUCTS", 1)
    given, form = tensors(20, 7, 40), form_of(kind, 40)
    alone = passes(cpu.recur, form, given)
    torch.set_num_threads(3)
    found, again = (passes(cpu.recur, form, given) for _ in range(2))
    assert all(map(torch.equal, found, again))
    assert farthest(found, alone) < 1e-6


def test_rows_that_lie_apart_are_read_where_they_are():
    drive, state, weight, alpha, beta, _ = tensors(6, 4, 16)
    wide = torch.randn(4, 6, 40)
    wide[..., 3:19] = drive.transpose(0, 1)
    apart = wide[..., 3:19].transpose(0, 1)
    given = (state, form_of("haar", 16), weight, alpha, beta, TANH)
    assert torch.equal(cpu.recur(apart, *given), cpu.recur(drive, *given))
    for layout in ((0, 1), (1, 2), (0, 2)):  # a gradient that is the transpose of a block
        leaf = drive.clone().requires_grad_()
        above = torch.randn(6, 4, 16).transpose(*layout).contiguous().transpose(*layout)
        (found,) = torch.autograd.grad(cpu.recur(leaf, *given), leaf, above)
        (expected,) = torch.autograd.grad(cpu.recur(leaf, *given), leaf, above.contiguous())
        assert torch.equal(found, expected)


def test_passes_that_overlap_do_not_disturb_each_other(monkeypatch):
    monkeypatch.setattr(block_pool, "SMALLEST", 1)
    _, state, weight, *_ = tensors(20, 3, 16)
    drives, form = torch.randn(2, 20, 3, 16), form_of("rotations", 16)
    weight.requires_grad_()

    def loss(drive: Tensor) -> Tensor:
        return cpu.recur(drive, state, form, weight, 0.9, 0.1, TANH).sin().sum()

    alone = [torch.autograd.grad(loss(drive), weight)[0] for drive in drives]
    losses = [loss(drive) for drive in drives]
    for one, expected in zip(losses, alone, strict=True):
        for retain in (True, False):
            found = torch.autograd.grad(one, weight, retain_graph=retain)[0]
            assert torch.equal(found, expected)


def test_a_block_is_handed_on_when_its_last_tensor_is_gone():
    size = block_pool.SMALLEST
    first = block_pool.room(size)
    view, place = first[1:].detach(), first.data_ptr()
    del first
    other = block_pool.room(size)
    assert other.data_ptr() != place
    del view
    assert block_pool.room(2, size // 2).data_ptr() == place
    assert block_pool.room(size + 1).data_ptr() not in (place, other.data_ptr())


def test_blocks_that_are_kept_stay_within_their_limit(monkeypatch):
    monkeypatch.setattr(block_pool, "LARGEST", 2 * block_pool.SMALLEST)
    held = [block_pool.room(block_pool.SMALLEST) for _ in range(4)]
    held.clear()
    assert sum(map(len, block_pool._free)) <= 2 * block_pool.SMALLEST


def test_without_a_gradient_only_the_states_are_kept(monkeypatch):
    sizes: list[int] = []
    of = block_pool.room
    monkeypatch.setattr(
        "roaf.kernels.cpu_passes.room", lambda *shape: sizes.append(shape[0]) or of(*shape)
    )
    drive, state, weight, *_ = (tensor.requires_grad_() for tensor in tensors(50, 2, 16))
    for enabled, kept in ((False, [51, 1]), (True, [51, 50])):
        sizes.clear()
        with torch.set_grad_enabled(enabled):
            cpu.recur(drive, state, form_of("haar", 16), weight, 0.9, 0.1, TANH)
        assert sizes == kept


def test_what_changed_before_backward_is_noticed():
    _, state, weight, *_ = tensors(4, 2, 16)
    weight.requires_grad_()
    for change in ("weight", "states"):
        drive = torch.zeros(4, 2, 16, requires_grad=True)
        states = cpu.recur(drive, state, form_of("haar", 16), weight, 0.9, 0.1, TANH)
        loss = states.sin().sum()
        with torch.no_grad():
            {"weight": weight, "states": states}[change].mul_(2)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_a_second_derivative_is_refused():
    drive, state, weight, *_ = tensors(4, 2, 16)
    drive.requires_grad_()
    states = cpu.recur(drive, state, form_of("haar", 16), weight, 0.9, 0.1, TANH)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(states.sin().sum(), drive, create_graph=True)


def alone(values: Tensor, name: str, *bias: Tensor) -> Tensor:
    """phi of each value."""
    hidden = values.shape[-1]
    zeros, form = torch.zeros(hidden, hidden), form_of("identity", hidden)
    settings = (torch.zeros(len(values), hidden), form, zeros, 0.0, 1.0, NONLINEARITIES[name])
    return cpu.recur(values[None], *settings, *bias)[0]


def test_tanh_is_right_to_a_few_units_in_the_last_place():
    sizes = torch.logspace(-30, 2, 1600).view(100, 16)
    for x in (sizes, -sizes):
        exact = x.double().tanh()
        assert ((alone(x, "tanh") - exact) / exact).abs().max() < 3e-7


@pytest.mark.parametrize("name", ["tanh", "relu", "modrelu"])
def test_a_run_that_diverged_stays_one_and_infinity_is_a_number(name):
    x = torch.tensor([[torch.nan, torch.inf, -torch.inf, 0.0, -0.0, 2.0, -2.0]])
    bias = [torch.full((7,), -0.5)] if name == "modrelu" else []
    torch.testing.assert_close(
        alone(x, name, *bias), NONLINEARITIES[name].function(x, *bias), equal_nan=True
    )


def problem(dtype=torch.float32, device="cpu", phi=TANH) -> Problem:
    return Problem(2, 3, 4, torch.device(device), dtype, form_of("haar", 4), 0.9, 0.1, phi)


def test_what_it_cannot_compute_gets_a_sentence():
    own = Nonlinearity(torch.sin, 1.0)
    assert cpu.refuses(problem()) is None
    assert cpu.refuses(problem(DOUBLE)) == "computes float32 only, not torch.float64"
    assert cpu.refuses(problem(device="meta")) == "computes on the CPU only, not on meta"
    assert "tanh, relu and modrelu only" in str(cpu.refuses(problem(phi=own)))
    plain, sentences = problem(), []
    torch.vmap(lambda x: sentences.append(cpu.refuses(plain)) or x)(torch.zeros(1))
    assert "not of those of torch.func and torch.vmap" in sentences[0]
    drive, state, weight, *_ = doubled(tensors(2, 3, 4))
    with pytest.raises(ValueError, match="backend 'cpu' computes float32 only"):
        cpu.recur(drive, state, form_of("haar", 4, DOUBLE), weight, 0.9, 0.1, TANH)


@pytest.fixture
def unloaded():
    """As if nothing was loaded yet; afterwards, what was."""
    for remembered in (cpu.load, cpu.warn):
        remembered.cache_clear()
    yield
    for remembered in (cpu.load, cpu.warn):
        remembered.cache_clear()


def test_without_numba_fused_takes_its_place_with_one_warning(unloaded, monkeypatch):
    monkeypatch.setitem(sys.modules, "roaf.kernels.cpu_passes", None)
    given, form = tensors(4, 2, 5), form_of("haar", 5)
    assert not cpu.pays(problem())  # without a warning
    with pytest.warns(UserWarning, match="backend 'cpu' needs numba .*; 'fused' takes its place"):
        found = passes(cpu.recur, form, given)
    assert all(map(torch.equal, found, passes(cpu.recur, form, given)))  # and no second one
    assert all(map(torch.equal, found, passes(fused.recur, form, given)))


def test_a_filter_in_double_precision_serves_every_way():
    given, exact = tensors(4, 2, 6), form_of("rotations", 6, DOUBLE)
    expected = passes(reference.recur, exact, doubled(given))
    assert farthest(passes(cpu.recur, exact, given), expected) < 3e-6
    assert farthest(passes(fused.recur, cpu.rounded(exact), given), expected) < 3e-6


def test_where_it_cannot_be_compiled_the_reason_is_told(unloaded, monkeypatch):
    def fails(name: str) -> None:
        raise AssertionError("no such processor")

    monkeypatch.setattr(cpu, "import_module", fails)
    with pytest.warns(UserWarning, match="not be compiled .AssertionError: no such processor"):
        passes(cpu.recur, form_of("haar", 5), tensors(4, 2, 5))


def half(number):
    """A program for the next test."""
    return number // 2


def test_programs_are_kept_on_disk_until_their_sources_change(tmp_path, monkeypatch):
    from numba import config, types
    from numba.core.caching import CacheImpl

    from roaf.kernels import cpu_programs

    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    hits = []
    for sources in (("a",), ("a",), ("b",)):
        monkeypatch.setattr(cpu_programs, "SOURCES", sources)
        program = cpu_programs.compiled(half, types.intp)
        hits.append(sum(program.stats.cache_hits.values()))
    assert hits == [0, 1, 0]
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])  # no folder can be written
    assert cpu_programs.compiled(half, types.intp)(6) == 3


def test_importing_roaf_does_not_import_numba():
    code = "import sys, roaf; assert not any(m in sys.modules for m in ('numba', 'llvmlite'))"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif("NUMBA_CPU_NAME" in os.environ, reason="it is the one that runs")
def test_a_processor_of_narrow_vectors_is_the_reference_too():
    """SSE2 alone on x86-64: four lanes, no product and sum in one, no gather."""
    narrow = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "every", __file__]
    outcome = subprocess.run(command, env=os.environ | narrow, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout
