"""The copying tasks and denoising: who is shown what when, and what is asked."""

import pytest
import torch
from torch.nn.functional import one_hot

from bench.tasks import TASKS
from bench.tasks.tokens import NOT_ASKED
from tests.tasks.draws import drawn, generator

OVER_ALL_STEPS = ["copy/urnn", "copy/exprnn", "copy/tcn", "denoise"]


def test_copying_as_urnn_asks_one_step_after_the_delimiter():
    for tokens, targets in drawn("copy/urnn", length=7):
        symbols = targets[-10:]
        assert set(symbols) <= set(range(1, 9))
        assert tokens == symbols + [0] * 6 + [9] + [0] * 10
        assert targets == [0] * 17 + symbols


def test_copying_as_exprnn_asks_at_the_delimiter():
    for tokens, targets in drawn("copy/exprnn", length=7):
        symbols = targets[-10:]
        assert set(symbols) <= set(range(1, 9))
        assert tokens == symbols + [0] * 7 + [9] + [0] * 9
        assert targets == [0] * 17 + symbols


def test_copying_as_tcn_shows_numbers_and_the_delimiter_to_the_end():
    inputs, targets = TASKS["copy/tcn"](length=7).sample(50, generator())
    for numbers, asked in zip(inputs.squeeze(-1).tolist(), targets.tolist(), strict=True):
        symbols = asked[-10:]
        assert set(symbols) <= set(range(1, 9))
        assert numbers == symbols + [0] * 6 + [9] * 11
        assert asked == [0] * 17 + symbols


def test_copying_as_s4_asks_for_nothing_but_the_symbols():
    for tokens, targets in drawn("copy/s4", length=7, copied=4):
        symbols = targets[-4:]
        assert set(symbols) <= set(range(1, 9))
        assert tokens == symbols + [0] * 7 + [9] * 4
        assert targets == [NOT_ASKED] * 11 + symbols


def test_selective_copying_scatters_the_symbols_and_keeps_their_order():
    places = set()
    for tokens, targets in drawn("copy/selective", size=200, length=7, copied=4):
        symbols = targets[-4:]
        assert set(symbols) <= set(range(1, 15))
        assert [token for token in tokens[:11] if token] == symbols
        assert tokens[11:] == [15] * 4
        assert targets == [NOT_ASKED] * 11 + symbols
        places |= {place for place in range(11) if tokens[place]}
    assert places == set(range(11))


def test_denoising_scatters_the_symbols_and_asks_after_the_marker():
    places = set()
    for tokens, targets in drawn("denoise", size=200, length=7):
        symbols = targets[-10:]
        assert set(symbols) <= set(range(1, 10))
        assert [token for token in tokens[:16] if token] == symbols
        assert tokens[16:] == [10] + [0] * 10
        assert targets == [0] * 17 + symbols
        places |= {place for place in range(16) if tokens[place]}
    assert places == set(range(16))


@pytest.mark.parametrize("name", OVER_ALL_STEPS)
def test_silence_alone_earns_no_score(name):
    task = TASKS[name](length=200)
    _, targets = task.sample(20, generator())
    silence = one_hot(torch.zeros_like(targets), task.outputs).float()
    assert (silence.argmax(-1) == targets).float().mean() > 0.95
    assert task.score(silence, targets) == 0


@pytest.mark.parametrize("name", [*OVER_ALL_STEPS, "copy/s4", "copy/selective"])
def test_who_recalls_all_scores_one_and_who_recalls_half_a_half(name):
    task = TASKS[name](length=20)
    _, targets = task.sample(20, generator())
    right = 50.0 * one_hot(targets.clamp_min(0), task.outputs)
    assert task.score(right, targets) == 1
    assert task.loss(right, targets) == pytest.approx(0, abs=1e-6)
    right[: len(right) // 2] = 0
    assert task.score(right, targets) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "length, published", [(100, 0.1733), (200, 0.0945), (1000, 0.0204), (10_000, 0.00208)]
)
def test_the_chance_of_copying_is_the_published_line(length, published):
    assert TASKS["copy/urnn"](length=length).chance_loss == pytest.approx(published, rel=0.005)
