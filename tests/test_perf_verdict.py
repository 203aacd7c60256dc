"""When a commit is slower, and that the machine's own noise is not a commit."""

import math

import pytest

from bench.perf.verdict import Round, judge, suspects


def round_of(before: float, after: float, again: float) -> Round:
    return Round({"p": before}, {"p": after}, {"p": again})


def verdict(*rounds: Round, least: float = 0.05) -> str:
    (row,) = judge(rounds, least)
    return row.verdict


def test_twice_the_time_is_slower_and_half_is_not():
    assert verdict(round_of(1.0, 2.0, 1.0)) == "slower"
    assert verdict(round_of(1.0, 0.5, 1.0)) == ""


def test_what_the_old_commit_differs_from_itself_by_is_the_margin():
    assert verdict(round_of(1.0, 1.2, 1.0)) == "slower"
    assert verdict(round_of(1.0, 1.3, 1.25)) == ""
    (row,) = judge([round_of(1.0, 1.3, 1.25), round_of(1.0, 1.3, 1.0)], 0.05)
    assert row.margin == pytest.approx(0.25)


def test_a_machine_that_slows_down_steadily_slows_no_commit():
    assert judge([round_of(1.0, 1.1, 1.21)], 0.05)[0].ratio == pytest.approx(1)


def test_the_median_round_decides():
    calm, disturbed = round_of(1.0, 1.0, 1.0), round_of(1.0, 9.0, 1.0)
    assert verdict(calm, disturbed, calm) == ""
    assert verdict(disturbed, disturbed, calm) == "slower"


def test_less_than_the_least_margin_is_not_slower():
    assert verdict(round_of(1.0, 1.04, 1.0)) == ""
    assert verdict(round_of(1.0, 1.04, 1.0), least=0.03) == "slower"


def test_what_only_the_old_commit_can_do_is_lost_and_what_only_the_new_can_is_not_compared():
    (row,) = judge([Round({"p": 1.0}, {"q": 1.0}, {"p": 1.0})], 0.05)
    assert (row.point, row.verdict, row.after) == ("p", "lost", math.inf)


def test_no_bytes_against_no_bytes_is_equal_and_against_some_is_worse():
    assert verdict(round_of(0.0, 0.0, 0.0)) == ""
    assert verdict(round_of(0.0, 8.0, 0.0)) == "slower"


def test_a_suspect_needs_no_more_than_one_round_however_noisy():
    noisy = Round({"p": 1.0, "q": 1.0}, {"p": 1.3, "q": 1.0}, {"p": 1.4, "q": 1.0})
    assert suspects(noisy, 0.05) == ["p"]
    assert not any(row.verdict for row in judge([noisy], 0.05))
