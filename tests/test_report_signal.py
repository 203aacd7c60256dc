"""Signal propagation in the report: the figure and the table of hand-worked records."""

import csv
import math
import re
from pathlib import Path

import pandas as pd
import pytest

from bench.records import Measurement, RunRecord
from bench.report.formats import measured_text
from bench.report.signals import log_limits, powers
from tests.test_report import Tags, record, report

SPECTRUM = (0.3, 0.1, -0.1, -0.5)
NORMS = {0: 2.0, 1: 1.8, 2: 1.0}
LOWER, UPPER = {0: 1.0, 1: 0.5, 2: 0.25}, {0: 1.0, 1: 2.0, 2: 4.0}
FIGURE = "figures/signal-propagation-cpu-torch2.13.svg"


def looked(
    step: int = 0, spectrum=SPECTRUM, norms=NORMS, lower=None, upper=None, **values: float
) -> tuple[Measurement, ...]:
    """What the diagnostics say at one step; with bounds as for a ROAF, if they are given."""
    ranks = range(1, len(spectrum) + 1)
    by_distance = {"gradient_by_distance": norms, "bound_lower": lower, "bound_upper": upper}
    single = {"condition_number": ("all", 10**0.8), "memory_horizon": ("0.001", math.inf)}
    single |= {"step_gain": ("max", 1.5), "effective_rank": ("0", 3.25)}
    rows = [("log10_singular_value", k, v) for k, v in zip(ranks, spectrum, strict=True)]
    rows += [("lyapunov_exponent", k, v) for k, v in ((1, 0.25), (2, 0.0), (3, -1.5))]
    rows += [("lyapunov_error", k, v) for k, v in ((1, 0.012), (2, 0.5), (3, 0.25))]
    rows += [(q, d, v) for q, at in by_distance.items() for d, v in (at or {}).items()]
    rows += [(q, where, values.get(q, value)) for q, (where, value) in single.items()]
    return tuple(Measurement(step, quantity, str(where), v) for quantity, where, v in rows)


def bounded(step: int = 0, **changes) -> tuple[Measurement, ...]:
    return looked(step, **{"lower": LOWER, "upper": UPPER, **changes})


def table(folder: Path) -> list[dict]:
    path = folder / "tables/signal-propagation.csv"
    return list(csv.DictReader(path.read_text().splitlines()))


def roaf(*measurements: Measurement, **fields) -> RunRecord:
    return record("roaf", measurements=measurements, **fields)


def test_the_table_says_what_was_measured_before_and_after_training(tmp_path):
    after = bounded(10, spectrum=(0.0, -0.1), norms={0: 1.0, 1: 0.9, 2: 0.75})
    folder = report(tmp_path, roaf(*bounded(), *after), formats=("md", "html", "csv"))
    first, last = table(folder)
    expected = {"step": 0, "log10_sigma_max": 0.3, "log10_sigma_min": -0.5, "gradient_ratio": 0.5}
    expected |= {"log10_sigma_median": 0.0, "condition_number": 10**0.8, "step_gain": 1.5}
    expected |= {"lyapunov_max": 0.25, "lyapunov_max_error": 0.012, "lyapunov_min": -1.5}
    expected |= {"lyapunov_min_error": 0.25, "memory_horizon": math.inf, "effective_rank": 3.25}
    expected |= {"bound_lower": 0.25, "bound_upper": 4.0}
    assert {name: float(first[name]) for name in expected} == pytest.approx(expected)
    assert (first["inside"], first["memory_threshold"]) == ("True", "0.001")
    later = (last["step"], last["log10_sigma_median"], last["gradient_ratio"])
    assert later == ("10", "-0.05", "0.75")
    text = (folder / "report.md").read_text()
    heads = re.findall(r"^### (.*)$", text, flags=re.MULTILINE)
    assert heads[1:] == [f"copy/urnn, length 200: signals after {n} updates" for n in (0, 10)]
    assert re.search(r"\| 0\.250 ± 0\.012 +\| -1\.50 ± 0\.25 +\| inf +\| 0\.5 +\|", text)
    assert re.search(r"\| 0\.25 to 4 +\| yes +\| 3\.25 +\| 1\.5 +\|", text)
    assert "| memory horizon 0.001   |" in text
    assert "natural logarithm" in text and "theorem T1" in text


