"""A stack of layers by the compiled programs: equal to the reference, and what it does not take."""

import pytest
import torch

from roaf import Learned
from roaf.kernels import cpu, cpu_depth
from roaf.kernels.cpu_vectors import LANES
from roaf.kernels.depth import Descent
from tests.stacks import farthest, gradients, stack

VARIANTS = {
    "haar": {},
    "rotations": {"filter": "rotations"},
    "permutation": {"filter": "permutation", "nonlinearity": "relu"},
    "identity": {"filter": "identity", "bias": False},
    "two panels": {"width": 4 * LANES, "depth": 70},
    "a beta of its own": {"alpha": 0.99, "beta": 0.2, "depth": 40},
}


@pytest.mark.parametrize("memory", ["full", "sqrt", "recompute"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_compiled_stack_is_the_reference(variant, memory):
    settings = {"width": LANES, "depth": 150} | VARIANTS[variant]
    expected = gradients(stack(**settings, backend="reference"))
    found = gradients(stack(**settings, backend="cpu", memory=memory))
    assert farthest(found, expected) < (1e-4 if memory == "recompute" else 2e-5)


def test_two_threads_are_one():
    def at(threads: int):
        torch.set_num_threads(threads)
        return gradients(stack(4 * LANES, 150, backend="cpu"))

    known = torch.get_num_threads()
    try:
        one, two = at(1), at(2)
    finally:
        torch.set_num_threads(known)
    assert all(map(torch.equal, one, two))


def test_auto_is_the_compiled_one_for_narrow_stacks_and_else_one_that_can():
    wide = 128 // LANES * LANES
    for width, chosen in ((LANES, "cpu"), (LANES + 1, "fused"), (wide, "fused")):
        model = stack(width, 70)
        assert model.backend_for(torch.zeros(4, width)) == chosen
        found = (gradients(stack(width, 70, backend=name)) for name in ("auto", chosen))
        assert all(map(torch.equal, *found))
    apart = farthest(*(gradients(stack(LANES, 70, backend=name)) for name in ("cpu", "fused")))
    assert apart > 0  # so that the two can be told apart


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"width": LANES + 1}, f"multiples of {LANES} as widths only, not {LANES + 1}"),
        ({"shared_filter": False}, "one filter for all layers only"),
        ({"alpha": Learned(0.9, 1.0, 0.99)}, "one number for alpha"),
        ({"nonlinearity": "modrelu"}, "tanh and relu only"),
    ],
)
def test_what_it_cannot_compute_gets_a_sentence(settings, sentence):
    settings = {"width": LANES, "depth": 3} | settings
    with pytest.raises(ValueError, match=sentence):
        stack(**settings, backend="cpu")(torch.zeros(1, settings["width"]))
    with pytest.raises(ValueError, match="computes float32 only"):
        stack(LANES, 3, backend="cpu").double()(torch.zeros(1, LANES).double())
    stack(**settings)(torch.zeros(1, settings["width"]))  # auto takes another


def test_gradients_given_away_are_those_that_stay():
    kept, given = (stack(LANES, 150, backend="cpu") for _ in range(2))
    found: dict[int, torch.Tensor] = {}
    take = lambda where, weight, offset: found.update({where.start: weight.clone()})  # noqa: E731
    given.descend_with(Descent(lambda: None, take))
    for model in (kept, given):
        gradients(model)
    assert kept.weight.grad is not None
    assert torch.equal(torch.cat([found[k] for k in sorted(found)]), kept.weight.grad)


def test_without_numba_fused_takes_its_place(monkeypatch):
    monkeypatch.setattr(cpu_depth, "load", lambda: "is not here")
    cpu.warn.cache_clear()
    with pytest.warns(UserWarning, match="backend 'cpu' is not here; 'fused' takes its place"):
        found = gradients(stack(LANES, 70, backend="cpu"))
    assert all(map(torch.equal, found, gradients(stack(LANES, 70, backend="fused"))))
    cpu.warn.cache_clear()
