"""The report along depth: tables and figures of hand-worked ladders."""

import csv
import math
import re
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.records import Measurement, RunRecord, Status
from bench.report.curves import edge_marks
from bench.report.depth import depth_files, depth_tables
from bench.report.depth_figure import depth
from bench.report.groups import labelled_measurements, labelled_runs
from bench.report.ladder import Ladder, ladders
from bench.report.looks import Look, looks, styled
from bench.report.scene import Scene
from bench.report.tables import leaderboard
from bench.report.triple import triple
from bench.report.used_depth import ablation
from bench.report.used_depth_figure import used_depth
from tests.test_report import FACTS, record, report

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


def scene(*records: RunRecord) -> Scene:
    """What the figures of a ladder are drawn from; its labels are the models' names."""
    runs = labelled_runs(records)
    return Scene(pd.DataFrame(), pd.DataFrame(), {}, looks(runs), [climbed(*records)])


def table(folder: Path, name: str = "depth") -> list[dict]:
    return list(csv.DictReader((folder / f"tables/{name}.csv").read_text().splitlines()))


def test_a_network_stands_beside_its_controls_and_gains_over_the_best_of_them(tmp_path):
    controls = {"shallow": 0.6, "roaf-mlp-identity": 0.7, "roaf-mlp-signed-permutation": 0.65}
    deep = [run(model, 100, score) for model, score in controls.items()]
    deep += [run("roaf-mlp", 100, 0.9), run("roaf-mlp", 100, 0.4, frozen=CORE)]
    deep += [run("resnet-tanh-linear", 100, 0.3)]
    # The best of the first rung by validation is not the best by test.
    first = [run("mlp", 10, 0.8, validation=0.7), run("resnet", 10, 0.75, validation=0.8)]
    folder = report(tmp_path, *deep, *first)
    rows = {(row["label"], row["depth"]): row for row in table(folder)}
    row = rows["roaf-mlp", "100"]
    names = ("frozen_core", "best_shallow", "equal_parameters", "identity", "signed_permutation")
    assert [float(row[name]) for name in names] == [0.4, 0.75, 0.6, 0.7, 0.65]
    assert (row["resnet_same_beta"], row["best_shallow_model"]) == ("0.3", "resnet")
    assert (row["best_control"], float(row["depth_gain"])) == ("best_shallow", pytest.approx(0.15))
    assert (float(row["seconds_per_layer"]), float(row["bytes_per_layer"])) == (0.005, 20_000)
    blank = rows["resnet-tanh-linear", "100"]
    assert [blank[name] for name in ("frozen_core", "identity", "resnet_same_beta")] == [""] * 3
    assert [rows["mlp", "10"][name] for name in ("best_shallow", "depth_gain")] == ["", ""]
    assert not {"shallow", "roaf-mlp, frozen core"} & {row["label"] for row in rows.values()}


def test_a_gain_is_positive_where_a_low_score_is_better(tmp_path):
    scores = {("roaf-mlp", 100): 0.1, ("mlp", 10): 0.4, ("resnet", 10): 0.3}
    folder = report(tmp_path, *(run(*key, score, facts=ERROR) for key, score in scores.items()))
    (row,) = [row for row in table(folder) if row["depth"] == "100"]
    assert (row["best_shallow_model"], float(row["depth_gain"])) == ("resnet", pytest.approx(0.2))


def test_a_ladder_that_begins_deep_has_no_shallow_network(tmp_path):
    folder = report(tmp_path, run(depth=30), run(depth=100))
    assert {row["best_shallow"] for row in table(folder)} == {""}


def test_a_failed_network_is_a_row_and_a_failed_control_is_no_obstacle(tmp_path):
    lost = {"status": Status.diverged, "score": None}
    runs = [run("roaf-mlp", 10, 0.9), run("roaf-mlp", 10, frozen=CORE, **lost), run("mlp", **lost)]
    folder = report(tmp_path, *runs)
    rows = {row["label"]: row for row in table(folder)}
    mlp = [rows["mlp"][name] for name in ("score_mean", "ok", "failures", "depth_gain")]
    assert mlp == ["", "0", "1 diverged", ""]
    assert [rows["roaf-mlp"][name] for name in ("frozen_core", "depth_gain")] == ["", ""]
    assert texts("depth", *runs)["roaf-mlp"]["frozen core"] == "0/1 ok"


