"""The report along depth: the tables of hand-worked ladders."""

import csv

import pytest

from bench.records import Measurement, RunRecord, Status
from bench.report.depth_table import depth_rows, depth_sentence
from bench.report.depth_tables import depth_files, depth_tables
from bench.report.groups import labelled_measurements, labelled_runs
from bench.report.ladder import Ladder, ladders
from bench.report.leaderboard import leaderboard
from tests.test_report import FACTS, record, report
from tests.test_report import leaderboard as leaderboard_rows

CORE = ("body.*",)
OPEN = FACTS | {"solved": None}
ERROR = OPEN | {"metric": "mean squared error", "direction": "min", "chance": 1.0}


def run(
    model: str = "mlp",
    depth: int = 10,
    score: float | None = 0.5,
    *more: Measurement,
    facts: dict = OPEN,
    validation: float | None = None,
    status: Status = Status.ok,
    seed: int = 0,
    frozen: tuple[str, ...] = (),
    **spec,
) -> RunRecord:
    """A short run along depth; its validation score is the test score unless it is given."""
    known = score if validation is None else validation
    scores = [("test_score", score), ("validation_score", known)]
    measured = [Measurement(10, name, "all", value) for name, value in scores if value is not None]
    measured += [Measurement(10, "step_seconds", "window", 0.5)]
    measured += [Measurement(10, "peak_bytes", "process", 2e6)]
    return record(
        model,
        seed,
        status=status,
        facts=facts,
        measurements=(*measured, *more),
        task="digits-depth",
        task_args={},
        axis="depth",
        depth=depth,
        frozen=frozen,
        **spec,
    )


def climbed(*records: RunRecord) -> Ladder:
    runs = labelled_runs(records)
    measurements = labelled_measurements(records, runs)
    (ladder,) = ladders(runs, measurements, leaderboard(runs, measurements))
    return ladder


def texts(name: str, *records: RunRecord) -> dict[str, dict]:
    """The table as the page shows it, a row a model."""
    (table,) = [table for table in depth_tables([climbed(*records)]) if table.name == name]
    return {row["model"]: row for row in table.text.to_dict("records")}


def gained(*records: RunRecord) -> tuple:
    """The best control of the deepest network and the gain over it."""
    row = depth_rows(climbed(*records))[-1]
    return row["best_control"], row["depth_gain"]


def table(name: str, *records: RunRecord) -> list[dict]:
    """The rows of the CSV file."""
    text = depth_files(depth_tables([climbed(*records)]))[f"{name}.csv"]
    return list(csv.DictReader(text.splitlines()))


def test_a_network_stands_beside_its_controls_and_gains_over_the_best_of_them():
    controls = {"shallow": 0.6, "roaf-mlp-identity": 0.7, "roaf-mlp-signed-permutation": 0.65}
    deep = [run(model, 100, score) for model, score in controls.items()]
    deep += [run("roaf-mlp", 100, 0.9), run("roaf-mlp", 100, 0.4, frozen=CORE)]
    deep += [run("resnet-tanh-linear", 100, 0.3)]
    # The best of the first rung by validation is not the best by test.
    first = [run("mlp", 10, 0.8, validation=0.7), run("resnet", 10, 0.75, validation=0.8)]
    rows = {(row["label"], row["depth"]): row for row in table("depth", *deep, *first)}
    row = rows["roaf-mlp", "100"]
    names = ("frozen_core", "best_shallow", "equal_parameters", "identity", "signed_permutation")
    assert [float(row[name]) for name in names] == [0.4, 0.75, 0.6, 0.7, 0.65]
    assert (row["resnet_same_beta"], row["best_shallow_model"]) == ("0.3", "resnet")
    assert (row["best_control"], float(row["depth_gain"])) == ("best_shallow", pytest.approx(0.15))
    common = float(row["common_gain"]), row["best_common_control"], row["learning_rate"]
    assert common == (pytest.approx(0.15), "best_shallow", "0.001")
    assert (float(row["seconds_per_layer"]), float(row["bytes_per_layer"])) == (0.005, 20_000)
    blank = rows["resnet-tanh-linear", "100"]
    assert [blank[name] for name in ("frozen_core", "identity", "resnet_same_beta")] == [""] * 3
    assert [rows["mlp", "10"][name] for name in ("best_shallow", "depth_gain")] == ["", ""]
    assert not {"shallow", "roaf-mlp, frozen core"} & {row["label"] for row in rows.values()}


def test_a_gain_is_positive_where_a_low_score_is_better():
    scores = {("roaf-mlp", 100): 0.1, ("mlp", 10): 0.4, ("resnet", 10): 0.3}
    runs = [run(*key, score, facts=ERROR) for key, score in scores.items()]
    (row,) = [row for row in table("depth", *runs) if row["depth"] == "100"]
    assert (row["best_shallow_model"], float(row["depth_gain"])) == ("resnet", pytest.approx(0.2))