@pytest.mark.parametrize(
    "inside, changes",
    [
        (True, {"spectrum": (math.log10(4), math.log10(0.25))}),
        (True, {"lower": dict.fromkeys(LOWER, 0.0), "spectrum": (0.0, -math.inf)}),
        (False, {"spectrum": (math.log10(4.001), 0.0)}),
        (False, {"norms": {0: 1.0, 1: 0.499, 2: 0.5}}),
        (False, {"spectrum": (0.0, math.nan)}),
    ],
)
def test_inside_means_every_singular_value_and_gradient_up_to_rounding(tmp_path, inside, changes):
    folder = report(tmp_path, roaf(*bounded(**changes)))
    assert [row["inside"] for row in table(folder)] == [str(inside)]


def test_zeros_infinities_and_what_is_no_number_survive(tmp_path):
    dead = looked(spectrum=(-2000.0, -math.inf), condition_number=math.inf, norms={0: 1.0, 2: 0.0})
    wild = looked(spectrum=(250.0, 0.0), norms={0: 0.0, 2: 1e200})
    none = looked(spectrum=(math.nan, 1.0), norms={0: math.nan, 2: 1.0})
    runs = {"elman": dead, "irnn": wild, "lstm": none}
    records = [record(model, measurements=rows) for model, rows in runs.items()]
    folder = report(tmp_path, *records, formats=("md", "csv"))
    rows = {row["label"]: row for row in table(folder)}
    names = ("log10_sigma_max", "log10_sigma_min", "condition_number", "gradient_ratio")
    assert [rows["elman"][name] for name in names] == ["-2000.0", "-inf", "inf", "0.0"]
    assert rows["irnn"]["gradient_ratio"] == "inf"
    assert rows["lstm"]["log10_sigma_max"] == rows["lstm"]["gradient_ratio"] == "NaN"
    assert {row["inside"] for row in rows.values()} == {""}
    text = (folder / "report.md").read_text()
    assert "3 of 5 lie below 1e-20 (zeros too) or above 1e+20" in text
    assert "Left out: 5 values that are not finite." in text  # lstm: 1 + 2, irnn: 0/0 and 1e200/0


def test_figure_and_table_are_there_where_a_spectrum_was_measured(tmp_path):
    elsewhere = record(depth=10, task_args={}, measurements=looked(spectrum=()))
    deep = roaf(*bounded(spectrum=(5.0, 0.0)), depth=100, task_args={})
    folder = report(tmp_path, deep, elsewhere, formats=("md", "csv"))
    assert {row["group"] for row in table(folder)} == {"copy/urnn, depth 100"}
    assert re.search(r"\| 0\.25 to 4 +\| no ", (folder / "report.md").read_text())
    figure = (folder / FIGURE).read_text()
    assert "depth 100: after 0 updates" in figure and "depth 10:" not in figure
    without = report(tmp_path / "without", elsewhere, formats=("md", "csv"))
    assert not (without / FIGURE).exists()
    assert not (without / "tables/signal-propagation.csv").exists()
    assert "theorem T1" not in (without / "report.md").read_text()


def test_theorys_band_is_drawn_and_named_for_the_models_that_have_one(tmp_path):
    folder = report(
        tmp_path,
        roaf(*bounded()),
        record(measurements=looked()),
        formats=("md",),
    )
    for name in ("signal-propagation", "gradient-by-distance"):
        assert "theory's bounds (T1)" in (folder / f"figures/{name}-cpu-torch2.13.svg").read_text()
    assert (folder / "report.md").read_text().count("Shaded: theory's bounds for roaf (") == 2
    rivals = report(tmp_path / "rivals", record(measurements=looked()), formats=("md",))
    assert "theory's bounds" not in (rivals / FIGURE).read_text()
    assert "Shaded" not in (rivals / "report.md").read_text()


