"""How models look: the same everywhere, and told apart, by colour-blind eyes too."""

import itertools

import numpy as np
import pytest

from bench.report.groups import labelled_runs
from bench.report.styles import LENT, PLACES, STRONG, Colour, is_proposed, look_of, looks
from bench.suites.names import ALL_DEPTH, ALL_TIME, DEPTH_RIVALS, ROAF_SCHEDULES, TIME_MODELS
from tests.test_report import record

BLINDNESS = {  # G. M. Machado et al., IEEE TVCG 15(6), 2009, severity 1
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.01182, 0.04294, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.3039],
        ]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def test_a_model_looks_the_same_in_every_report():
    alone = labelled_runs([record("gru")])
    among = labelled_runs([record(name) for name in (*ALL_TIME, "a-plug-in")])
    assert looks(alone)["gru"] == looks(among)["gru"] == look_of("nn.GRU")
    assert looks(among)["a-plug-in"] == look_of("a-plug-in")


@pytest.mark.parametrize("models", [ALL_TIME, ALL_DEPTH])
def test_every_model_has_a_place_and_no_two_of_an_axis_look_alike(models):
    assert set(models) <= set(PLACES) and set(LENT.values()) <= set(PLACES)
    assert len({look_of(model) for model in models}) == len(models)
    strong = {PLACES[model].colour for model in models if is_proposed(model)}
    others = {PLACES[model].colour for model in models if not is_proposed(model)}
    assert strong <= set(STRONG) and not strong & others


@pytest.mark.parametrize("models", [TIME_MODELS, (*ROAF_SCHEDULES, *DEPTH_RIVALS)])
@pytest.mark.parametrize("kind", BLINDNESS)
def test_colour_blind_eyes_tell_lines_of_equal_dashes_apart(kind, models):
    seen = {model: lab(BLINDNESS[kind] @ linear(look_of(model).colour)) for model in models}
    alike = [
        pair
        for pair in itertools.combinations(models, 2)
        if look_of(pair[0]).dashes == look_of(pair[1]).dashes
    ]
    assert alike
    assert min(float(np.linalg.norm(seen[one] - seen[other])) for one, other in alike) > 14


def linear(colour: Colour) -> np.ndarray:
    """The light of an sRGB colour."""
    parts = np.array(colour)
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* under D65, in which a distance of about 2 is just seen."""
    white = np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.cbrt(XYZ @ light.clip(0, 1) / white)  # the straight part near black is not met
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_settings_of_one_model_share_its_colour_and_differ_in_the_rest():
    trials = [record("lstm", learning_rate=rate) for rate in (0.1, 0.01, 0.001)]
    found = looks(labelled_runs([*trials, record("elman")]))
    variants = [look for label, look in found.items() if label.startswith("lstm")]
    assert len({look.colour for look in variants}) == 1 and len(set(variants)) == 3


def test_a_name_that_is_not_known_takes_no_look_that_another_has():
    names = [f"model-{number}" for number in range(60)]
    found = looks(labelled_runs([record(name) for name in (*ALL_TIME, *names)]))
    assert len(set(found.values())) == len(found) == 60 + len(ALL_TIME)


def test_a_label_says_what_tells_runs_apart_and_not_what_follows_from_it():
    def label(*ends: tuple[float, tuple[int, ...]]) -> set[str]:
        made = [record("lstm", learning_rate=rate, validate_at=at) for rate, at in ends]
        return set(labelled_runs(made)["label"])

    assert label((0.1, (10,)), (0.2, (20,))) == {
        "lstm, learning rate 0.1",
        "lstm, learning rate 0.2",
    }
    assert label((0.1, (10,)), (0.1, (20,))) == {"lstm, validate at [10]", "lstm, validate at [20]"}
    assert len(label((0.1, (10,)), (0.1, (20,)), (0.2, (20,)))) == 3


def test_fractions_in_labels_have_the_digits_that_tell_two_settings_apart():
    made = [record("roaf", model_args={"alpha": alpha}) for alpha in (1.0, 0.9999998967)]
    assert set(labelled_runs(made)["label"]) == {"roaf, alpha 1", "roaf, alpha 0.9999998967"}
