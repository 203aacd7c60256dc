"""The stack by sweeps over all layers at once."""

import pytest
import torch
from torch import Tensor

from roaf import depth_schedule, random_orthogonal
from roaf.forms import Dense
from roaf.kernels import reference
from roaf.kernels.picard import BLOCK, accumulate, compose, levels
from roaf.nonlinearity import NONLINEARITIES

DOUBLE = torch.float64


def stack(width: int, depth: int, dtype: torch.dtype = DOUBLE) -> list[Tensor]:
    """x, W, b and O."""
    weight = torch.randn(depth, width, width) / width**0.5
    drawn = torch.randn(3, width), weight, torch.randn(depth, width)
    leaves = [tensor.to(dtype).requires_grad_() for tensor in drawn]
    return [*leaves, random_orthogonal(width, dtype=dtype)]


def passes(output: Tensor, *leaves: Tensor) -> list[Tensor]:
    """The output, and the gradients of some loss of it."""
    return [output.detach(), *torch.autograd.grad(output.sin().sum(), leaves)]


def errors(sweeps: int, name: str, *tensors: Tensor) -> list[float]:
    """Of the output and of each gradient, relative to the reference in float64."""
    x, weight, offset, matrix = tensors
    mixing = depth_schedule(1.0, len(weight))
    found = passes(compose(x, matrix, weight, offset, *mixing, name, sweeps), x, weight, offset)
    leaves = [leaf.detach().double().requires_grad_() for leaf in (x, weight, offset)]
    forms = [Dense(matrix.double(), matrix.double().T)] * len(weight)
    output = reference.compose(leaves[0], forms, *leaves[1:], *mixing, NONLINEARITIES[name])
    pairs = zip(found, passes(output, *leaves), strict=True)
    return [((mine - theirs).norm() / theirs.norm()).item() for mine, theirs in pairs]


@pytest.mark.parametrize("depth", [1, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK**2 + 1])
def test_blocks_of_blocks_are_the_recurrence(depth):
    matrix, terms = random_orthogonal(3, dtype=DOUBLE), torch.randn(depth, 2, 3, dtype=DOUBLE)
    x, states = torch.zeros(2, 3, dtype=DOUBLE), []
    for term in terms:
        x = 0.99 * x @ matrix.T + term
        states.append(x)
    found = accumulate(terms, levels(matrix, 0.99, depth))
    torch.testing.assert_close(found, torch.stack(states), atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_each_sweep_brings_the_output_and_all_gradients_nearer(name):
    tensors = stack(8, 300)
    worst = [max(errors(sweeps, name, *tensors)) for sweeps in (1, 2, 4, 8)]
    assert worst[0] > 20 * worst[1] > 20**3 * worst[2]
    assert worst[2] < 1e-6 and worst[3] < 1e-13


def test_as_many_sweeps_as_layers_are_exact():
    tensors = stack(4, 5)
    assert max(errors(5, "tanh", *tensors)) < 1e-13 < 1e-10 < max(errors(3, "tanh", *tensors))


def test_float32_is_as_near_as_its_rounding():
    assert max(errors(4, "tanh", *stack(8, 300, torch.float32))) < 1e-6


@pytest.mark.parametrize("alpha", [0.0, 0.2])
def test_an_alpha_that_cannot_be_inverted_gets_a_sentence(alpha):
    with pytest.raises(
        ValueError, match=f"alpha {alpha} is too small: its powers vanish within 70"
    ):
        levels(torch.eye(2), alpha, 70)
