"""The exponential by matrix products, against the one of SciPy."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.autograd import gradcheck

from baselines.exponential import matrix_exponential

every_type = pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        (torch.float32, 1e-6),
        (torch.float64, 2e-15),
        (torch.complex64, 1e-6),
        (torch.complex128, 2e-15),
    ],
)


def skew(size, dtype, norm):
    """A skew-symmetric, or skew-Hermitian, matrix of that 1-norm."""
    a = torch.randn(size, size, dtype=dtype)
    a = a - a.mH
    return norm * a / torch.linalg.matrix_norm(a, 1)


@every_type
@pytest.mark.parametrize("norm", [1e-3, 0.9, 3.9, 5.0, 50.0])
def test_it_is_the_exponential_to_the_precision_of_its_type(dtype, tolerance, norm):
    a = skew(12, dtype, norm)
    expected = scipy.linalg.expm(a.numpy().astype(np.complex128))
    error = np.abs(matrix_exponential(a).numpy() - expected).max()
    assert error < max(norm, 1) * tolerance


@every_type
def test_that_of_a_skew_matrix_is_unitary_whatever_its_size(dtype, tolerance):
    w = matrix_exponential(skew(40, dtype, 200.0))
    assert (w @ w.mH - torch.eye(40)).abs().max() < 200 * tolerance


@pytest.mark.parametrize("norm", [0.5, 20.0])
def test_its_gradient_is_that_of_finite_differences(norm):
    assert gradcheck(matrix_exponential, skew(5, torch.float64, norm).requires_grad_())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none(bad):
    a = torch.zeros(3, 3)
    a[1, 0], a[0, 1] = bad, -bad
    assert matrix_exponential(a).isnan().any()
