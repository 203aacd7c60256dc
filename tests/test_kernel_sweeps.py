"""What the sweeps over time rest on: powers of O, its planes, the bound of the error."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from roaf import random_orthogonal
from roaf.kernels.changes import Followed
from roaf.kernels.chunks import BLOCK, scan
from roaf.kernels.eigenbasis import eigenbasis
from roaf.kernels.powers import powers
from roaf.kernels.sweeps import Bound, Precision, settle, spectral_norm
from roaf.orthogonal import FILTERS, draw_filter, structured

DOUBLE = torch.float64
EXACT = Precision(DOUBLE, 0.0, 1e-12)


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("turned", [False, True])
def test_every_filter_is_applied_to_each_of_its_powers(kind, turned):
    size, longest = 12, 9
    form = structured(kind, draw_filter(size, kind, None), size, DOUBLE)
    matrix, found = form.dense(), powers(form, longest)
    if turned:
        matrix, found = matrix.T, found.turned()
    basis = torch.eye(size, dtype=DOUBLE) if found.basis is None else found.basis
    rows = torch.randn(longest, 2, size, dtype=DOUBLE)
    for way, one in ((found.forth, matrix), (found.back, matrix.T)):
        expected = torch.stack([row @ one.matrix_power(t).T for t, row in enumerate(rows)])
        torch.testing.assert_close(way.times(rows @ basis) @ basis.T, expected, atol=1e-11, rtol=0)


@pytest.mark.parametrize("alpha", [0.0, 0.9, 1.0, 1.1])
@pytest.mark.parametrize("length", [1, BLOCK, 2 * BLOCK + 3])
def test_the_sum_over_a_chunk_is_the_linear_recurrence(alpha, length):
    form = structured("rotations", draw_filter(7, "rotations", None), 7, DOUBLE)
    terms, x, expected = torch.randn(length, 2, 7, dtype=DOUBLE), torch.zeros(2, 7), []
    for term in terms:
        x = alpha * form.times(x) + term
        expected.append(x)
    found = scan(powers(form, length), alpha, terms).times(terms)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-10, atol=1e-12)


def block_diagonal(*signs: float) -> Tensor:
    """A dense O with coinciding eigenvalues: equal planes, and these on the diagonal."""
    plane = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=DOUBLE)
    own = torch.block_diag(plane, plane, plane, torch.diag(torch.tensor(signs, dtype=DOUBLE)))
    basis = random_orthogonal(len(own), dtype=DOUBLE)
    return basis @ own @ basis.T


CASES = {
    "haar": random_orthogonal(40, dtype=DOUBLE),
    "odd": random_orthogonal(41, dtype=DOUBLE),
    "permutation": random_orthogonal(30, "permutation", dtype=DOUBLE),
    "identity": torch.eye(5, dtype=DOUBLE),
    "minus one": -torch.eye(4, dtype=DOUBLE),
    "one": torch.ones(1, 1, dtype=DOUBLE),
    "coinciding": block_diagonal(1, 1, -1, -1, -1),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [DOUBLE, torch.float32])
def test_the_planes_and_lines_of_an_orthogonal_matrix(name, dtype):
    matrix = CASES[name].to(dtype)
    precise = 1e-10 if dtype == DOUBLE else 2e-7
    found = eigenbasis(matrix)
    basis, turns = found.basis, found.planes
    torch.testing.assert_close(
        basis.T @ basis, torch.eye(len(basis), dtype=DOUBLE), atol=precise, rtol=0
    )
    cosine, sine = torch.diag(turns.real), torch.diag(turns.imag)
    planes = torch.cat([torch.cat([cosine, sine], 1), torch.cat([-sine, cosine], 1)])
    own = torch.block_diag(planes, torch.diag(found.lines))

    torch.testing.assert_close(basis @ own @ basis.T, matrix.double(), atol=precise, rtol=0)
    assert eigenbasis(matrix.clone()) is found


def test_a_matrix_that_changes_in_place_has_another_basis():
    matrix = random_orthogonal(6, dtype=DOUBLE)
    before = eigenbasis(matrix)
    matrix.copy_(matrix.T.clone())
    after = eigenbasis(matrix)
    torch.testing.assert_close(
        after.planes.imag.abs().sort().values, before.planes.imag.sort().values
    )
    assert after is not before


def test_a_matrix_that_is_not_orthogonal_gets_a_sentence():
    with pytest.raises(ValueError, match="not orthogonal; allowed: an orthogonal matrix"):
        eigenbasis(2 * torch.eye(3))


def iterates(alpha: float, weight: Tensor, drive: Tensor, count: int) -> list[Tensor]:
    """The states of so many sweeps from zero: h_t = alpha h_{t-1} + tanh(W h_{t-1} + drive_t)."""
    states, found = torch.zeros_like(drive), []
    for _ in range(count):
        before = torch.cat([torch.zeros_like(states[:1]), states[:-1]])
        states = torch.tanh(before @ weight.T + drive)
        for t in range(1, len(states)):
            states[t] += alpha * states[t - 1]
        found.append(states)
    return found


@pytest.mark.parametrize("alpha", [0.5, 0.95, 1.0, 1.05])
@pytest.mark.parametrize("gain", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("size", [4, 30])
def test_the_error_of_a_sweep_is_within_reach_of_its_change(alpha, gain, size):
    weight = gain * random_orthogonal(5, dtype=DOUBLE)
    drive = 0.1 * torch.randn(size, 1, 5, dtype=DOUBLE)
    bound = Bound(alpha, gain, size, size, EXACT)
    found = iterates(alpha, weight, drive, size + 1)  # so many are exact
    for before, after in pairwise(found[:-1]):
        error, change = ((x - after).norm(dim=-1).max() for x in (found[-1], before))
        assert error <= bound.reach * change + 1e-12


def test_the_bound_is_near_where_all_steps_add_up():
    drive = torch.zeros(200, 1, 1, dtype=DOUBLE)
    drive[0] = 1e-6  # after which the first sweep from zero moves all states by the same
    first, *_, last = iterates(1.0, torch.tensor([[0.005]], dtype=DOUBLE), drive, 30)
    error, change = ((x - first).abs().max().item() for x in (last, 0))
    assert 0.95 < error / change / Bound(1.0, 0.005, 200, 200, EXACT).reach < 1


def test_a_sweep_multiplies_exactly_once_what_is_left_is_small():
    product, asked = Followed(torch.tensor([[0.1]]), torch.tensor([[0.101]])), []

    def sweep(x: Tensor, exact: bool) -> Tensor:
        asked.append(exact)
        return 1 + product.product(x, exact)

    low = Precision(torch.float32, 0.01, 1e-4)
    states, count = settle(sweep, torch.ones(1, 1, 1), Bound(0.0, 0.5, 1, 1, low), 16)
    assert count == len(asked) and asked[0] is False and asked.count(True) == 1
    assert states.item() == pytest.approx(1 / 0.9, rel=1e-4)
    assert states.item() != pytest.approx(1 / (1 - 0.101), rel=1e-4)


def test_a_product_in_bfloat16_that_follows_errs_by_the_change_alone():
    matrix, x = torch.randn(64, 64), torch.randn(10, 1, 64)
    moved = x + 1e-3 * torch.randn_like(x)
    followed = Followed(matrix, matrix.bfloat16())
    first = (followed.product(x, False) - x @ matrix).norm() / (x @ matrix).norm()
    followed.product(x, True)
    later = (followed.product(moved, False) - moved @ matrix).norm() / (moved @ matrix).norm()
    assert 1e-3 < first < 2**-7 and later < 1e-5


@pytest.mark.parametrize("rank", [1, 200])
def test_the_spectral_norm_is_not_taken_for_smaller(rank):
    matrix = torch.randn(200, rank) @ torch.randn(rank, 200) if rank == 1 else torch.randn(200, 200)
    true = torch.linalg.matrix_norm(matrix, 2).item()
    assert 0.97 * true < spectral_norm(matrix) < 1.3 * true
    assert spectral_norm(torch.zeros(3, 3)) == 0