def test_a_gain_is_paired_by_seed_where_the_seeds_agree():
    # Gains 0.1, 0.2, 0.3: mean 0.2, s = 0.1, half width t(0.975, 2) * 0.1 / sqrt(3) = 0.248414,
    # though the scores of either alone spread far more.
    own, core = (0.3, 0.6, 0.9), (0.2, 0.4, 0.6)
    twins = [run("roaf-mlp", score=score, seed=seed) for seed, score in enumerate(own)]
    cores = [run("roaf-mlp", score=x, seed=seed, frozen=CORE) for seed, x in enumerate(core)]
    identity = run("roaf-mlp-identity", score=0.5)
    shown = [texts("depth", *twins, *more)["roaf-mlp"] for more in (cores, cores[1:], cores[2:])]
    assert [row["depth gain"] for row in shown] == [
        "+20.00 (-4.84 to +44.84), n = 3",
        "+10.00, n = 3 and 2",
        "+0.00*, n = 3 and 1",
    ]
    assert texts("depth", twins[0], cores[0])["roaf-mlp"]["depth gain"] == "+10.00*"
    row = texts("depth", *twins, *cores, identity)["roaf-mlp"]
    assert (row["depth gain"], row["over"]) == ("+10.00*, n = 3 and 1", "O = identity")
    common = row["gain over common controls"], row["over which"]
    assert common == ("+20.00 (-4.84 to +44.84), n = 3", "frozen core")


def test_a_control_of_another_width_or_of_other_updates_does_not_count():
    deep = run("mlp", 100, 0.9, width=16)
    others = [run("mlp", 10, 0.5, width=32), run("resnet", 10, 0.4, width=16, updates=9)]
    others += [run("shallow", 100, 0.6, width=32)]
    assert gained(deep, *others) == (None, None)
    assert gained(deep, *others, run("gru", 10, 0.3, width=16)) == (
        "best_shallow",
        pytest.approx(0.6),
    )


def test_a_ladder_that_begins_deep_has_no_shallow_network():
    rows = table("depth", run(depth=30), run(depth=100))
    assert {row["best_shallow"] for row in rows} == {""}


def test_a_failed_network_is_a_row_and_a_failed_control_is_no_obstacle():
    lost = {"status": Status.diverged, "score": None}
    runs = [run("roaf-mlp", 10, 0.9), run("roaf-mlp", 10, frozen=CORE, **lost), run("mlp", **lost)]
    rows = {row["label"]: row for row in table("depth", *runs)}
    mlp = [rows["mlp"][name] for name in ("score_mean", "ok", "failures", "depth_gain")]
    assert mlp == ["", "0", "1 diverged", ""]
    assert [rows["roaf-mlp"][name] for name in ("frozen_core", "depth_gain")] == ["", ""]
    assert texts("depth", *runs)["roaf-mlp"]["frozen core"] == "0/1 ok"


def test_frozen_runs_are_never_pooled_with_trained_ones(tmp_path):
    folder = report(tmp_path, run(score=0.9), run(score=0.2, frozen=CORE, seed=1))
    rows = {row["label"]: row["score_mean"] for row in leaderboard_rows(folder)}
    assert rows == {"mlp": "0.9", "mlp, frozen core": "0.2"}


def test_the_largest_depth_is_the_last_that_three_of_five_runs_reach():
    facts = FACTS | {"solved": 0.5}
    good = {10: 5, 100: 3, 1000: 2}
    runs = [
        run("mlp", depth, 0.6 if seed < reached else 0.4, seed=seed, facts=facts)
        for depth, reached in good.items()
        for seed in range(4 if depth == 100 else 5)
    ]
    runs += [run("mlp", 100, None, seed=4, status=Status.timeout, facts={})]
    runs += [run("resnet", depth, 0.6, facts=facts) for depth in (10, 100)]
    runs += [run("resnet", 10, 0.3, frozen=CORE, facts=facts)]
    rows = {row["label"]: row for row in table("largest_depth", *runs)}
    mlp = rows["mlp"]
    assert (mlp["largest_depth"], mlp["is_largest_tried"]) == ("100", "False")
    assert [mlp[f"reached_at_{depth}"] for depth in good] == ["5/5", "3/5", "2/5"]
    shown = texts("largest_depth", *runs)
    assert list(shown["resnet"].values())[1:] == ["≥ 100", "1/1*", "1/1*", ""]
    assert list(shown["resnet, frozen core"].values())[1:] == ["< 10", "0/1*", "", ""]


def test_without_a_target_it_is_the_middle_between_chance_and_the_best():
    runs = run(score=0.925), run("resnet", score=0.5)  # chance 0.125
    rows = {row["label"]: row for row in table("largest_depth", *runs)}
    assert float(rows["mlp"]["target"]) == pytest.approx(0.525)
    assert (rows["mlp"]["target_from"], rows["mlp"]["largest_depth"]) == ("data", "10")
    assert rows["resnet"]["largest_depth"] == ""


def test_a_depth_that_was_never_tested_has_not_missed_the_target():
    known = run(depth=10, score=0.9), run(depth=100, score=0.9)
    (row,) = table("largest_depth", *known, run(depth=1000, score=None))
    assert (row["largest_depth"], row["is_largest_tried"]) == ("100", "True")
    (row,) = table("largest_depth", *known, run(depth=1000, score=None, status=Status.timeout))
    assert (row["largest_depth"], row["is_largest_tried"]) == ("100", "False")


def test_suites_along_time_or_without_a_test_have_no_table_of_depth(tmp_path):
    folder = report(tmp_path, record(depth=10), record(depth=100), run("mlp", 10, None))
    names = {path.name for path in (folder / "tables").iterdir()}
    assert names == {"leaderboard.csv", "published.csv"}


def test_the_depth_that_a_task_needs_is_said():
    runs = [run(facts=OPEN | {"depth_needed": 20}), run("resnet", facts=OPEN)]
    assert "Depth needed: 20 layers (the task's own)." in depth_sentence(climbed(*runs))
    assert "Depth needed" not in depth_sentence(climbed(runs[1]))
