"""What the bodies of the first suite cost, by formula, is what torch counts."""

import pytest

from baselines import antisymmetric, cornn, elman, gru, irnn, lstm, urnn
from tests.baselines import checks

BODIES = {
    "elman": (elman.Elman, elman.costs),
    "irnn": (irnn.IRNN, irnn.costs),
    "lstm": (lstm.LSTM, lstm.costs),
    "gru": (gru.GRU, gru.costs),
    "antisymmetric": (antisymmetric.AntisymmetricRNN, antisymmetric.costs),
    "cornn": (cornn.CoRNN, cornn.costs),
}


@pytest.mark.parametrize(("factory", "costs"), BODIES.values(), ids=BODIES)
def test_costs_are_those_of_the_body(factory, costs):
    checks.assert_costs_are_right(factory, costs)


def test_costs_of_the_unitary_network_have_two_fourier_transforms_and_two_inner_products():
    unseen = 2 * checks.fft_flops(8) + 2 * 8 * 8
    checks.assert_costs_are_right(urnn.UnitaryRNN, urnn.costs, unseen)


def test_costs_grow_as_the_square_of_the_hidden_size():
    assert lstm.costs(1, 1000).flops / lstm.costs(1, 500).flops == pytest.approx(4, rel=0.01)
    assert urnn.costs(1, 1024).flops / urnn.costs(1, 512).flops == pytest.approx(2.2, rel=0.1)
