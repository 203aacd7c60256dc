"""Samples of a task, in plain Python."""

import torch

from bench.tasks import TASKS

SHORT = {
    "adding": {"length": 12},
    "copy/urnn": {"length": 12},
    "copy/exprnn": {"length": 12},
    "copy/tcn": {"length": 12},
    "copy/s4": {"length": 12},
    "copy/selective": {"length": 12},
    "denoise": {"length": 12},
    "recall": {"length": 12, "lag": 5},
    "delay": {"length": 12, "lag": 5},
    "reconstruction": {"length": 50},
    "temporal-order-6a": {"length": 22},
    "temporal-order-6b": {"length": 22},
    "mqar": {"length": 16},
    "ncifar10-fixed": {"length": 40},
    "ncifar10-fresh": {"length": 40},
}
"""Arguments that make a task quick."""


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(name: str, size: int = 50, **args) -> list[tuple[list[int], list[int] | int]]:
    """(tokens, targets) of each sample; -1 is the token of a step whose inputs are all zero."""
    inputs, targets = TASKS[name](**args).sample(size, generator())
    assert ((inputs == 0) | (inputs == 1)).all()
    tokens = torch.where(inputs.sum(-1) == 1, inputs.argmax(-1), -1)
    return list(zip(tokens.tolist(), targets.tolist(), strict=True))
