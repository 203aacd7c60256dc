"""Stacked models: in float64 each member is what the reference gives of it alone."""

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from roaf import Nonlinearity, RoaMLP, RoaRNN
from roaf.kernels import members
from roaf.orthogonal import FILTERS

MEMBERS = 3
NUMBERS = {"alpha": 0.9, "beta": 0.3}


def stacked(models, inputs):
    """(the outputs of all members in one call, the stacked parameters)."""
    numbers = stack_module_state(models)
    call = vmap(lambda own, x: functional_call(models[0], own, (x,)))
    return call(numbers, inputs), numbers[0]


def assert_each_is_what_it_is_alone(models, inputs, first=lambda outputs: outputs):
    """Outputs, and the gradients of every parameter and of the inputs."""
    inputs.requires_grad_()
    outputs, parameters = stacked(models, inputs)
    weights = torch.randn_like(first(outputs))
    (first(outputs) * weights).sum().backward()
    for k, model in enumerate(models):
        x = inputs[k].detach().requires_grad_()
        own = first(model(x))
        (own * weights[k]).sum().backward()
        torch.testing.assert_close(first(outputs)[k], own, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(inputs.grad[k], x.grad, rtol=1e-11, atol=1e-12)
        for name, parameter in model.named_parameters():
            found = parameters[name].grad[k]
            torch.testing.assert_close(found, parameter.grad, rtol=1e-11, atol=1e-12)


def recurrent(seed, size=7, filter="haar", **changes):
    generator = torch.Generator().manual_seed(seed)
    settings = {**NUMBERS, "backend": "fused", "generator": generator, **changes}
    return RoaRNN(2, size, filter=filter, **settings).double()


@pytest.mark.parametrize("filter", FILTERS)
def test_time_is_equal_with_a_filter_and_weights_a_member(filter):
    models = [recurrent(seed, 8 if filter == "hadamard" else 7, filter) for seed in range(MEMBERS)]
    x = torch.randn(MEMBERS, 5, 11, 2, dtype=torch.float64)
    assert_each_is_what_it_is_alone(models, x, first=lambda outputs: outputs[0])


@pytest.mark.parametrize("nonlinearity", ["relu", "modrelu", Nonlinearity(torch.sin, 1.0)])
def test_time_is_equal_whatever_phi_is(nonlinearity):
    changes = {"nonlinearity": nonlinearity, "backend": "auto"}
    models = [recurrent(seed, **changes) for seed in range(MEMBERS)]
    x = torch.randn(MEMBERS, 4, 6, 2, dtype=torch.float64)
    assert_each_is_what_it_is_alone(models, x, first=lambda outputs: outputs[0])


def test_a_first_state_of_each_member_gets_its_gradient():
    models = [recurrent(seed) for seed in range(MEMBERS)]
    x = torch.randn(MEMBERS, 4, 6, 2, dtype=torch.float64)
    h = torch.randn(MEMBERS, 1, 4, 7, dtype=torch.float64, requires_grad=True)
    call = vmap(lambda own, x, h: functional_call(models[0], own, (x, h))[1])
    call(stack_module_state(models), x, h).square().sum().backward()
    for k, model in enumerate(models):
        own = h[k].detach().requires_grad_()
        model(x[k], own)[1].square().sum().backward()
        torch.testing.assert_close(h.grad[k], own.grad, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("shared", [True, False])
def test_depth_is_equal_with_a_filter_and_weights_a_member(filter, shared):
    models = []
    for seed in range(MEMBERS):
        generator = torch.Generator().manual_seed(seed)
        own = {"filter": filter, "shared_filter": shared, "generator": generator}
        models.append(RoaMLP(8, 6, **NUMBERS, **own).double())
    x = torch.randn(MEMBERS, 5, 8, dtype=torch.float64)
    assert_each_is_what_it_is_alone(models, x)


def test_a_member_that_is_not_a_number_does_not_reach_the_others():
    models = [recurrent(seed) for seed in range(MEMBERS)]
    with torch.no_grad():
        models[1].weight_hh.fill_(float("nan"))
    x = torch.randn(MEMBERS, 4, 6, 2, dtype=torch.float64)
    outputs, parameters = stacked(models, x)
    outputs[0].sum().backward()
    finite = [parameters["weight_hh"].grad[k].isfinite().all().item() for k in range(MEMBERS)]
    assert finite == [True, False, True]


def test_the_kernel_alone_computes_nothing_outside_vmap():
    assert not members.are_stacked()
    model = recurrent(0)
    drive = torch.randn(3, 2, 7, dtype=torch.float64)
    with pytest.raises(RuntimeError, match=r"computes stacked models, under torch\.vmap alone"):
        members.recur(drive, drive[0], *model._layer(""))
