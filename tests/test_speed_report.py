"""The report of hand-worked points: ratios within a round, figures to reach, and the roof."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.report import render
from bench.report.groups import labelled_measurements, labelled_runs
from bench.report.roofline import Machine, attainable, marks, under_one_roof
from bench.report.speed import Point, machines, points
from bench.report.speed_table import grid, loop_table, speed_boards, speed_files
from bench.report.speed_targets import TARGETS, target_rows, target_table
from bench.store import write_record
from bench.suites import SUITES

FACTS = {"question": "How long?", "metric": "mean squared error", "length": 784, "updates": 0}
ROUNDS = {  # forward, backward of each round
    "roaf-rotations/cpu": [(1.0, 1.0), (2.0, 2.0), (1.0, 1.5)],
    "roaf-rotations/reference": [(10.0, 10.0), (20.0, 20.0), (10.0, 15.0)],
    "nn.RNN": [(4.0, 4.0), (4.0, 6.0), (6.0, 6.5)],
    "nn.LSTM": [(4.0, 4.0), (8.0, 8.0), (4.0, 6.0)],
    "nn.GRU": [(10.0, 12.0), (30.0, 30.0), (10.0, 17.0)],
}
WORK = {
    "roaf-rotations/cpu": (2e9, 1e8),
    "nn.RNN": (1e9, 1e9),
    "nn.LSTM": (8e9, 1e8),
    "nn.GRU": (6e9, 1e8),
}
REFUSED = "roaf-rotations/cuda: backend 'cuda' needs a GPU"


def reading(quantity: str, where: str, value: float | None) -> Measurement:
    return Measurement(0, quantity, where, value)


def rows() -> list[Measurement]:
    found = [reading("refused", REFUSED, None)]
    for name, laps in ROUNDS.items():
        found += [reading("peak_bytes", name, 2e6), reading("gradient_error", name, 1e-6)]
        for forward, backward in laps:
            found += [reading("forward_seconds", name, forward)]
            found += [reading("backward_seconds", name, backward)]
            found += [reading("update_seconds", name, 0.001)]
    for name, (flops, size) in WORK.items():
        found += [reading("least_flops", name, flops), reading("least_bytes", name, size)]
    found += [reading("peak_flops", "product", value) for value in (3e9, 4e9, 2e9)]
    return found + [reading("peak_bandwidth", "copy", value) for value in (1e9, 0.5e9)]


def record(
    *,
    stack: str = "cpu-torch2.13",
    measured: list | None = None,
    processor: str | None = None,
    **changes,
) -> RunRecord:
    fields = {
        "suite": "speed",
        "task": "noise",
        "task_args": {"length": 784},
        "model": "roaf-rotations",
        "model_args": {"filter": "rotations"},
        "seed": 0,
        "width": 128,
        "batch_size": 32,
        "learning_rate": 0.001,
        "updates": 0,
        "threads": 2,
    }
    return RunRecord(
        spec=RunSpec(**(fields | changes)),
        status=Status.ok,
        environment={"stack": stack, "processor": processor},
        facts=FACTS | {"kernel": "cpu"},
        measurements=tuple(rows() if measured is None else measured),
    )


def tables(*records: RunRecord):
    runs = labelled_runs(records)
    return runs, labelled_measurements(records, runs)


def timed(*records: RunRecord) -> list[Point]:
    return points(*tables(*records))


def test_a_ratio_is_taken_within_its_round_and_reported_as_the_median_of_the_rounds():
    (point,) = timed(record())
    assert point.seconds("roaf-rotations/cpu") == (2.0, 4.0, 2.5)
    # 8/2, 10/4, 12.5/2.5: the median of the ratios, which is not the ratio of the medians (4 too),
    assert point.ratios("nn.RNN", point.chosen) == (4.0, 2.5, 5.0)
    (rnn,) = [row for row in target_rows([point]) if row["ratio"] and row["peer"] == "nn.RNN"]
    assert (rnn["ratio"], rnn["ratio_low"], rnn["ratio_high"], rnn["rounds"]) == (4.0, 2.5, 5.0, 3)


def test_a_run_that_was_killed_while_it_was_timed_is_no_point():
    begun = [reading("forward_seconds", "roaf-rotations/cpu", 1.0)]
    killed = replace(record(measured=begun, width=64), status=Status.timeout)
    assert [point.width for point in timed(record(), killed)] == [128]


def test_a_figure_is_reached_at_or_above_it_and_a_missing_machine_is_not_measured():
    table = target_table(target_rows(timed(record())))
    shown = {(r["stack"], r["units"], r["batch"], r["filter"]): r for r in table.to_dict("records")}
    row = shown["cpu-torch2.13", "128", "32", "rotations"]
    assert row["nn.RNN / ROAF"] == "4.00 (2.50 to 5.00) of 3.5"
    assert row["nn.LSTM / ROAF"] == "4.00 (4.00 to 4.00) of 4"
    assert row["nn.GRU / ROAF"] == "11.00 (10.80 to 15.00) of 10"
    assert (row["computed by"], row["reached"]) == ("cpu", "yes")
    gpu = shown["a GPU", "256", "128", "haar"]
    assert gpu["reference / ROAF"] == "not measured of 20"
    assert {r["reached"] for key, r in shown.items() if key[0] == "a GPU"} == {"not measured"}


def test_a_missed_figure_names_over_whom():
    slower = [
        row._replace(value=0.1) if row.where in ("nn.RNN", "nn.GRU") and row.value in FAST else row
        for row in rows()
    ]
    table = target_table(target_rows(timed(record(measured=slower))))
    assert "not over nn.RNN, nn.GRU" in set(table["reached"])


FAST = {value for name in ("nn.RNN", "nn.GRU") for lap in ROUNDS[name] for value in lap}


def test_the_figures_of_a_gpu_are_those_of_its_own_stack():
    found = timed(record(), record(stack="nvidia-h200-torch2.11-cu130"))
    (row,) = [
        row
        for row in target_rows(found)
        if row["stack"] == "nvidia-h200-torch2.11-cu130" and row["peer"] == "reference"
    ]
    assert (row["figure"], row["ratio"], row["reached"]) == (20.0, 10.0, False)


def test_a_target_for_a_backend_that_was_not_timed_is_not_measured():
    (point,) = timed(record(width=1024, batch_size=1))
    asked = [row for row in target_rows([point]) if row["width"] == 1024]
    assert {(row["backend"], row["ratio"]) for row in asked} == {("parallel", None)}


def test_every_shape_that_has_a_figure_is_a_point_of_the_suite():
    filters = {"roaf": "haar", "roaf-rotations": "rotations"}
    suite = {
        (setting.widths["*"], setting.batch_size, filters[model])
        for setting in SUITES["speed"].settings
        for model in setting.models
        if setting.task_args == {"length": 784}
    }
    assert {(t.width, t.batch, t.filter) for t in TARGETS} <= suite


def test_what_was_not_chosen_is_not_called_slow():
    table = loop_table(timed(record()))
    assert table.to_dict("records")[0] | {"point": ""} == {
        "point": "",
        "filter": "rotations",
        "computed by": "cpu",
        "ms": "2,500",
        "reference, ms": "25,000",
        "reference / ROAF": "10.00 (10.00 to 10.00)",
        "not slower": "yes",
    }


def test_the_grid_has_a_column_a_contender_and_says_who_refused():
    found = timed(record())
    assert list(grid(found, lambda point, name: name)) == [
        *("point", "filter", "cpu", "reference", "nn.RNN", "nn.LSTM", "nn.GRU")
    ]
    boards = {board.label: board for board in speed_boards(found, [], "cpu-torch2.13")}
    steps = boards["milliseconds of forward and backward, along time"]
    assert "Not timed: backend 'cuda' needs a GPU (1 of 1)." in steps.sentences
    assert steps.table["cpu"].tolist() == ["2,500 *"]


def test_the_roof_is_the_lower_of_product_and_memory_and_a_mark_is_a_part_of_it():
    runs, measurements = tables(record())
    peaks = machines(measurements)
    assert peaks == {"cpu-torch2.13": Machine(flops=4e9, bandwidth=1e9)}
    assert attainable(peaks["cpu-torch2.13"], 1.0) == 1e9
    assert attainable(peaks["cpu-torch2.13"], 100.0) == 4e9
    found = {mark.contender: mark for mark in marks(points(runs, measurements), peaks)}
    assert set(found) == set(WORK)
    # 20 FLOP a byte: bound by products; 2e9 in the median of 2, 4 and 2.5 seconds, of 4e9
    own = found["roaf-rotations/cpu"]
    assert (own.intensity, own.reached, own.attainable) == (20.0, 0.8e9, 4e9)
    assert own.fraction == pytest.approx(0.2)
    # 1 FLOP a byte: bound by memory; 1e9 in 10 seconds, of 1e9
    assert found["nn.RNN"].fraction == pytest.approx(0.1)


def test_a_roof_is_of_the_processor_that_most_runs_were_made_on():
    faster = [*rows(), reading("peak_flops", "product", 9e9)]
    made = [record(processor="A", width=width) for width in (64, 128)]
    found = under_one_roof(*tables(*made, record(processor="B", width=256, measured=faster)))
    assert {mark.point.width for mark in found} == {64, 128}
    assert {mark.machine.flops for mark in found} == {4e9}


def test_files_hold_the_medians_at_full_precision():
    runs, measurements = tables(record())
    found = points(runs, measurements)
    files = speed_files(found, marks(found, machines(measurements)))
    assert set(files) == {"speed.csv", "figures-to-reach.csv", "roofline.csv"}
    speeds = {row["contender"]: row for row in csv.DictReader(files["speed.csv"].splitlines())}
    assert list(speeds) == list(ROUNDS)
    assert float(speeds["nn.GRU"]["over_chosen"]) == 11.0
    assert [row["chosen"] for row in speeds.values()].count("True") == 1
    assert speed_files([], []) == {}


def test_the_page_has_the_tables_and_the_figure_and_no_leaderboard(tmp_path: Path):
    write_record(record(), tmp_path / "results")
    folder = render("speed", tmp_path / "results", tmp_path / "out")
    text = (folder / "report.md").read_text()
    for title in ("figures to reach", "not slower than the reference loop", "roofline"):
        assert f"### {title}\n" in text
    assert "### noise" not in text
    assert (folder / "figures" / "roofline-cpu-torch2.13.svg").exists()
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    render("speed", tmp_path / "results", tmp_path / "out")
    assert {path: path.read_bytes() for path in first} == first
