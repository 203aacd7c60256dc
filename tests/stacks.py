"""Stacks of layers that several tests share."""

import torch

from roaf import RoaMLP, depth_schedule

DOUBLE = torch.float64
SCHEDULES = ("convex", "isometric", "sqrt")


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