def test_every_model_has_a_row_the_proposed_ones_first_also_without_a_spectrum(tmp_path):
    names = [*(f"model-{k:02}" for k in range(43)), "roaf", "roaf-cycle"]
    runs = [record(name, measurements=looked() + looked(10)) for name in names]
    stateless = record("transformer", measurements=looked(spectrum=()))
    folder = report(tmp_path, *runs, stateless, formats=("html",))
    figure = (folder / FIGURE).read_text()
    shown = re.findall(r">(roaf[-a-z]*|model-\d+|transformer)</text>", figure)
    assert shown == ["roaf", "roaf-cycle", *names[:43], "transformer"]
    assert figure.count(">no value</text>") == 2
    tags = Tags()
    tags.feed((folder / "index.html").read_text())
    assert tags.open == [] and len(tags.identifiers) == len(set(tags.identifiers))


def test_a_run_that_was_looked_at_once_is_not_shown_as_trained(tmp_path):
    trained = record(measurements=looked() + looked(10))
    folder = report(tmp_path, trained, roaf(*bounded()), formats=("md", "csv"))
    found = [(row["label"], row["stage"], row["step"]) for row in table(folder)]
    assert found == [("lstm", "first", "0"), ("lstm", "last", "10"), ("roaf", "first", "0")]
    assert (folder / FIGURE).read_text().count(">no value</text>") == 1
    gradients = (folder / "figures/gradient-by-distance-cpu-torch2.13.svg").read_text()
    assert "after 10 updates" in gradients and "0 to 10" not in gradients


def test_of_several_seeds_the_median_and_the_widest_band_are_shown(tmp_path):
    gains = {0: 1.0, 1: 3.0, 2: 10.0}
    runs = [
        roaf(*bounded(step_gain=gain, upper={**UPPER, 2: 4.0 + seed}), seed=seed)
        for seed, gain in gains.items()
    ]
    folder = report(tmp_path, *runs, formats=("md", "csv"))
    assert len(table(folder)) == 3
    text = (folder / "report.md").read_text()
    assert re.search(r"\| roaf .*\| 0\.25 to 6 +\| yes +\| 3\.25 +\| 3 +\|", text)
    assert "Signal propagation, 3 seeds: not for claims." in text


def test_a_suite_without_scores_keeps_every_trial_and_names_no_winner(tmp_path):
    trials = [roaf(*bounded(), learning_rate=rate) for rate in (0.1, 0.2)]
    folder = report(tmp_path, *trials, formats=("md", "csv"))
    assert [row["label"] for row in table(folder)] == [f"roaf, learning rate 0.{k}" for k in (1, 2)]
    assert "the lowest validation loss" not in (folder / "report.md").read_text()
    assert not (folder / "tables/winners.csv").exists()


def test_the_same_looks_give_the_same_bytes(tmp_path):
    records = [roaf(*bounded(), *bounded(10)), record(measurements=looked() + looked(10))]
    pages = []
    for name, order in (("first", records), ("second", records[::-1])):
        folder = report(tmp_path / name, *order, formats=("html", "md", "csv"))
        pages.append([p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()])
    assert pages[0] == pages[1] and len(pages[0]) == 2 + 2 + 2 * 3


def test_an_axis_shows_all_values_and_the_edges_that_are_no_bound(tmp_path):
    band = pd.DataFrame({"lower": [1e-20, 1e-3], "upper": [1e20, 1e4]})
    low, high = log_limits([1.0, 50.0], band)
    assert (low, high) == pytest.approx((1e-3 / 10**0.28, 1e4 * 10**0.28))
    assert powers(low, high) == pytest.approx([1e-2, 1, 1e2, 1e4])
    assert powers(0.08, 12.0) == pytest.approx([0.1, 1, 10])
    assert powers(1e-21, 1e21) == pytest.approx([1e-20, 1e-10, 1, 1e10, 1e20])
    assert powers(1e-35, 1e35) == pytest.approx([1e-24, 1e-12, 1, 1e12, 1e24])


def test_an_error_is_shown_to_two_digits_and_its_value_to_as_many_places():
    assert measured_text(-0.0123456, 0.000123) == "-0.01235 ± 0.00012"
    assert measured_text(12.3456, 25.0) == "12 ± 25"
    assert measured_text(-math.inf, math.nan) == "-inf"
    assert measured_text(0.5, 0.0) == measured_text(0.5, None) == "0.5"
    assert measured_text(None, None) == ""
