"""The figures: what they compute, how they look, and that thirty models can be read."""

import itertools
import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.records import Measurement, RunRecord, Status
from bench.report.averages import averages, band_words
from bench.report.cost_figure import front, is_spread, seconds, sizes
from bench.report.figures import draw
from bench.report.groups import labelled_measurements, labelled_runs
from bench.report.ladder import ladders
from bench.report.largest_figure import largest_depths
from bench.report.leaderboard import leaderboard, task_facts
from bench.report.legend_columns import EVERYWHERE, MOST_COLUMNS, MOST_LINES, dealt, is_headline
from bench.report.log_axis import tick_texts, ticks_between
from bench.report.overall_table import overall
from bench.report.panels import PAGE, TALLEST, Drawing, pages
from bench.report.scaling_figure import timed_sizes, trained_sizes
from bench.report.scene import Scene, thinned
from bench.report.speed import Point
from bench.report.statistics import summarise, target_curves
from bench.report.styles import looks, styled
from bench.report.target_figure import stairs
from bench.suites.names import ALL_TIME
from tests.test_report import FACTS, record
from tests.test_report_depth import run

STACK = "cpu-torch2.13"


def scene_of(*records: RunRecord) -> Scene:
    """What the figures are drawn from, of records of one stack."""
    runs = labelled_runs(records)
    measurements = labelled_measurements(records, runs)
    board = leaderboard(runs, measurements)
    facts = {str(group): task_facts(of) for group, of in runs.groupby("group", sort=False)}
    return Scene(
        measurements,
        board,
        facts,
        looks(runs),
        ladders(runs, measurements, board),
        targets=target_curves(runs, measurements),
        profile=overall(runs, measurements).profile(STACK),
    )


def trained(model: str, seed: int, quality: float, **spec) -> RunRecord:
    """A run whose loss, score, gradient and speed depend on the model."""
    steps, noise = (2, 4, 6, 8, 10), 0.02 * seed
    rows = [("train_loss", "all", s, (2 - quality) / s + noise) for s in steps]
    rows += [("validation_score", "all", s, 0.125 + 0.08 * s * quality - noise) for s in steps]
    rows += [("test_score", "all", 10, 0.1 + 0.8 * quality - noise)]
    rows += [("step_seconds", "window", s, 0.01 * (1 + quality + noise)) for s in steps]
    rows += [("peak_bytes", "process", 10, 1e6)]
    rows += [
        ("gradient_by_distance", str(distance), step, (0.5 + quality / 2) ** distance)
        for step in (0, 10)
        for distance in (0, 1, 2, 4, 8)
    ]
    facts = {**FACTS, "parameters": int(1000 * (1 + quality))}
    measured = tuple(Measurement(step, name, where, value) for name, where, step, value in rows)
    return record(model, seed, measurements=measured, facts=facts, **spec)


def crowd(models: int, tasks: int = 2, seeds: int = 2) -> list[RunRecord]:
    """So many of the time models on so many lengths."""
    return [
        trained(model, seed, (place + 1) / models, task_args={"length": 10 * (task + 1)})
        for place, model in enumerate(ALL_TIME[:models])
        for task in range(tasks)
        for seed in range(seeds)
    ]


@pytest.fixture(scope="module")
def crowded() -> list[tuple[Drawing, Figure]]:
    """Thirty models on two tasks: every drawing, and its figure after it was drawn."""
    figures: list[Figure] = []
    engine = Figure.set_layout_engine

    def kept(figure: Figure, layout: Any = None, **more: Any) -> None:
        engine(figure, layout, **more)
        figures.extend([figure] if layout == "none" else [])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "set_layout_engine", kept)
        drawings = list(draw(scene_of(*crowd(30)), STACK))
    return list(zip(drawings, figures, strict=True))


def test_a_band_is_the_interval_of_the_tables_from_three_seeds_on_and_the_range_of_two():
    values = {"lstm": [0.7, 0.9, 0.8], "gru": [0.5, 0.6], "elman": [0.4]}
    rows = [
        {"label": label, "seed": seed, "value": x}
        for label in values
        for seed, x in enumerate(values[label])
    ]
    table = averages(pd.DataFrame(rows), ["label"])
    known = summarise(values["lstm"])
    expected = {
        "lstm": [known.mean, known.low, known.high, 3],
        "gru": [0.55, 0.5, 0.6, 2],
        "elman": [0.4, 0.4, 0.4, 1],
    }
    for row in table.to_dict("records"):
        found = [row[name] for name in ("value", "low", "high", "n")]
        assert found == pytest.approx(expected[row["label"]])
    assert band_words(table) == (
        "n = 1 to 3 seeds; the band is the 95 % t-interval of the mean from 3 seeds on and the "
        "range of two"
    )


