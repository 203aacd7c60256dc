"""The figures along depth: what came through, what is used, and the runs that have no value."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.diagnostics import use
from bench.records import Measurement, RunRecord, Status
from bench.report.curves import edge_marks
from bench.report.depth_figure import depth
from bench.report.depth_tables import depth_files, depth_tables
from bench.report.groups import labelled_runs
from bench.report.scene import Scene
from bench.report.score_panel import score_panel
from bench.report.signal_ratios import triple
from bench.report.stages import by_stage
from bench.report.styles import Look, looks, styled
from bench.report.used_depth import ERROR, EVENLY, SWEEPS, ablation, picard
from bench.report.used_depth_figure import asked, used_depth
from tests.test_report import report
from tests.test_report_depth import CORE, climbed, run, table, texts

STACK = "cpu-torch2.13"


def scene(*records: RunRecord) -> Scene:
    """What the figures of a ladder are drawn from; its labels are the models' names."""
    runs = labelled_runs(records)
    return Scene(pd.DataFrame(), pd.DataFrame(), {}, looks(runs), [climbed(*records)])


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
    missing = {(row.label, row.ratio) for row in found.itertuples() if row.missing}
    assert missing == {("resnet", name) for _, name in values if name != "forward_norm"}


def test_a_run_that_diverged_is_missing_at_the_end_and_not_at_the_start():
    before, after = (through(10, 2.0, 0.5, 0.1, step) for step in (0, 10))
    runs = [
        run("mlp", 10, 0.5, *before, *after),
        run("mlp", 10, None, *before, status=Status.diverged, seed=1),
        run("resnet", 10, None, *before, status=Status.diverged),
        run("highway", 10, 0.5, *before, *after),
        run("unwatched", 10, 0.5),
    ]
    found = triple(climbed(*runs))
    same = found[found["ratio"] == "forward_norm"].set_index(["label", "stage"])
    assert same["missing"].to_dict() == {
        ("mlp", "first"): False,
        ("mlp", "last"): True,
        ("resnet", "first"): False,
        ("resnet", "last"): True,
        ("highway", "first"): False,
        ("highway", "last"): False,
    }
    assert same["value"]["mlp", "last"] == 2.0 and math.isnan(same["value"]["resnet", "last"])


def test_one_look_at_the_end_is_no_look_at_the_start():
    looked = run("mlp", 10, 0.5, *through(10, 2.0, 0.5, 0.1, step=10), *used(10, 3.0, 10, 0.1))
    assert set(triple(climbed(looked))["stage"]) == {"last"}
    row = texts("used_depth", looked)["mlp"]
    assert row["Picard depth, end"] == "3" and "Picard depth, start" not in row
    begun = run("mlp", 10, None, *used(10, 3.0, 0, 0.0), status=Status.diverged)
    row = texts("used_depth", begun)["mlp"]
    assert (row["Picard depth, start"], row["ok"]) == ("3", "0/1")
    assert not {"Picard depth, end", "median movement"} & set(row)


def test_a_point_of_which_not_all_runs_ended_well_is_marked():
    lost = {"score": None, "status": Status.diverged, "seed": 1}
    runs = [run("mlp", 10, 0.5), run("mlp", 10, **lost), run("mlp", 100, **lost)]
    runs += [run("mlp", 30, 0.6), run("mlp", 30, 0.7, seed=1), run("shallow", 30, **lost)]
    ax, drawn = Figure().subplots(), scene(*runs)
    score_panel(ax, drawn.ladders[0], drawn)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    on_points = [line for line in crosses if line.get_transform() == ax.transData]
    assert [np.asarray(line.get_xydata()).tolist() for line in on_points] == [[[10.0, 0.5]]]
    at_edge = [np.asarray(line.get_xdata())[0] for line in crosses if line not in on_points]
    assert at_edge == pytest.approx([100.0, 30.0], rel=0.36)


def used(depth: int, sweeps: float | None, step: int, moved: float) -> tuple[Measurement, ...]:
    """What the three diagnostics of used depth say of a network, its last two layers and first."""
    rows = [("picard_depth", "0.01", sweeps), ("effective_rank", "0", 3.0)]
    rows += [("ablated_score", "none", 0.8), ("ablated_score", "1", 0.7)]
    rows += [("ablated_score", str(depth), 0.5), ("weight_movement", str(depth), 3 * moved)]
    rows += [("weight_movement", str(round(depth / 8)), moved), ("weight_movement", "3", 99.0)]
    return tuple(Measurement(step, *row) for row in rows)


