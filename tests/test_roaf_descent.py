"""Adam inside the backward pass is Adam."""

import copy

import pytest
import torch

from roaf import AdamInBackward
from tests.stacks import generator, gradients, stack


@pytest.mark.parametrize("memory", ["full", "sqrt", "recompute"])
def test_adam_in_backward_is_adam(memory, short_segments):
    deep = stack(6, 20, memory)
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), deep)
    expected = copy.deepcopy(model)
    theirs = torch.optim.Adam(expected.parameters(), lr=1e-2, eps=1e-12)
    ours = AdamInBackward(model, lr=1e-2)
    for update in range(20):
        for net, optimiser in ((expected, theirs), (model, ours)):
            optimiser.param_groups[0]["lr"] = 1e-2 / (1 + update)
            optimiser.zero_grad()
            net(torch.randn(8, 6, generator=generator(update))).sin().sum().backward()
            optimiser.step()
    assert deep.weight.grad is None
    for mine, other in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-6, rtol=0)
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert ours.state[deep.weight]["step"] == 20


def test_a_second_backward_pass_before_the_step_is_refused():
    model = stack(4, 10)
    optimiser = AdamInBackward(model)
    model(torch.ones(2, 4)).sum().backward()
    with pytest.raises(RuntimeError, match=r"allowed: one backward pass through it for each step"):
        model(torch.ones(2, 4)).sum().backward()
    optimiser.step()
    model(torch.ones(2, 4)).sum().backward()


def test_a_gradient_that_came_another_way_is_refused():
    deep = stack(4, 20)
    optimiser = AdamInBackward(deep)
    (deep(torch.randn(2, 4)).sum() + deep.weight.sum()).backward()
    with pytest.raises(RuntimeError, match="did not come through its layers"):
        optimiser.step()


def test_a_closure_is_run_before_its_gradients_are_looked_at():
    deep = stack(4, 20)
    optimiser, before = AdamInBackward(deep), deep.weight.detach().clone()

    def closure(penalty):
        loss = deep(torch.ones(2, 4)).sum() + (deep.weight.sum() if penalty else 0)
        loss.backward()
        return loss

    assert optimiser.step(lambda: closure(penalty=False)).requires_grad
    assert not torch.equal(deep.weight, before)
    with pytest.raises(RuntimeError, match="did not come through its layers"):
        optimiser.step(lambda: closure(penalty=True))


def test_a_copy_of_a_model_is_not_trained_with_it():
    model = stack(4, 10)
    AdamInBackward(model)
    copied = copy.deepcopy(model)
    gradients(copied)
    assert copied.weight.grad is not None
    assert torch.equal(copied.weight, model.weight)
