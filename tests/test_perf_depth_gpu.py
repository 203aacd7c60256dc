"""The comparison on a GPU: what of it can be computed anywhere is right, the rest says why not."""

import re

import pytest
import torch

from bench.perf import depth_gpu


@pytest.mark.parametrize("name", ["modules", "RoaMLP", "3 sweeps"])
def test_a_way_is_the_reference(name, monkeypatch):
    monkeypatch.setattr("bench.perf.depth.ROUNDS", 1)
    (line,) = depth_gpu.compare(70, 8, 4, "cpu", [name])
    assert line.startswith(f"70 layers of 8, batch 4, {name}: ")
    errors = [float(value) for value in re.findall(r"\S+(?= \()", line)]
    assert len(errors) == 3
    assert max(errors) < 1e-5


def test_a_graph_holds_its_part_of_the_layers(monkeypatch):
    monkeypatch.setattr(depth_gpu, "OF_A_GRAPH", 3)
    model, x = depth_gpu.draw(7, 4, "cpu"), torch.ones(2, 4)
    parts = [depth_gpu.part(model, first) for first in (0, 3, 6)]
    assert torch.equal(torch.nn.Sequential(*parts)(x), model(x))


def test_a_way_that_fails_is_a_line_with_its_reason(monkeypatch):
    monkeypatch.setattr(depth_gpu.depth_triton, "find_spec", lambda name: None)
    (line,) = depth_gpu.compare(3, 4, 2, "cpu", ["Triton"])
    assert line.startswith("3 layers of 4, batch 2, Triton: failed, ValueError: Triton's kernel")


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="measures a CUDA device, and torch sees none here"):
        depth_gpu.main()
