"""The stacked batch normalisation is torch's, and only `forward` moves its running statistics."""

import pytest
import torch
from torch import nn

from baselines import batchnorm

DOUBLE = torch.float64


def through(stack, x):
    for normalise in stack.layers():
        x = normalise(x)
    return x


def test_outputs_and_running_statistics_are_those_of_torch():
    stack = batchnorm.BatchNormStack(5, 3).double()
    theirs = nn.Sequential(*(nn.BatchNorm1d(5) for _ in range(3))).double()
    batches = 3 * torch.randn(4, 7, 5, dtype=DOUBLE) + 1
    for x in batches:
        assert torch.equal(through(stack, x), theirs(x))
    for name, buffer in stack.named_buffers():
        assert torch.equal(buffer, torch.stack([getattr(layer, name) for layer in theirs]))
    assert torch.equal(through(stack.eval(), batches[0]), theirs.eval()(batches[0]))


def test_a_step_leaves_the_running_statistics_alone():
    body, x = batchnorm.BatchNormMLP(4, 3), torch.randn(6, 4)
    kept = {name: buffer.clone() for name, buffer in body.named_buffers()}
    state = x
    for layer in range(3):
        state = body.step(state, layer)
    assert all(torch.equal(buffer, kept[name]) for name, buffer in body.named_buffers())
    body(x)
    assert all((buffer != kept[name]).all() for name, buffer in body.named_buffers())


def test_in_evaluation_samples_do_not_meet_and_nothing_moves():
    body, x = batchnorm.BatchNormMLP(4, 3).double(), torch.randn(6, 4, dtype=DOUBLE)
    body(x)
    kept = {name: buffer.clone() for name, buffer in body.named_buffers()}
    torch.testing.assert_close(body.eval()(x)[:1], body(x[:1]), rtol=1e-10, atol=1e-12)
    assert all(torch.equal(buffer, kept[name]) for name, buffer in body.named_buffers())


def test_a_single_sample_has_no_batch_statistics():
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        batchnorm.BatchNormMLP(4, 3)(torch.randn(1, 4))
