"""The measurement on a GPU: what of it can be computed anywhere is right, the rest says why not."""

import pytest
import torch

from bench.perf import recurrent_gpu
from bench.perf.recurrent_gpu import Point

POINT = Point(9, 8, 2, "rotations")


def test_the_kernels_that_run_anywhere_are_the_reference(monkeypatch):
    monkeypatch.setattr(recurrent_gpu.cuda, "find_spec", lambda name: None)
    kernels = {name: recurrent_gpu.KERNELS[name] for name in ("loop", "fused", "cuda", "graphs")}
    monkeypatch.setattr(recurrent_gpu, "KERNELS", kernels)
    lines = list(recurrent_gpu.errors(POINT, "cpu"))
    assert [line["way"] for line in lines] == ["fused", "cuda", "graphs"]
    assert all(max(line["errors"].values()) < 1e-5 for line in lines)


def test_each_way_is_timed_in_every_round_and_a_failure_is_a_line(monkeypatch):
    monkeypatch.setattr(recurrent_gpu, "ROUNDS", 2)
    monkeypatch.setattr(recurrent_gpu, "KERNELS", {"broken": lambda *given: 1 // 0})
    failed, *timed = recurrent_gpu.times(POINT, "cpu")
    assert recurrent_gpu.told(failed) == (
        "T 9, hidden 8, batch 2, rotations, broken: failed, "
        "ZeroDivisionError: integer division or modulo by zero"
    )
    assert [line["way"] for line in timed] == ["nn.RNN", "nn.LSTM", "nn.GRU"]
    for line in timed:
        assert len(line["rounds"]) == 2
        assert min(line["rounds"]) <= line["seconds"] <= max(line["rounds"])


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="measures a CUDA device, and torch sees none here"):
        recurrent_gpu.main()
