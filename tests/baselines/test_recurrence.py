"""The recurrences without a graph give the outputs and the gradients of autograd's graph."""

from functools import partial

import pytest
import torch
from torch.autograd import gradcheck

from baselines import recurrence
from baselines.asrnn import Squashed
from baselines.modrelu import ModReLU
from baselines.modulus import ShiftedModulus
from baselines.recurrence import recur

TIME, BATCH, HIDDEN = 7, 3, 4
BIAS = torch.tensor([-0.3, -0.1, 0.1, 0.3], dtype=torch.float64)
ACTIVATIONS = {
    "tanh": (Squashed, 1, ()),
    "modrelu": (ModReLU, 1, (BIAS,)),
    "modulus": (partial(ShiftedModulus, 0.01, 0.0), 2, (BIAS,)),
    "modulus with a constant inside": (partial(ShiftedModulus, 0.01, 0.02), 2, (BIAS,)),
}
every_activation = pytest.mark.parametrize("name", ACTIVATIONS)


def problem(name):
    """What `recur` takes: the activation, and all tensors with a gradient."""
    make, parts, parameters = ACTIVATIONS[name]
    width = parts * HIDDEN
    shapes = (TIME, BATCH, width), (BATCH, width), (width, width)
    tensors = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    tensors += [parameter.clone() for parameter in parameters]
    return partial(recur, make, parts=parts), [tensor.requires_grad_() for tensor in tensors]


@every_activation
@pytest.mark.parametrize("segment", [1, 2**18])
def test_gradients_are_those_of_finite_differences_in_one_segment_and_in_many(
    name, segment, monkeypatch
):
    monkeypatch.setattr(recurrence, "SEGMENT", segment)
    run, tensors = problem(name)
    assert gradcheck(run, tensors)


@every_activation
def test_a_second_backward_pass_gives_the_same_gradients(name):
    run, tensors = problem(name)
    loss = run(*tensors).square().sum()
    first = torch.autograd.grad(loss, tensors, retain_graph=True)
    second = torch.autograd.grad(loss, tensors)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@every_activation
def test_the_inputs_are_left_as_they_were(name):
    run, tensors = problem(name)
    before = [tensor.detach().clone() for tensor in tensors]
    run(*tensors).square().sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, tensors, strict=True))


def test_writing_to_the_states_before_the_backward_pass_is_an_error():
    run, tensors = problem("modrelu")
    states = run(*tensors)
    loss = states.square().sum()
    with torch.no_grad():
        states.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_the_modulus_at_zero_has_a_gradient():
    z = torch.zeros(1, 2, 2 * HIDDEN, dtype=torch.float64, requires_grad=True)
    make = partial(ShiftedModulus, 0.01, 0.0)
    weight = torch.zeros(2 * HIDDEN, 2 * HIDDEN, dtype=torch.float64)
    states = recur(make, z, weight[:2], weight, BIAS, parts=2)
    (gradient,) = torch.autograd.grad(states.sum(), z)
    torch.testing.assert_close(gradient, (BIAS.relu() / 0.01).repeat(1, 2, 2))
