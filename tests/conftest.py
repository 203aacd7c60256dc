"""One thread, so that numbers are the same on every machine; no test reaches the user's folders."""

import matplotlib
import pytest
import torch

from roaf.kernels import layers

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.set_flush_denormal(False)  # `run` sets it for its process


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture
def short_segments(monkeypatch):
    """So that twenty layers have three segments."""
    monkeypatch.setattr(layers, "SHORTEST", 8)
