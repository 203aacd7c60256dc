"""A parameter drawn uniformly, as most papers of recurrent networks begin."""

import torch
from torch import nn


def uniform_parameter(bound: float, *shape: int) -> nn.Parameter:
    """Of that shape, uniform in [-bound, bound)."""
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))