def test_frozen_runs_are_never_pooled_with_trained_ones(tmp_path):
    folder = report(tmp_path, run(score=0.9), run(score=0.2, frozen=CORE, seed=1))
    rows = {row["label"]: row["score_mean"] for row in table(folder, "leaderboard")}
    assert rows == {"mlp": "0.9", "mlp, frozen core": "0.2"}


def test_the_largest_depth_is_the_last_that_three_of_five_runs_reach(tmp_path):
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
    folder = report(tmp_path, *runs)
    rows = {row["label"]: row for row in table(folder, "largest_depth")}
    mlp = rows["mlp"]
    assert (mlp["largest_depth"], mlp["is_largest_tried"]) == ("100", "False")
    assert [mlp[f"reached_at_{depth}"] for depth in good] == ["5/5", "3/5", "2/5"]
    shown = texts("largest_depth", *runs)
    assert list(shown["resnet"].values())[1:] == ["≥ 100", "1/1*", "1/1*", ""]
    assert list(shown["resnet, frozen core"].values())[1:] == ["< 10", "0/1*", "", ""]


def test_without_a_target_it_is_the_middle_between_chance_and_the_best(tmp_path):
    folder = report(tmp_path, run(score=0.925), run("resnet", score=0.5))  # chance 0.125
    rows = {row["label"]: row for row in table(folder, "largest_depth")}
    assert float(rows["mlp"]["target"]) == pytest.approx(0.525)
    assert (rows["mlp"]["target_from"], rows["mlp"]["largest_depth"]) == ("data", "10")
    assert rows["resnet"]["largest_depth"] == ""


def through(depth: int, forward: float, gradient: float, weight: float | None, step: int = 0):
    """What the diagnostics say of signal and gradient, first and last layer."""
    ends = {"forward_norm": (2.0 * forward, 2.0), "gradient_by_distance": (3.0, 3.0 * gradient)}
    rows = [
        Measurement(step, name, where, value)
        for name, values in ends.items()
        for where, value in zip(("0", str(depth)), values, strict=True)
    ]
    return (*rows, Measurement(step, "weight_gradient_by_distance", str(depth), weight))


def test_signal_and_gradient_are_ratios_of_the_first_and_the_last_layer():
    seeds = [
        run("mlp", 10, 0.5, *through(10, 4.0, gradient, 0.1), seed=seed)
        for seed, gradient in enumerate((0.0, 0.5, math.inf))
    ]
    dead = run("resnet", 10, 0.5, *through(10, 0.0, math.nan, None))
    found = triple(
        climbed(*seeds, dead, run("mlp", 10, 0.2, *through(10, 9.0, 9.0, 0.0), frozen=CORE))
    )
    values = {(row.label, row.ratio): row.value for row in found.itertuples()}
    assert values["mlp", "forward_norm"] == 4.0
    assert values["mlp", "gradient_by_distance"] == 0.5
    assert values["mlp", "weight_gradient_by_distance"] == 0.1
    assert values["resnet", "forward_norm"] == 0.0
    undefined = {(row.label, row.ratio) for row in found.itertuples() if row.undefined}
    assert undefined == {("resnet", name) for _, name in values if name != "forward_norm"}


def used(depth: int, sweeps: float | None, step: int, moved: float) -> tuple[Measurement, ...]:
    """What the three diagnostics of used depth say of a network, its last two layers and first."""
    rows = [("picard_depth", "0.01", sweeps), ("effective_rank", "0", 3.0)]
    rows += [("ablated_score", "none", 0.8), ("ablated_score", "1", 0.7)]
    rows += [("ablated_score", str(depth), 0.5), ("weight_movement", "1", moved)]
    return tuple(
        Measurement(step, *row) for row in (*rows, ("weight_movement", str(depth), 3 * moved))
    )


