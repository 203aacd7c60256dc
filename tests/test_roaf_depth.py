"""RoaMLP at a thousand layers and more: what is kept, what is found again, what is refused."""

import copy
import math
import warnings

import pytest
import torch

from roaf import AdamInBackward, Learned, Nonlinearity, RoaMLP, depth_schedule, room
from roaf.contraction import contraction, sweeps_needed
from roaf.kernels import layers
from roaf.kernels.layers import segment_size
from roaf.vanishing import log10_gradient_factor

DOUBLE = torch.float64
SCHEDULES = ("convex", "isometric", "sqrt")


@pytest.fixture
def short_segments(monkeypatch):
    """So that twenty layers have three segments."""
    monkeypatch.setattr(layers, "SHORTEST", 8)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stack(width: int, depth: int, memory: str = "full", **settings) -> RoaMLP:
    """The same network at each call, with a beta of 1 / depth unless another is given."""
    alpha, beta = depth_schedule(1.0, depth)
    given = {"alpha": alpha, "beta": beta} | settings
    return RoaMLP(width, depth, activation_memory=memory, generator=generator(), **given)


def gradients(model: RoaMLP, batch: int = 4) -> list[torch.Tensor]:
    """Of the input and of all parameters, for some loss."""
    x = torch.randn(batch, model.width, generator=generator(1), dtype=model.weight.dtype)
    model(x.requires_grad_()).sin().sum().backward()
    assert x.grad is not None
    return [x.grad, *(p.grad for p in model.parameters() if p.grad is not None)]


def farthest(found: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    """The largest relative difference of a pair."""
    pairs = zip(found, expected, strict=True)
    return max(((a - b).norm() / b.norm()).item() for a, b in pairs)


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


def test_a_copy_of_a_model_is_not_trained_with_it():
    model = stack(4, 10)
    AdamInBackward(model)
    copied = copy.deepcopy(model)
    gradients(copied)
    assert copied.weight.grad is not None
    assert torch.equal(copied.weight, model.weight)


def test_ways_that_cannot_be_get_a_sentence():
    with pytest.raises(ValueError, match="'none' is unknown; allowed: full, sqrt, recompute"):
        stack(4, 2, "none")
    with pytest.raises(ValueError, match=r"'sqrt' needs the fused backend .* other: full"):
        stack(4, 2, "sqrt", backend="reference")
    with pytest.raises(ValueError, match="'recompute' needs the fused backend"):
        stack(4, 2, "recompute", nonlinearity=Nonlinearity(torch.sin, 1.0))
    with pytest.raises(ValueError, match=r"continuous phi, .* modrelu, .* allowed: full, sqrt"):
        stack(4, 2, "recompute", nonlinearity="modrelu")
    for alpha in (0.0, torch.tensor([[1.0], [0.0]])):
        with pytest.raises(ValueError, match=r"divides by alpha, .* alpha of 0: full, sqrt"):
            stack(4, 2, "recompute", alpha=alpha)
    for model in (stack(4, 2, backend="reference"), stack(4, 2).bfloat16()):
        with pytest.raises(ValueError, match="the fused backend, from weights of float32 or"):
            AdamInBackward(model)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("depth", [1, 1000, 10**6])
def test_the_schedules_are_expected_to_keep_the_gradient(schedule, depth):
    alpha, beta = depth_schedule(1.0, depth, schedule)
    assert abs(log10_gradient_factor(alpha, beta, depth)) < 1


def test_a_gradient_that_is_expected_to_vanish_or_explode_gets_a_warning():
    RoaMLP(16, 10, alpha=0.9)
    with pytest.warns(UserWarning, match=r"factor of about 10\^-45 over 1000 layers; .*schedule"):
        RoaMLP(16, 1000, alpha=0.9)
    with pytest.warns(UserWarning, match=r"10\^41 over 1000"):
        RoaMLP(2, 1000, alpha=Learned(1.0, 1.2), beta=0.01)
    with pytest.warns(UserWarning, match=r"10\^-inf over 3"):
        RoaMLP(2, 3, alpha=torch.tensor([[1.0], [0.0], [1.0]]), beta=torch.zeros(2))


def test_the_expected_factor_is_the_measured_one():
    model = RoaMLP(64, 100, alpha=0.9, bias=False).double()
    x = (1e-3 * torch.randn(256, 64, dtype=DOUBLE)).requires_grad_()
    direction = torch.randn(256, 64, dtype=DOUBLE)
    (found,) = torch.autograd.grad((model(x) * direction).sum(), x)
    measured = math.log10(found.norm().item() / direction.norm().item())
    assert measured == pytest.approx(log10_gradient_factor(0.9, 0.1, 100), abs=0.02)


def test_what_does_not_fit_is_refused_before_it_is_allocated(monkeypatch):
    monkeypatch.setattr(room, "bytes_there", lambda device: 10**9)
    with pytest.raises(MemoryError, match=r"RoaMLP\(16, 1000000\) needs 1,088,002,048 bytes and"):
        stack(16, 10**6)
    with pytest.raises(MemoryError, match=r"RoaMLP\(64, 20000\) needs 1,643,520,000 bytes"):
        stack(64, 20000, shared_filter=False)
    models = {memory: stack(64, 1000, memory) for memory in ("full", "sqrt")}
    x = torch.zeros(1, 64).expand(2000, 64)
    with pytest.raises(MemoryError, match=r'memory=\'full\' needs .*; activation_memory="sqrt"'):
        models["full"](x)
    with torch.no_grad():
        models["full"](x[:1])
    models["sqrt"](x[:100])


def test_the_memory_that_is_there_is_read_where_it_is_known(monkeypatch, tmp_path):
    here = torch.device("cpu")
    monkeypatch.setattr(room, "MEMINFO", tmp_path / "meminfo")
    assert room.bytes_there(here) is None
    room.MEMINFO.write_text("MemTotal:  9 kB\nMemAvailable:   7 kB\n")
    assert room.bytes_there(here) == 7 * 1024


def test_weights_that_are_not_finite_are_not_loaded():
    model = stack(3, 5)
    state = copy.deepcopy(model.state_dict())
    state["weight"][2, 1, 0] = math.nan
    with pytest.raises(ValueError, match="'weight' in the state is not finite, first at layer 2"):
        model.load_state_dict(state)


@pytest.mark.parametrize("memory", ["full", "sqrt", "recompute"])
def test_a_run_that_diverged_stays_one(memory):
    model = stack(3, 5, memory)
    torch.nn.init.constant_(model.weight, math.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = model(torch.ones(1, 3))
    output.sum().backward()
    assert output.isnan().all()


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
