"""Adding, delayed recall, delay and reconstruction."""

import pytest
import torch

from bench.tasks import TASKS
from bench.tasks.tokens import NOT_ASKED
from tests.tasks.draws import drawn, generator


def test_adding_marks_one_value_in_each_half_and_asks_for_their_sum():
    inputs, targets = TASKS["adding"](length=10).sample(500, generator())
    values, markers = inputs.unbind(-1)
    assert torch.equal(markers[:, :5].sum(1), torch.ones(500))
    assert torch.equal(markers[:, 5:].sum(1), torch.ones(500))
    torch.testing.assert_close((values * markers).sum(1, keepdim=True), targets)


def test_recall_asks_at_each_step_for_the_symbol_of_so_many_steps_ago():
    for tokens, targets in drawn("recall", length=9, lag=3):
        assert set(tokens) <= {0, 1, 2, 3}
        assert targets == [NOT_ASKED] * 3 + tokens[:-3]


def test_delay_asks_at_each_step_for_the_input_of_so_many_steps_ago():
    inputs, targets = TASKS["delay"](length=9, lag=3).sample(2000, generator())
    for heard, asked in zip(inputs[:5, :, 0].tolist(), targets[:5, :, 0].tolist(), strict=True):
        assert asked == [0.0] * 3 + heard[:-3]
    assert inputs.abs().max().item() == pytest.approx(0.8, abs=1e-3)
    assert inputs.var().item() == pytest.approx(0.8**2 / 3, rel=0.02)
    assert (inputs[:, 1:] * inputs[:, :-1]).mean().item() == pytest.approx(0, abs=0.005)


def test_reconstruction_asks_at_the_end_for_the_last_fifty_inputs():
    inputs, targets = TASKS["reconstruction"](length=60).sample(5, generator())
    assert torch.equal(targets, inputs[:, 10:, 0])


def test_who_holds_thirty_inputs_has_a_capacity_of_thirty():
    task = TASKS["reconstruction"]()
    _, targets = task.sample(5000, generator())
    held = torch.cat([torch.zeros(5000, 20), targets[:, 20:]], dim=1)
    assert task.score(held, targets).item() == pytest.approx(30, abs=0.2)
    assert task.score(targets, targets) == 50


def test_the_capacity_of_a_linear_readout_is_at_most_the_number_of_units():
    """An orthogonal linear network of 20 units, its readout fitted, holds 20 inputs and no more."""
    task = TASKS["reconstruction"]()
    matrix = torch.linalg.qr(torch.randn(20, 20, generator=generator(1))).Q
    weight = torch.randn(20, generator=generator(2))
    (seen, wanted), (new, asked) = (task.sample(5000, generator(seed)) for seed in (3, 4))

    def last_state(inputs):
        state = torch.zeros(len(inputs), 20)
        for x_t in inputs.unbind(1):
            state = 0.95 * state @ matrix.T + x_t * weight
        return state

    readout = torch.linalg.lstsq(last_state(seen), wanted).solution
    capacity = task.score(last_state(new) @ readout, asked).item()
    assert 18 < capacity < 20.2


def test_half_of_the_delayed_signal_explains_three_quarters_of_its_variance():
    task = TASKS["delay"]()
    _, targets = task.sample(1000, generator())
    assert task.score(targets, targets) == 1
    assert task.score(targets / 2, targets).item() == pytest.approx(0.75, abs=0.01)