def test_used_depth_is_read_before_and_after_training(tmp_path):
    deep = run("mlp", 100, 0.5, *used(100, 2.0, 0, 0.0), *used(100, None, 10, 0.1))
    other = run("mlp", 100, 0.5, *used(100, 4.0, 0, 0.0), *used(100, 9.0, 10, 0.3), seed=1)
    folder = report(tmp_path, deep, other)
    (row,) = table(folder, "used_depth")
    expected = {"picard_depth_first": 3.0, "picard_depth_last": math.inf, "movement": 0.4}
    assert {name: float(row[name]) for name in expected} == pytest.approx(expected)
    assert (row["effective_rank_last"], row["state_cosine_last"]) == ("3.0", "")
    shown = texts("used_depth", deep, other)["mlp"]
    assert (shown["Picard depth, start"], shown["Picard depth, end"]) == ("3", "none")
    lost = ablation(climbed(deep)).set_index("place")["value"].to_dict()
    assert lost == pytest.approx({0.99: 0.1, 0.0: 0.3})


def test_latex_is_escaped_and_stands_alone(tmp_path):
    folder = report(tmp_path, run("my_model", score=0.9), run("my_model", 100, 0.9))
    deep, largest = ((folder / f"tables/{n}.tex").read_text() for n in ("depth", "largest_depth"))
    assert r"digits-depth & 10 & my\_model & 90.00 \% &" in deep
    assert r"\begin{longtable}" in deep and r"\begin{tabular}{llrrr}" in largest
    assert r"$\ge$ 100" in largest and largest.rstrip().endswith(r"\end{tabular}")
    lines = [line for line in (deep + largest).splitlines() if not line.startswith("%")]
    assert "\n".join(lines).isascii()


def test_marks_stand_at_the_edge_in_the_colour_of_their_network():
    ax, look = Figure().subplots(), Look((0.1, 0.2, 0.3), "", "o")
    for marker, places in {"v": [10.0], "^": [20.0, 30.0], "x": []}.items():
        edge_marks(ax, places, marker, look)
    marks = {line.get_marker(): line for line in ax.lines}
    assert set(marks) == {"v", "^"} and marks["v"].get_color() == look.colour
    assert list(marks["^"].get_xdata()) == [20.0, 30.0]
    height = ax.get_xaxis_transform().transform((10.0, 0.0))[1]
    low, high = (line.get_transform().transform(line.get_xydata())[0, 1] for line in ax.lines)
    assert height < low < high


def test_suites_along_time_or_without_a_test_have_no_table_of_depth(tmp_path):
    folder = report(tmp_path, record(depth=10), record(depth=100), run("mlp", 10, None))
    assert {path.name for path in (folder / "tables").iterdir()} == {"leaderboard.csv"}


def test_the_page_holds_the_tables_and_the_figures_of_depth(tmp_path):
    runs = [run("mlp", 10, 0.9, *through(10, 1.0, 1.0, 1.0)), run("mlp", 10, 0.1, frozen=CORE)]
    runs += [run("mlp", 100, None, *through(100, 0.0, math.inf, None), status=Status.diverged)]
    folder = report(tmp_path, *runs, formats=("md",))
    text = (folder / "report.md").read_text()
    heads = re.findall(r"^### (.*)$", text, flags=re.MULTILINE)
    assert heads[0] == "digits-depth: depth and its controls"
    assert heads[1] == "digits-depth: largest depth that is solved"
    assert "Target: test accuracy of at least 51.25 %, the middle between chance" in text
    assert "× no number" in text and "Depth gain: " in text and "Used depth: " not in text
    figure = folder / "figures/depth-cpu-torch2.13"
    words = figure.with_name(figure.name + ".svg").read_text()
    assert all(word in words for word in (">frozen core<", ">chance<", ">at the start<"))
    assert figure.with_name(figure.name + ".pdf").read_bytes().startswith(b"%PDF")


def test_the_same_ladder_gives_the_same_bytes():
    records = [
        run(
            model,
            layers,
            0.5,
            *through(layers, 1.0, 0.5, 0.2),
            *used(layers, 2.0, 10, 0.1),
            seed=seed,
        )
        for model, seed in (("roaf-mlp", 0), ("mlp", 0), ("mlp", 1))
        for layers in (10, 100)
    ]
    with styled():
        drawn = [
            (depth(scene(*order), "depth"), used_depth(scene(*order), "used-depth"))
            for order in (records, records[::-1])
        ]
    assert drawn[0] == drawn[1] and None not in drawn[0]
    files = [depth_files(depth_tables([climbed(*order)])) for order in (records, records[::-1])]
    assert files[0] == files[1]
    assert {"depth.csv", "largest_depth.tex", "used_depth.csv"} < set(files[0])
