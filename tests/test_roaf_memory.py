"""What a deep stack refuses, and what it warns of."""

import copy
import math
import warnings

import pytest
import torch

from roaf import AdamInBackward, Learned, Nonlinearity, RoaMLP, available_memory, depth_schedule
from roaf.vanishing import log10_gradient_factor
from tests.stacks import DOUBLE, SCHEDULES, stack


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
        with pytest.raises(ValueError, match="of float32 or float64, by another backend"):
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
    monkeypatch.setattr(available_memory, "bytes_there", lambda device: 10**9)
    with pytest.raises(MemoryError, match=r"RoaMLP\(16, 1000000\) needs 1,088,002,048 bytes and"):
        stack(16, 10**6)
    with pytest.raises(MemoryError, match=r"RoaMLP\(64, 20000\) needs 1,643,520,000 bytes"):
        stack(64, 20000, shared_filter=False)
    models = {memory: stack(64, 1000, memory) for memory in ("full", "sqrt")}
    x = torch.zeros(1, 64).expand(2000, 64)
    with pytest.raises(MemoryError, match=r'memory=\'full\' needs .*; activation_memory="sqrt"'):
        models["full"](x)
    models["full"].requires_grad_(False)(x)  # keeps nothing
    models["sqrt"](x[:100])


def test_the_memory_that_is_there_is_read_where_it_is_known(monkeypatch, tmp_path):
    here = torch.device("cpu")
    monkeypatch.setattr(available_memory, "MEMINFO", tmp_path / "meminfo")
    assert available_memory.bytes_there(here) is None
    files = ("limit", "used", "cached")
    monkeypatch.setattr(
        available_memory, "GROUPS", ((tmp_path / "none", *files), (tmp_path, *files))
    )
    (tmp_path / "used").write_text("3000\n")
    (tmp_path / "memory.stat").write_text("anon 1500\ncached 1000\n")
    available_memory.MEMINFO.write_text("MemTotal:  9 kB\nMemAvailable:   7 kB\n")
    for limit, there in [("max", 7 * 1024), ("5000", 3000), ("1999", 0), ("99999", 7 * 1024)]:
        (tmp_path / "limit").write_text(limit + "\n")
        assert available_memory.bytes_there(here) == there


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
