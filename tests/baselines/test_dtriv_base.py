"""dtriv moves the base of its exponential while it trains, and nothing else moves with it."""

from copy import deepcopy

import torch
from torch import nn

from baselines.dtriv import DTriv
from tests.baselines.checks import DOUBLE, iterate


def test_a_move_of_the_base_leaves_w_as_it_is():
    body = DTriv(2, 8, base_updates=1).double()
    base = body.parametrizations.weight_hh[-1].base.clone()
    nn.init.normal_(body.parametrizations.weight_hh.original)
    before = body.weight_hh.detach()
    body(torch.zeros(1, 1, 2, dtype=DOUBLE))
    assert not body.parametrizations.weight_hh.original.any()
    torch.testing.assert_close(body.weight_hh, before, rtol=0, atol=1e-6)  # B was drawn in float32
    assert not torch.allclose(body.parametrizations.weight_hh[-1].base, base)


def test_the_base_moves_every_k_updates_and_looking_does_not_count():
    torch.manual_seed(1)
    plain = DTriv(2, 6, base_updates=3)
    watched = deepcopy(plain)
    optimizers = [torch.optim.Adam(body.parameters(), lr=1e-2) for body in (plain, watched)]
    moves = 0
    for _ in range(10):
        x, base = torch.randn(3, 5, 2), plain.parametrizations.weight_hh[-1].base.clone()
        look(watched, x)
        for body, optimizer in zip((plain, watched), optimizers, strict=True):
            optimizer.zero_grad()
            body(x).square().sum().backward()
            optimizer.step()
        moves += not torch.equal(plain.parametrizations.weight_hh[-1].base, base)
    assert moves == 3
    for name, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name


def test_evaluation_changes_nothing_even_when_a_move_is_due():
    body = DTriv(2, 6, base_updates=1).eval()
    nn.init.normal_(body.parametrizations.weight_hh.original)
    before = deepcopy(body.state_dict())
    body(torch.zeros(1, 3, 2))
    assert all(torch.equal(value, before[name]) for name, value in body.state_dict().items())


def test_a_move_of_the_base_takes_rounding_errors_away():
    body = DTriv(2, 6, base_updates=1).double()
    body.parametrizations.weight_hh[-1].base.mul_(1.001)
    nn.init.normal_(body.parametrizations.weight_hh.original)
    body(torch.zeros(1, 1, 2, dtype=DOUBLE))
    w = body.weight_hh
    torch.testing.assert_close(w @ w.T, torch.eye(6, dtype=DOUBLE), rtol=0, atol=1e-5)


def look(body, x):
    """All that a diagnosis may do between two updates."""
    body(x)
    body(x)
    iterate(deepcopy(body), x).sum().backward()
    body.eval()
    with torch.no_grad():
        body(x)
    body.train()
