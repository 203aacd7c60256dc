"""Temporal order, MQAR, ListOps, parity and modular arithmetic, recomputed in plain Python."""

import statistics
from collections import Counter

import pytest

from bench.tasks.listops import value
from bench.tasks.tokens import NOT_ASKED
from tests.tasks.draws import drawn

WINDOWS = {
    "temporal-order-6a": [(10, 20), (50, 60)],
    "temporal-order-6b": [(10, 20), (33, 43), (66, 76)],
}


@pytest.mark.parametrize("name", WINDOWS)
def test_temporal_order_has_the_published_places_and_the_class_of_its_signs(name):
    lengths, places = set(), [set() for _ in WINDOWS[name]]
    for tokens, target in drawn(name, size=500):
        word = "".join("EBabcdXY "[token] for token in tokens).lstrip()
        lengths.add(len(word))
        assert (word[0], word[-1], len(tokens)) == ("E", "B", 110)
        signs = [place for place, letter in enumerate(word) if letter in "XY"]
        assert set(word) - set("XY") == set("EBabcd")
        assert word.count("E") == word.count("B") == 1
        code = "".join("01"[word[place] == "Y"] for place in signs)
        assert target == int(code, base=2)
        for seen, place in zip(places, signs, strict=True):
            seen.add(place)
    assert lengths == set(range(100, 111))
    assert places == [set(range(low, high + 1)) for low, high in WINDOWS[name]]


def test_temporal_order_is_stretched_with_its_length():
    for tokens, _ in drawn("temporal-order-6a", length=1100):
        word = "".join("EBabcdXY "[token] for token in tokens).lstrip()
        first, second = (place for place, letter in enumerate(word) if letter in "XY")
        assert 1000 <= len(word) <= 1100
        assert 100 <= first <= 200
        assert 500 <= second <= 600


def test_mqar_asks_each_key_once_for_its_value_and_one_at_the_last_step():
    for tokens, targets in drawn("mqar", length=32, pairs=5):
        shown = dict(zip(tokens[:10:2], tokens[1:10:2], strict=True))
        assert len(shown) == len(set(shown.values())) == 5
        assert all(1 <= key < 128 <= item < 256 for key, item in shown.items())
        asked = [place for place in range(32) if targets[place] != NOT_ASKED]
        assert asked[0] >= 10
        assert asked[-1] == 31
        assert all(targets[place] == shown[tokens[place]] for place in asked)
        assert sorted(tokens[place] for place in asked) == sorted(shown)
        assert all(tokens[place] == 0 for place in range(10, 32) if place not in asked)


def test_mqar_asks_soon_far_more_often_than_late():
    first = Counter(
        next(place for place in range(64) if targets[place] != NOT_ASKED)
        for _, targets in drawn("mqar", size=5000, pairs=2)
    )
    odds = [gap**-0.99 for gap in range(1, 30)]
    for gap in (1, 2, 8):
        share = first[4 + 1 + 2 * (gap - 1)] / 5000
        assert share == pytest.approx(odds[gap - 1] / sum(odds), abs=0.025)


OPERATORS = {
    10: min,
    11: max,
    12: lambda values: int(statistics.median(values)),
    13: lambda values: sum(values) % 10,
}


def evaluated(tokens: list[int], levels: list[int], level: int = 2) -> int:
    """The value of the expression that begins the tokens, which are used up; its levels noted."""
    token = tokens.pop(0)
    if token < 10:
        return token
    levels.append(level)
    values = []
    while tokens[0] != 14:
        values.append(evaluated(tokens, levels, level + 1))
    tokens.pop(0)
    assert 2 <= len(values) <= 10
    return OPERATORS[token](values)


def test_listops_has_the_value_of_its_expression():
    lengths, operators, deepest = set(), Counter(), 0
    for tokens, target in drawn("listops", size=300, length=100):
        expression = [token for token in tokens if token >= 0]
        lengths.add(len(expression))
        operators.update(token for token in expression if 10 <= token < 14)
        assert tokens[-1] == 14
        levels: list[int] = []
        assert evaluated(expression, levels) == target
        assert expression == []
        deepest = max(deepest, *levels)
    assert min(lengths) > 25
    assert max(lengths) <= 100
    assert deepest <= 10
    assert all(
        count / operators.total() == pytest.approx(0.25, abs=0.05) for count in operators.values()
    )


def test_the_published_example_of_listops_is_five():
    # [MAX 4 3 [MIN 2 3 ] 1 0 [MED 1 5 8 9 2 ] ]
    assert value([11, 4, 3, 10, 2, 3, 14, 1, 0, 12, 1, 5, 8, 9, 2, 14, 14]) == 5
    assert value([13, 9, 12, 1, 4, 14, 14]) == (9 + 2) % 10


def test_parity_is_that_of_the_ones():
    for tokens, target in drawn("parity", length=11):
        assert target == tokens.count(1) % 2
        assert set(tokens) <= {0, 1}


def test_modular_arithmetic_has_the_value_of_its_expression():
    values = Counter()
    for tokens, target in drawn("modular-arithmetic", size=500, length=13):
        assert all(token < 5 for token in tokens[::2])
        assert all(token >= 5 for token in tokens[1::2])
        assert target == eval("".join("01234+-*"[token] for token in tokens)) % 5
        values[target] += 1
    assert set(values) == set(range(5))
