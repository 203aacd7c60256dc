"""RoaMLP at a thousand layers and more: what is kept, and what is found again."""

import copy

import pytest
import torch

from roaf import Learned, RoaMLP
from roaf.contraction import contraction, sweeps_needed
from roaf.kernels.layers import segment_size
from tests.stacks import DOUBLE, farthest, generator, gradients, stack

LEARNED = {
    "alpha": Learned(0.9, 1.0, 0.99, per_unit=True),
    "beta": Learned(0.0, 0.02, per_unit=True),
}
VARIANTS = {
    "numbers": {},
    "learned": LEARNED,
    "one filter a layer": {"shared_filter": False, "filter": "rotations"} | LEARNED,
    "large permutation": {"filter": "signed_permutation", "width": 130, "depth": 70} | LEARNED,
    "relu": {"nonlinearity": "relu"},
    "without bias": {"bias": False, "alpha": torch.linspace(0.98, 1, 150)[:, None]},
}


@pytest.mark.parametrize("memory", ["full", "sqrt", "recompute"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_way_over_many_segments_is_the_reference(variant, memory):
    settings = {"width": 5, "depth": 150} | VARIANTS[variant]
    expected = gradients(stack(**settings, backend="reference").double())
    assert farthest(gradients(stack(**settings, memory=memory).double()), expected) < 1e-11


def test_modrelu_is_computed_again_to_the_last_bit():
    models = [stack(5, 150, memory, nonlinearity="modrelu") for memory in ("full", "sqrt")]
    for model in models:
        torch.nn.init.uniform_(model.phi_bias, -0.3, 0.3, generator=generator(5))
    assert all(map(torch.equal, *map(gradients, models)))


def test_at_a_thousand_layers_sqrt_is_full_and_recompute_is_nearly():
    full, sqrt, recompute = (gradients(stack(16, 1000, m)) for m in ("full", "sqrt", "recompute"))
    assert all(map(torch.equal, sqrt, full))
    assert farthest(recompute, full) < 1e-4


def kept(model: RoaMLP) -> int:
    """The numbers that autograd keeps beside the parameters, in states of (batch, width)."""
    sizes: list[int] = []
    own = {parameter.data_ptr() for parameter in model.parameters()}
    count = lambda t: sizes.append(0 if t.data_ptr() in own else t.numel())  # noqa: E731
    with torch.autograd.graph.saved_tensors_hooks(count, lambda _: None):
        model(torch.randn(3, model.width))
    return sum(sizes) // (3 * model.width)


def test_each_way_keeps_as_many_states_as_it_says():
    ends, segments = 2, 3  # the first and the last state; 64 + 64 + 22 layers
    full = stack(2, 150)
    assert kept(full) == ends  # beside them the workspace
    assert full._workspace.nbytes == (2 * 150 + segments) * 3 * 2 * 4
    assert kept(stack(2, 150, "sqrt")) == segments + ends
    assert kept(stack(2, 150, "recompute")) == ends
    assert kept(stack(2, 150).requires_grad_(False)) == 0
    assert segment_size(10_001) == 101


def test_what_is_frozen_gets_no_gradient_and_the_rest_the_same():
    whole, part = stack(4, 100), stack(4, 100)
    part.weight.requires_grad_(False)
    x_and_weight_and_bias, x_and_bias = gradients(whole), gradients(part)
    assert part.weight.grad is None
    assert torch.equal(x_and_bias[0], x_and_weight_and_bias[0])
    assert torch.equal(x_and_bias[1], x_and_weight_and_bias[2])


@pytest.mark.parametrize("memory", ["full", "sqrt", "recompute"])
def test_passes_that_overlap_do_not_disturb_each_other(memory, short_segments):
    model, x = stack(4, 20, memory), torch.randn(2, 3, 4)
    alone = [torch.autograd.grad(model(rows).sin().sum(), model.weight)[0] for rows in x]
    losses = [model(rows).sin().sum() for rows in x]
    for loss, expected in zip(losses, alone, strict=True):
        for retain in (True, False):
            found = torch.autograd.grad(loss, model.weight, retain_graph=retain)[0]
            assert torch.equal(found, expected)


def test_a_loss_that_is_kept_alive_does_not_change_training():
    trained = []
    for keep in (True, False):
        model, losses = stack(4, 100), []
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            loss = model(torch.ones(2, 4)).square().sum()
            losses += [loss] if keep else []
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        trained.append(model.weight)
    assert torch.equal(*trained)


@pytest.mark.parametrize("memory", ["full", "sqrt", "recompute"])
def test_weights_that_changed_before_backward_are_noticed(memory):
    model = stack(4, 100, memory)
    loss = model(torch.ones(2, 4)).sum()
    with torch.no_grad():
        model.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_layer_too_steep_to_invert_is_named_once_and_sqrt_takes_over():
    full, model = stack(4, 100), stack(4, 100, "recompute")
    for each in (full, model):
        with torch.no_grad():
            each.weight[37] *= 200
    with pytest.warns(UserWarning, match=r"layer 37 has q = .* = [1-9]\S*, above 0\.9"):
        found = gradients(model)
    assert all(map(torch.equal, found, gradients(full)))
    model(torch.ones(2, 4))  # without a second warning


def test_a_stack_that_forgets_its_input_cannot_find_it_again():
    with pytest.warns(UserWarning, match=r"gradient by a factor of about 10\^-45"):
        model = stack(4, 1000, "recompute", alpha=0.9, beta=0.1)
    loss = model(torch.ones(2, 4)).sum()
    with pytest.warns(UserWarning, match="missed the input by over 1%"):
        loss.backward()


def test_the_contraction_is_bounded_from_above_and_its_sweeps_have_their_closed_form():
    weight = torch.randn(3, 6, 6, generator=generator(2))
    weight[1] *= 30
    alpha, beta = torch.rand(3, 6) + 0.5, torch.rand(3, 6) * 0.2
    for a, b in ((alpha, beta), (0.9, 0.1)):
        column = (b / a)[..., None] if torch.is_tensor(b) else b / a
        exact = 2.0 * torch.linalg.matrix_norm((column * weight).double(), ord=2)
        bounds = contraction(weight, a, b, lipschitz=2.0)
        assert (exact <= bounds).all()
        assert bounds[1].item() == pytest.approx(exact[1].item(), rel=1e-3)
    # 0.1^14 / 0.9 = 1.1e-14 is the first power below 100 eps = 2.2e-14
    assert sweeps_needed(torch.tensor([0.0, 1e-20, 0.1], dtype=DOUBLE), DOUBLE) == (1, 1, 14)


def test_a_pass_takes_over_the_room_of_the_last_one_when_that_is_done():
    model, x = stack(4, 20), torch.randn(3, 4)
    places = []
    for _ in range(3):
        loss = model(x).sum()  # the last loss, and its graph, are still there
        places.append(model._workspace._rooms[0][0].data_ptr())
        loss.backward()
    assert len(set(places)) == 1
    held = model._workspace.nbytes
    assert held == (2 * 20 + 1) * 3 * 4 * 4  # 20 values, 21 states
    for _ in range(2):  # one is forgotten without a backward pass
        model(x)
    assert model._workspace.nbytes == held
    assert copy.deepcopy(model)._workspace is None


def test_a_second_backward_pass_is_right_even_if_its_room_was_taken_over(short_segments):
    model, x = stack(4, 20), torch.randn(2, 3, 4)
    loss = model(x[0]).sin().sum()
    (first,) = torch.autograd.grad(loss, model.weight, retain_graph=True)
    model(x[1]).sum().backward()
    (second,) = torch.autograd.grad(loss, model.weight)
    assert torch.equal(first, second)