def test_on_a_logarithmic_axis_the_mean_is_that_of_the_logarithms():
    # log10: 0, 1, 2: mean 1, s = 1, half width 4.302653 / sqrt(3) = 2.484138.
    rows = pd.DataFrame({"label": "a", "seed": range(3), "value": [1.0, 10.0, 100.0]})
    (row,) = averages(rows, ["label"], logarithmic=True).to_dict("records")
    found = [math.log10(row[name]) for name in ("value", "low", "high")]
    assert found == pytest.approx([1.0, 1 - 2.484138, 1 + 2.484138], abs=1e-6)


def test_many_models_are_dealt_over_columns_the_first_proposed_ones_in_all():
    for count in (13, 30, 46):
        labels = list(ALL_TIME[::-1][:count])
        columns = dealt(labels)
        everywhere = set.intersection(*map(set, columns))
        proposed = [label for label in labels if is_headline(label)]
        assert [label for label in labels if label in everywhere] == proposed[:EVERYWHERE]
        others = [label for column in columns for label in column if label not in everywhere]
        assert others == [label for label in labels if label not in everywhere]
        assert len(columns) <= MOST_COLUMNS
        assert max(map(len, columns)) <= MOST_LINES or len(columns) == MOST_COLUMNS


def test_ticks_are_few_and_written_alike():
    assert ticks_between(0.5, 2e4) == [1.0, 10.0, 100.0, 1000.0, 10000.0]
    assert ticks_between(4.0, 70.0) == [5.0, 10.0, 20.0, 50.0]
    assert ticks_between(0.24, 0.32) == pytest.approx([0.25, 0.3])
    assert tick_texts([0.0, 1.0, 1e4]) == ["0", "1", "10,000"]
    assert tick_texts([8e4, 1e5, 1.5e5]) == ["80,000", "100,000", "150,000"]
    assert tick_texts([1e-20, 1e-5, 1.0]) == ["10⁻²⁰", "10⁻⁵", "1"]