def test_used_depth_is_read_before_and_after_training():
    deep = run("mlp", 100, 0.5, *used(100, 2.0, 0, 0.0), *used(100, math.inf, 10, 0.1))
    other = run("mlp", 100, 0.5, *used(100, 4.0, 0, 0.0), *used(100, 9.0, 10, 0.3), seed=1)
    (row,) = table("used_depth", deep, other)
    expected = {"picard_depth_first": 3.0, "picard_depth_last": math.inf, "movement": 0.4}
    assert {name: float(row[name]) for name in expected} == pytest.approx(expected)
    assert (row["effective_rank_last"], row["state_cosine_last"]) == ("3.0", "")
    shown = texts("used_depth", deep, other)["mlp"]
    assert (shown["Picard depth, start"], shown["Picard depth, end"]) == ("3", "> 32")
    lost = ablation(climbed(deep)).set_index("place")["value"].to_dict()
    assert lost == pytest.approx({1.0: 0.1, 0.0: 0.3})


def test_a_run_that_was_not_looked_at_is_not_marked_as_failed():
    asks = {"diagnostics": {"picard-depth": [0, 10]}}
    seen = run("mlp", 100, 0.5, *used(100, 2.0, 0, 0.0), *used(100, 3.0, 10, 0.1), **asks)
    unseen = [run("mlp", 100, 0.5, seed=1), run("mlp", 1000, 0.5)]

    def missing(*runs: RunRecord) -> dict[int, bool]:
        ladder = asked(climbed(*runs), "picard-depth")
        found = by_stage(picard(ladder), ladder.rungs)
        return found.groupby("depth")["missing"].any().to_dict()

    assert missing(seen, *unseen) == {100: False}
    lost = run("mlp", 1000, None, status=Status.diverged, **asks)
    assert missing(seen, lost) == {100: False, 1000: True}


def test_the_report_says_what_the_diagnostics_of_used_depth_do():
    assert ERROR in {f"{error:g}" for error in use.PICARD_ERRORS}
    assert (SWEEPS, EVENLY) == (use.PICARD_SWEEPS, use.EVENLY)


def test_a_picard_depth_of_a_state_of_zero_is_undefined_and_not_deep():
    dead = run("mlp", 100, 0.5, *used(100, 2.0, 0, 0.0), *used(100, None, 10, 0.1))
    assert texts("used_depth", dead)["mlp"]["Picard depth, end"] == "undefined"


def test_marks_stand_at_the_edge_in_the_colour_of_their_network():
    ax, look = Figure().subplots(), Look((0.1, 0.2, 0.3), "", "o")
    for marker, places in {"v": [10.0], "^": [20.0, 30.0], "x": []}.items():
        edge_marks(ax, places, marker, look)
    marks = {line.get_marker(): line for line in ax.lines}
    assert set(marks) == {"v", "^"} and marks["v"].get_color() == look.colour
    assert list(np.asarray(marks["^"].get_xdata())) == [20.0, 30.0]
    height = ax.get_xaxis_transform().transform((10.0, 0.0))[1]
    low, high = (line.get_transform().transform(line.get_xydata())[0, 1] for line in ax.lines)
    assert height < low < high


def page_runs() -> list[RunRecord]:
    """A trained network, its frozen core, and one that diverged; few panels, since a figure is
    slow."""
    signal, moved = through(10, 1.0, 1.0, 1.0)[:2], used(10, 2.0, 10, 0.1)[-1:]
    lost = run("mlp", 100, None, *through(100, 0.0, 1.0, 1.0)[:2], status=Status.diverged)
    return [run("mlp", 10, 0.9, *signal, *moved), run("mlp", 10, 0.1, frozen=CORE), lost]


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    return report(tmp_path_factory.mktemp("depth"), *page_runs(), formats=("md", "csv"))


def test_the_page_holds_the_tables_and_the_figures_of_depth(page):
    text = (page / "report.md").read_text()
    heads = re.findall(r"^### (.*)$", text, flags=re.MULTILINE)
    assert heads[0] == "digits-depth: depth and its controls"
    assert heads[1] == "digits-depth: largest depth that reaches the target"
    assert "Comparison line: test accuracy of at least 51.25 %, the middle between" in text
    assert "× fewer runs" in text and "Depth gain: " in text
    words = (page / f"figures/depth-{STACK}.svg").read_text()
    assert all(word in words for word in (">frozen core<", ">chance<", ">at the start<"))
    assert (page / f"figures/depth-{STACK}.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name, figure", [("depth", depth), ("used-depth", used_depth)])
def test_the_same_ladder_in_another_order_gives_the_same_bytes(page, name, figure):
    with styled():
        (drawn,) = figure(scene(*page_runs()[::-1]), f"{name}-{STACK}")
    path = page / f"figures/{name}-{STACK}.svg"
    assert path.read_text() == drawn.svg
    assert path.with_suffix(".png").read_bytes() == drawn.png
    assert path.with_suffix(".pdf").read_bytes() == drawn.pdf


def test_the_same_ladder_in_another_order_gives_the_same_tables(page):
    files = depth_files(depth_tables([climbed(*page_runs()[::-1])]))
    assert {"depth.csv", "largest_depth.csv", "used_depth.csv"} == set(files)
    assert all((page / "tables" / name).read_text() == text for name, text in files.items())
