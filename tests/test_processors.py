"""Seconds of unlike processors: named in the table, and never in one picture."""

from dataclasses import replace

import pandas as pd

from bench.records import RunRecord
from bench.report.cost_figure import score_by_cost
from bench.report.processors import on_the_usual_one
from bench.report.scaling_figure import trained_sizes
from bench.report.styles import styled
from tests.test_report_drawings import scene_of
from tests.test_report_tables import STACK, TASK, boards, gathered, scored, texts

CAUTION = "Seconds of unlike processors do not compare."


def on(processor: str, run: RunRecord) -> RunRecord:
    return replace(run, environment={"stack": STACK, "processor": processor})


def test_the_table_names_the_processors_where_there_are_several(tmp_path):
    slow, fast = on("A", scored("gru", 0, 0.5)), on("B", scored("lstm", 0, 0.5))
    own = boards(gathered(tmp_path / "two", slow, fast, on("A", scored("lstm", 1, 0.5))))[TASK]
    assert {label: row["processor"] for label, row in texts(own).items()} == {
        "gru": "A",
        "lstm": "A; B",
    }
    assert own.caption.endswith(CAUTION)
    one = boards(gathered(tmp_path / "one", slow, on("A", scored("lstm", 0, 0.5))))[TASK]
    assert "processor" not in one.table and CAUTION not in one.caption


def test_the_usual_processor_is_that_of_most_rows_of_a_group_and_an_unnamed_one_is_a_kind():
    rows = pd.DataFrame({"group": list("xxxyyy"), "processor": ["A", "B", "B", None, None, "A"]})
    kept = on_the_usual_one(rows, "group")
    assert kept.tolist() == [False, True, True, True, True, False]
    assert not len(on_the_usual_one(rows.iloc[:0], "group"))


def test_the_front_of_cost_has_the_seconds_of_one_processor():
    runs = [
        on("A", scored("gru", 0, 0.5)),
        on("A", replace(scored("lstm", 0, 0.6), measurements=slower(scored("lstm", 0, 0.6)))),
        on("B", scored("elman", 0, 0.7)),
    ]
    with styled():
        (mixed,) = score_by_cost(scene_of(*runs), "cost")
        (alone,) = score_by_cost(scene_of(*runs[:2]), "cost")
    assert "processor" in mixed.caption and "processor" not in alone.caption
    assert mixed.svg.count("<use") == alone.svg.count("<use")


def slower(run: RunRecord) -> tuple:
    """Its measurements, of updates that took ten times as long."""
    return tuple(
        m._replace(value=10 * m.value) if m.quantity == "step_seconds" else m
        for m in run.measurements
    )


def test_a_line_along_the_sizes_is_of_one_processor(tmp_path):
    runs = [
        on(where, scored("lstm", 0, 0.5, task_args={"length": size}))
        for where, size in (("A", 10), ("A", 20), ("B", 30))
    ]
    assert trained_sizes(gathered(tmp_path, *runs).board)["size"].tolist() == [10, 20]
