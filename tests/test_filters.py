"""The filters: orthogonal, of the law they claim, and each form equal to its matrix."""

import math

import pytest
import torch
from scipy.stats import kstest

from roaf import RoaRNN, random_orthogonal
from roaf.hadamard import hadamard_factors
from roaf.orthogonal import (
    FILTERS,
    draw_filter,
    fastest,
    structured,
)
from roaf.precision import INHERITED, ONE_SETTING, exact_setting, is_lowered, write_setting

DOUBLE = torch.float64
KINDS = sorted(FILTERS)
CASES = [(kind, size) for kind in FILTERS if kind != "hadamard" for size in (1, 2, 7, 64)]
CASES += [("hadamard", size) for size in (1, 2, 4, 12, 20, 24, 64, 96)]
DENSE = ("haar", "uniform_qr", "mixed_rotations")
STRUCTURED = [(kind, size) for kind, size in CASES if kind not in DENSE]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(kind: str, size: int, seed: int = 0, dtype: torch.dtype = DOUBLE):
    """The filter in the form of its kind."""
    return structured(kind, draw_filter(size, kind, generator(seed)), size, dtype)


@pytest.mark.parametrize("kind, size", CASES)
@pytest.mark.parametrize("dtype, error", [(torch.float32, 1e-6), (DOUBLE, 1e-12)])
def test_every_filter_is_orthogonal_and_drawn_by_its_generator(kind, size, dtype, error):
    first = random_orthogonal(size, kind, generator=generator(), dtype=dtype)
    again = random_orthogonal(size, kind, generator=generator(), dtype=dtype)
    assert torch.equal(first, again)
    assert first.dtype == dtype
    product_with_itself = first.double().T @ first.double()
    torch.testing.assert_close(product_with_itself, torch.eye(size).double(), atol=error, rtol=0)


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"cycle", "identity"}))
def test_another_seed_draws_another_filter(kind):
    first, second = (random_orthogonal(64, kind, generator=generator(seed)) for seed in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("kind, size", CASES)
def test_the_form_of_a_filter_is_its_matrix_both_ways(kind, size):
    form, matrix = (
        drawn(kind, size),
        random_orthogonal(size, kind, generator=generator(), dtype=DOUBLE),
    )
    x, y = (torch.randn(3, 2, size, dtype=DOUBLE, generator=generator(s)) for s in (1, 2))
    alpha = torch.rand(size, dtype=DOUBLE, generator=generator(3))
    close = {"atol": 1e-13, "rtol": 0}
    torch.testing.assert_close(form.times(x), x @ matrix.T, **close)
    torch.testing.assert_close(form.turned().times(x), x @ matrix, **close)
    torch.testing.assert_close(form.scaled(alpha).times(x), alpha * (x @ matrix.T), **close)
    torch.testing.assert_close(form.scaled(alpha).turned().times(x), (alpha * x) @ matrix, **close)
    x, y = x[:, 0], y[:, 0]
    out, target = torch.empty_like(x), y.clone()
    form.mix(y, x, 0.7, 0.3, out)
    torch.testing.assert_close(out, 0.7 * x @ matrix.T + 0.3 * y, **close)
    form.turned().add(target, x)
    torch.testing.assert_close(target, y + x @ matrix, **close)


@pytest.mark.parametrize("kind, size", STRUCTURED)
def test_a_small_structured_filter_is_applied_as_its_matrix(kind, size):
    numbers = draw_filter(size, kind, generator())
    matrix = fastest(kind, numbers, size, DOUBLE).dense()
    assert torch.equal(matrix, drawn(kind, size).dense())


@pytest.mark.parametrize("kind", sorted({*KINDS} - {*DENSE}))
def test_no_structured_filter_keeps_a_matrix(kind):
    assert draw_filter(64, kind, generator()).numel() <= 2 * 64


def test_haar_has_the_moments_of_the_orthogonal_group():
    # E tr O = 0, E (tr O)^2 = 1 and E tr O^2 = 1 at any size (Diaconis & Shahshahani), det = +-1
    # equally often
    draw = generator(1)
    draws = torch.stack([random_orthogonal(6, generator=draw, dtype=DOUBLE) for _ in range(4000)])
    traces = draws.diagonal(dim1=1, dim2=2).sum(1)
    squares = (draws @ draws).diagonal(dim1=1, dim2=2).sum(1)
    assert abs(traces.mean()) < 0.08
    assert abs(traces.var() - 1) < 0.12
    assert abs(squares.mean() - 1) < 0.1
    assert abs((torch.linalg.det(draws) > 0).double().mean() - 0.5) < 0.04


def positive(kind: str, size: int, count: int) -> torch.Tensor:
    """Draws with determinant +1."""
    draw = generator(2)
    draws = [random_orthogonal(size, kind, generator=draw, dtype=DOUBLE) for _ in range(count)]
    return torch.stack([o for o in draws if torch.linalg.det(o) > 0])


def cosines(rotations: torch.Tensor) -> torch.Tensor:
    """cos a and cos b of the eigenangles a and b of each rotation in four dimensions."""
    return torch.linalg.eigvals(rotations).real.sort(dim=1).values[:, ::2]


def test_haar_eigenangles_have_the_density_and_the_repulsion_of_weyl():
    # Weyl's formula for det = +1: at size 2 the angle is uniform; at size 4 two angles have the
    # density (cos a - cos b)^2 / pi^2 on (0, pi)^2, so each has (1/2 + cos^2 a) / pi, and they
    # repel: E (cos a - cos b)^2 = 9/4, where independent angles of that density have 5/4
    planes = torch.linalg.eigvals(positive("haar", 2, 2000)).angle().abs()[:, 0]
    assert kstest(planes.numpy() / math.pi, "uniform").pvalue > 0.01
    found = cosines(positive("haar", 4, 3000))
    either = torch.acos(found[torch.arange(len(found)), torch.arange(len(found)) % 2])
    law = (either + torch.sin(2 * either) / 4) / math.pi
    assert kstest(law.numpy(), "uniform").pvalue > 0.01
    assert abs((found[:, 0] - found[:, 1]).square().mean() - 9 / 4) < 0.12


def test_rotations_have_uniform_eigenangles_that_do_not_repel():
    found = cosines(positive("rotations", 4, 2000))
    assert len(found) == 2000
    assert abs((found[:, 0] - found[:, 1]).square().mean() - 1) < 0.1


def test_the_eigenangles_and_the_axes_of_a_filter_are_chosen_apart():
    def spectrum(kind: str, size: int, seed: int):
        matrix = random_orthogonal(size, kind, generator=generator(seed), dtype=DOUBLE)
        return torch.linalg.eigvals(matrix).angle().sort().values

    for size in (64, 65):
        mixed, plain = (spectrum(kind, size, 3) for kind in ("mixed_rotations", "rotations"))
        torch.testing.assert_close(mixed, plain, atol=1e-10, rtol=0)
    mixed = random_orthogonal(64, "mixed_rotations", generator=generator())
    assert mixed.abs().gt(1e-3).double().mean() > 0.9
    found = cosines(positive("haar_rotations", 4, 3000))
    assert len(found) == 3000
    assert abs((found[:, 0] - found[:, 1]).square().mean() - 9 / 4) < 0.12


def test_reflections_keep_half_of_all_directions_and_turn_the_others_round():
    mirror = random_orthogonal(64, "reflections", generator=generator(), dtype=DOUBLE)
    torch.testing.assert_close(mirror, mirror.T, atol=0, rtol=0)
    values = torch.linalg.eigvalsh(mirror)
    signs = torch.cat([-torch.ones(32), torch.ones(32)]).double()
    torch.testing.assert_close(values, signs, atol=1e-12, rtol=0)
    doubled = draw_filter(20_000, "reflections", generator())[:, 0] / (2 * math.pi)
    assert kstest(doubled.numpy(), "uniform").pvalue > 0.01


def test_uniform_qr_is_not_haar_its_determinant_never_changes_sign():
    draw = generator(3)
    draws = [random_orthogonal(6, "uniform_qr", generator=draw, dtype=DOUBLE) for _ in range(50)]
    assert len({round(torch.linalg.det(o).item()) for o in draws}) == 1


@pytest.mark.parametrize("kind, mean", [("permutation", 1.0), ("signed_permutation", 0.0)])
def test_a_random_permutation_has_one_fixed_point_on_average(kind, mean):
    draw = generator(4)
    traces = torch.stack([random_orthogonal(9, kind, generator=draw).trace() for _ in range(4000)])
    assert abs(traces.mean() - mean) < 0.08
    assert abs(traces.var() - 1) < 0.12


def test_what_each_structured_filter_does_to_the_units():
    x = torch.arange(1.0, 6.0, dtype=DOUBLE)
    turned = drawn("rotations", 5).times(x)
    lengths = torch.stack([torch.hypot(turned[0], turned[2]), torch.hypot(turned[1], turned[3])])
    torch.testing.assert_close(lengths.square(), torch.tensor([10.0, 20.0], dtype=DOUBLE))
    assert turned[4] == 5
    assert not torch.equal(turned[:4], x[:4])
    assert drawn("cycle", 5).times(x).tolist() == [5, 1, 2, 3, 4]
    assert drawn("identity", 5).times(x).tolist() == [1, 2, 3, 4, 5]
    assert sorted(drawn("permutation", 5).times(x).tolist()) == [1, 2, 3, 4, 5]
    signed = drawn("signed_permutation", 5, seed=2).times(x)
    assert sorted(signed.abs().tolist()) == [1, 2, 3, 4, 5]
    assert signed.min() < 0 < signed.max()


@pytest.mark.parametrize("size", [4, 8, 12, 20, 44, 48])
def test_a_hadamard_matrix_has_orthogonal_rows_of_signs(size):
    matrix = torch.ones(1, 1, dtype=DOUBLE)
    for factor in hadamard_factors(size):
        matrix = torch.kron(matrix, factor)
    assert matrix.abs().eq(1).all()
    assert torch.equal(matrix @ matrix.T, size * torch.eye(size, dtype=DOUBLE))
    drawn_signs = matrix * random_orthogonal(size, "hadamard", generator=generator(), dtype=DOUBLE)
    rows = drawn_signs * math.sqrt(size)
    torch.testing.assert_close(rows, rows[:1].round().expand_as(rows), atol=1e-14, rtol=0)
    assert rows[0].min() < 0 < rows[0].max()


@pytest.mark.parametrize("size, nearest", [(3, "2 and 4"), (28, "24 and 32"), (100, "96 and 104")])
def test_a_size_without_a_hadamard_matrix_names_the_nearest(size, nearest):
    with pytest.raises(ValueError, match=f"size {size} is unknown; nearest: {nearest}"):
        random_orthogonal(size, "hadamard")


def test_a_filter_rounded_to_bfloat16_is_no_isometry_over_ten_thousand_steps():
    exact = random_orthogonal(128, generator=generator(), dtype=DOUBLE)
    gains = [
        torch.linalg.svdvals(torch.linalg.matrix_power(o.double(), 10_000))
        for o in (exact.float(), exact.bfloat16())
    ]
    torch.testing.assert_close(gains[0], torch.ones(128, dtype=DOUBLE), atol=1e-2, rtol=0)
    assert gains[1].max() > 5
    assert gains[1].min() < 1 / 5


@pytest.fixture
def lowered():
    """torch is told that it may round float32 products: on a GPU to TF32, on a CPU to bfloat16."""
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_the_users_rounding_is_off_for_the_filter_and_on_again_after_it(lowered, kind):
    assert is_lowered(kind)
    with pytest.raises(KeyError), exact_setting(kind):
        assert not is_lowered(kind)
        raise KeyError
    assert is_lowered(kind)
    assert torch.get_float32_matmul_precision() == "medium"


@pytest.fixture
def inherited():
    """The same for everything at once, which the setting of products inherits."""
    if ONE_SETTING:
        pytest.skip("this torch has one setting for all")
    for kind in ("cpu", "cuda"):
        write_setting(kind, INHERITED)
    torch.backends.fp32_precision = "tf32"
    yield
    torch.backends.fp32_precision = "none"


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_an_inherited_rounding_is_inherited_again(inherited, kind):
    assert is_lowered(kind)
    with exact_setting(kind):
        assert not is_lowered(kind)
    assert is_lowered(kind)
    torch.backends.fp32_precision = "ieee"
    assert not is_lowered(kind)


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, needs_cuda])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("backend", ["reference", "fused"])
@pytest.mark.parametrize("kind", ["haar", "hadamard"])
def test_the_users_rounding_reaches_no_state_and_no_gradient(lowered, kind, backend, device):
    # rounded to bfloat16, as a CPU with the instructions does, one product is off by 1e-3
    size = 1024 if kind == "hadamard" else 128
    settings = {"alpha": 1.0, "beta": 0.0, "filter": kind, "backend": backend}
    model = RoaRNN(1, size, **settings, generator=generator()).to(device)
    h = torch.randn(1, 4, size, generator=generator(1)).to(device).requires_grad_()
    _, last = model(torch.zeros(4, 3, 1, device=device), h)
    last.backward(torch.ones_like(last))
    power = torch.linalg.matrix_power(model.double().orthogonal_matrix(), 3)
    close = {"atol": 1e-5, "rtol": 0}
    torch.testing.assert_close(last[0].double(), h[0].double() @ power.T, **close)
    ones = torch.ones_like(h[0], dtype=DOUBLE)
    torch.testing.assert_close(h.grad[0].double(), ones @ power, **close)
