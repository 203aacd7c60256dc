"""A backward that is written out has no graph of its own, and says so."""

import pytest
import torch

from baselines.exprnn import ExpRNN
from baselines.gru import GRU
from baselines.oscillator_scan import oscillator_scan
from baselines.scan import linear_scan

CALLS = {
    "scan": lambda x: linear_scan(torch.full((1, 3, 4), 0.5), x, torch.zeros(2, 4)),
    "oscillator_scan": lambda x: oscillator_scan(torch.ones(2, 2, 4), x[:, None], x[:1]),
    "gru": lambda x: GRU(4, 2)(x),
    "exprnn": lambda x: ExpRNN(4, 2)(x),
}
SHAPES = {
    "scan": (2, 3, 4),
    "oscillator_scan": (3, 2, 4),
    "gru": (2, 3, 4),
    "exprnn": (2, 3, 4),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_second_derivative_is_refused(name):
    # of a sum, so that a gradient without its graph would pass for one with it
    x = torch.randn(SHAPES[name], requires_grad=True)
    with pytest.raises(RuntimeError, match="has no second derivative"):
        torch.autograd.grad(CALLS[name](x).sum(), x, create_graph=True)