def test_pages_hold_about_equally_much():
    assert [list(page) for page in pages(range(7), 3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [len(page) for page in pages(range(9), 8)] == [5, 4]
    assert pages([], 3) == []


def test_thinned_points_keep_the_last_one():
    points = pd.DataFrame({"x": range(100), "y": range(100)})
    found = thinned(points)
    assert len(found) == 34 and found[-1].tolist() == [99, 99] and found[0].tolist() == [0, 0]


def test_every_figure_has_the_width_of_paper_and_letters_that_can_be_read(crowded):
    assert {drawing.name.split(f"-{STACK}")[0] for drawing, _ in crowded} == {
        *("test-score", "score-by-cost", "scaling", "time-to-target"),
        *("learning-curves", "score-curves", "gradient-by-distance"),
    }
    for drawing, figure in crowded:
        assert drawing.svg.count(f'width="{72 * PAGE:g}pt"') == 1, drawing.name
        assert figure.get_figheight() <= TALLEST + 0.5
        sizes = {
            float(size) for size in re.findall(r"font(?:-size)?: (?:\w+ )?([\d.]+)px", drawing.svg)
        }
        assert sizes and min(sizes) >= 7
        assert drawing.pdf.startswith(b"%PDF") and b"CreationDate" not in drawing.pdf
        assert b"/MediaBox [ 0 0 504 " in drawing.pdf


def test_thirty_models_are_all_named_in_every_figure_of_models(crowded):
    for drawing, _ in crowded:
        words = set(re.findall(r">([^<>]+)</text>", drawing.svg))
        solving = drawing.name.startswith("time-to-target")  # others have no line in it
        assert words >= set(ALL_TIME[25:30] if solving else ALL_TIME[:30]), drawing.name


def test_nothing_is_drawn_without_data():
    bare = record(measurements=(), status=Status.error, error="no such layer", facts={})
    assert list(draw(scene_of(bare), STACK)) == []


def test_the_same_records_in_another_order_give_the_same_bytes():
    runs = crowd(2, tasks=1)
    first, second = (list(draw(scene_of(*order), STACK)) for order in (runs, runs[::-1]))
    assert first == second and len(first) == 6


def test_no_legend_covers_a_panel_and_no_names_cover_each_other(crowded):
    with styled():
        for _, figure in crowded:
            _check_room(figure)


def _check_room(figure: Figure) -> None:
    """The legends below the figure are clear of the panels, and ticks' names of each other."""
    panels = [ax for ax in figure.axes if ax.axison]
    boxes = [ax.get_window_extent() for ax in panels]
    for legend in figure.legends:
        assert not any(legend.get_window_extent().overlaps(box) for box in boxes)
    for ax in panels:
        for axis in (ax.xaxis, ax.yaxis):
            texts = [t for t in axis.get_ticklabels() if t.get_text() and t.get_visible()]
            ends = [t.get_window_extent() for t in texts]
            inside = [box for box in ends if box.width > 0]
            for one, other in itertools.pairwise(inside):
                assert not one.padded(-1).overlaps(other.padded(-1)), ax.get_title()


def test_the_seconds_of_a_run_are_those_of_all_its_windows():
    # 5 updates of 9 s, then 3 of 0.5 s and 1 of 0.7 s.
    scene = scene_of(record())
    final = scene.rows[scene.rows["quantity"] == "test_score"].tail(1)
    assert seconds(scene.rows, final).tolist() == pytest.approx([5 * 9 + 3 * 0.5 + 0.7])
    assert sizes(scene, final).tolist() == [12345]
    untimed = scene.rows[scene.rows["quantity"] != "step_seconds"]
    assert seconds(untimed, final).isna().all()


def test_costs_are_spread_if_they_differ_by_more_than_they_are_matched():
    assert is_spread(pd.Series([100.0, 120.0])) and not is_spread(pd.Series([100.0, 110.0]))
    assert not is_spread(pd.Series([math.nan])) and not is_spread(pd.Series([0.0, 5.0]))


def test_the_front_holds_what_nothing_cheaper_matches():
    points = {"a": (1, 0.5), "b": (2, 0.5), "c": (3, 0.9), "d": (3, 0.8), "e": (9, 0.1)}
    means = pd.DataFrame(points, index=["cost", "score"]).T
    assert front(means, 1).index.tolist() == ["a", "c"]
    assert front(means, -1).index.tolist() == ["a", "e"]


def test_a_staircase_rises_where_a_run_gets_there():
    rows = pd.DataFrame({"label": "a", "steps": [4, 8], "share": [0.5, 0.75]})
    found = stairs(rows)
    assert found["step"].tolist() == [0, 4, 4, 8, 8]
    assert found["value"].tolist() == [0, 0, 0.5, 0.5, 0.75]


def test_runs_at_several_lengths_or_depths_tell_how_time_and_memory_grow():
    deep = [run("mlp", depth, 0.5) for depth in (10, 100)]
    scene = scene_of(*(trained("gru", 0, 0.5, task_args={"length": n}) for n in (20, 40)), *deep)
    table = trained_sizes(scene.board)
    long = table[table["label"] == "gru"]
    assert long[["along", "setting"]].drop_duplicates().values.tolist() == [["steps", "copy/urnn"]]
    assert long["size"].tolist() == [20, 40]
    assert long["seconds"].tolist() == pytest.approx([0.015, 0.015])
    assert set(table.loc[table["label"] == "mlp", "along"]) == {"layers"}


def test_a_depth_that_reaches_the_target_is_filled_and_one_that_does_not_is_hollow(monkeypatch):
    runs = [run("mlp", depth, score) for depth, score in ((10, 0.9), (100, 0.8), (1000, 0.1))]
    drawn: list[Figure] = []
    monkeypatch.setattr(
        "bench.report.largest_figure.finish", lambda figure, *words: drawn.append(figure)
    )
    with styled():
        list(largest_depths(scene_of(*runs), "largest"))
    marks = [line for line in drawn[0].axes[0].lines if line.get_marker() == "o"]
    fills = {float(np.asarray(m.get_xdata())[0]): m.get_markerfacecolor() for m in marks}
    assert {depth: fill == "white" for depth, fill in fills.items()} == {
        10.0: False,
        100.0: False,
        1000.0: True,
    }


def test_timed_points_vary_one_size_while_the_others_stay():
    shapes = [(784, 64), (784, 128), (64, 64)]
    table = timed_sizes([timed(*shape) for shape in shapes])
    own = table[(table["along"] == "width") & (table["label"] == "roaf")]
    assert own["setting"].tolist() == ["time steps 784, batch 8"] * 2 + ["time steps 64, batch 8"]
    assert own["size"].tolist() == [64, 128, 64]
    assert set(table["label"]) == {"roaf", "nn.LSTM"}
    assert own["seconds"].tolist() == [3.0] * 3 and own["megabytes"].tolist() == [2.0] * 3


def timed(steps: int, width: int) -> Point:
    """A point at which the model took 3 s and its slower way and torch's network took more."""
    names = {"roaf/cpu": 1.0, "roaf/reference": 5.0, "nn.LSTM": 2.0}
    readings = {
        "forward_seconds": {name: (x, x, x) for name, x in names.items()},
        "backward_seconds": {name: (2 * x, 2 * x, 9 * x) for name, x in names.items()},
        "peak_bytes": {"roaf/cpu": (2e6,)},
    }
    return Point(STACK, "roaf", "haar", steps, width, 8, False, "cpu", readings, {})
