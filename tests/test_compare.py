"""`bench compare`: what differs between two sets of records, and when that is a regression."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.records import Measurement, RunRecord, Status
from bench.store import write_record
from tests.specs import tiny

ACCURACY = {"metric": "accuracy", "chance": 0.1, "solved": 0.9, "direction": "max"}
ERROR = {"metric": "mean squared error", "chance": 0.2, "solved": 0.0, "direction": "min"}


def record(
    score: float | None = 0.5,
    seconds: float | None = None,
    status: Status = Status.ok,
    facts: dict = ACCURACY,
    stack: str = "cpu-test",
    processor: str = "one",
    **spec,
) -> RunRecord:
    rows = [("test_score", "all", score)] * (score is not None)
    rows += [("step_seconds", "window", seconds)] * (seconds is not None)
    return RunRecord(
        spec=tiny(**spec),
        status=status,
        versions={"torch": "2.13.0"},
        environment={"stack": stack, "processor": processor},
        facts=facts,
        measurements=tuple(Measurement(6, *row) for row in rows),
    )


def compared(*words: str | Path) -> tuple[int, str]:
    """(exit code, output) of the command."""
    result = CliRunner().invoke(main, ["compare", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def sides(tmp_path):
    """A function that writes both sides and gives (exit code, the JSON's rows, all of the JSON)."""

    def write(a: list[RunRecord], b: list[RunRecord], *options: str):
        for name, records in (("a", a), ("b", b)):
            for each in records:
                write_record(each, tmp_path / name)
        code, output = compared(tmp_path / "a", tmp_path / "b", "--format", "json", *options)
        data = json.loads(output)
        return code, data["rows"], data

    return write


def seeds(scores, **changes) -> list[RunRecord]:
    return [record(score, seed=seed, **changes) for seed, score in enumerate(scores)]


def test_a_folder_does_not_differ_from_itself(tmp_path):
    for each in seeds((0.5, 0.6, 0.7), seconds=0.1):
        write_record(each, tmp_path)
    code, output = compared(tmp_path, tmp_path)
    assert code == 0
    assert "3 pairs in 1 rows; no regression beyond a margin of 0.05" in output
    assert "seconds B/A" in output and "1.000" in output
    assert "only in" not in output and "outcomes" not in output


def test_the_difference_is_paired_by_seed_and_worse_than_the_margin_is_a_regression(sides):
    # Differences -0.08, -0.10, -0.12: mean -0.1, s = 0.02, t(0.975, 2) = 4.302653, so that the half
    # width is 4.302653 * 0.02 / sqrt(3) = 0.049683. Unpaired the interval would hold 0.
    code, (row,), _ = sides(seeds((0.2, 0.5, 0.9)), seeds((0.12, 0.4, 0.78)))
    assert code == 3
    assert row["worse"] == ["score"]
    scores = row["scores"]
    assert scores["difference"] == pytest.approx(-0.1)
    assert (scores["low"], scores["high"]) == pytest.approx((-0.149683, -0.050317), abs=1e-6)
    assert (scores["n"], scores["allowed"]) == (3, 0.05)


@pytest.mark.parametrize(
    "a, b, margin, code",
    [
        ((0.2, 0.5, 0.9), (0.12, 0.4, 0.78), "0.11", 0),  # within the margin
        ((0.5, 0.5, 0.5), (0.1, 0.5, 0.6), "0.05", 0),  # mean -0.1, but the interval holds 0
        ((0.5, 0.5, 0.5), (0.6, 0.65, 0.7), "0.05", 0),  # better
        ((0.5,), (0.44,), "0.05", 3),  # one pair: the margin alone
        ((0.5,), (0.46,), "0.05", 0),
        ((0.5, 0.75), (0.25, 0.5), "0.05", 3),  # differences all equal: the margin alone
    ],
)
def test_a_worse_score_counts_beyond_the_margin_and_where_the_interval_excludes_0(
    sides, a, b, margin, code
):
    assert sides(seeds(a), seeds(b), "--margin", margin)[0] == code


@pytest.mark.parametrize("score, code", [(0.109, 0), (0.111, 3), (0.05, 0)])
def test_the_margin_of_an_error_is_a_part_of_the_way_from_chance_to_solved(sides, score, code):
    # The way is 0.2 long, so that 0.05 allows 0.01; less is better.
    found, (row,), _ = sides([record(0.1, facts=ERROR)], [record(score, facts=ERROR)])
    assert found == code
    assert row["scores"]["allowed"] == pytest.approx(0.01)


def test_without_a_test_score_the_validation_loss_is_compared(sides):
    def trial(loss: float) -> RunRecord:
        rows = (Measurement(3, "validation_loss", "all", 9.0),)
        rows += (Measurement(6, "validation_loss", "all", loss),)
        environment = {"stack": "cpu-test"}
        facts = ACCURACY | {"chance_loss": 2.0}
        return RunRecord(
            spec=tiny(test_at=()),
            status=Status.ok,
            environment=environment,
            facts=facts,
            measurements=rows,
        )

    code, (row,), _ = sides([trial(1.0)], [trial(1.2)])
    assert code == 3
    assert row["scores"]["metric"] == "validation loss"
    assert row["scores"]["difference"] == pytest.approx(0.2)
    assert row["scores"]["allowed"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    "before, after, code",
    [
        (Status.ok, Status.diverged, 3),
        (Status.ok, Status.timeout, 3),
        (Status.solved_early, Status.killed, 3),
        (Status.diverged, Status.error, 3),
        (Status.diverged, Status.ok, 0),
        (Status.error, Status.timeout, 0),
        (Status.ok, Status.solved_early, 0),
        (Status.ok, Status.unsupported, 0),
    ],
)
def test_a_run_that_no_longer_ends_well_is_a_regression(sides, before, after, code):
    found, (row,), _ = sides([record(status=before, seed=4)], [record(status=after, seed=4)])
    assert found == code
    assert row["changes"] == [f"seed 4: {before} → {after}"]


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_a_score_that_is_lost_is_a_regression(sides, score):
    code, (row,), _ = sides([record(0.5)], [record(score)])
    assert code == 3
    assert row["worse"] == ["outcome"]
    assert row["changes"] == ["seed 0: ok → ok, no finite score"]


def test_the_ratio_of_speeds_is_a_geometric_mean_with_an_interval(sides):
    # ln 1.1, ln 1.2, ln 1.3 have mean 0.179999 and s = 0.083528; half width 4.302653 s / sqrt(3).
    pace = (0.1, 0.2, 0.4)
    slower = [s * x for s, x in zip(pace, (1.1, 1.2, 1.3), strict=True)]
    a = [record(seconds=s, seed=k) for k, s in enumerate(pace)]
    b = [record(seconds=s, seed=k) for k, s in enumerate(slower)]
    code, (row,), _ = sides(a, b)
    half = 4.302653 * 0.083528 / math.sqrt(3)
    assert row["speed"]["ratio"] == pytest.approx(math.exp(0.179999), rel=1e-5)
    assert row["speed"]["low"] == pytest.approx(math.exp(0.179999 - half), rel=1e-4)
    assert row["speed"]["counts"]
    assert (code, row["worse"]) == (0, [])  # the interval holds 1


SLOW = [record(seconds=s, seed=k) for k, s in enumerate((0.20, 0.21, 0.20))]


@pytest.mark.parametrize(
    "elsewhere, code",
    [({}, 3), ({"stack": "gpu-test"}, 0), ({"processor": "two"}, 0)],
)
def test_speed_counts_on_one_stack_and_processor_alone(sides, elsewhere, code):
    fast = [record(seconds=0.1, seed=k, **elsewhere) for k in range(3)]
    found, (row,), _ = sides(fast, SLOW)
    assert found == code
    assert row["worse"] == ["speed"] * (code == 3)
    assert row["speed"]["ratio"] > 2 and row["speed"]["low"] > 1
    assert row["stack"] == ("gpu-test → cpu-test" if "stack" in elsewhere else "cpu-test")


def test_one_pair_is_no_verdict_on_speed(sides):
    code, (row,), _ = sides([record(seconds=0.1)], [record(seconds=0.9)])
    assert (code, row["speed"]["low"]) == (0, None)


def test_of_a_model_that_was_only_timed_the_fastest_way_is_compared(sides):
    def timed(cpu: float) -> RunRecord:
        rows = [
            Measurement(0, quantity, way, seconds)
            for way, seconds in (("elman/cpu", cpu), ("elman/reference", 9.0), ("nn.RNN", 0.001))
            for quantity in ("forward_seconds", "backward_seconds")
        ]
        return RunRecord(spec=tiny(), status=Status.ok, measurements=tuple(rows))

    _, (row,), _ = sides([timed(0.1)], [timed(0.3)])
    assert row["speed"]["ratio"] == pytest.approx(3)


def test_other_versions_are_pairs_and_named_and_the_newest_counts(sides):
    a = [record(0.5, model_version=1), record(0.1, model_version=0)]
    b = [record(0.5, model_version=2, task_version=3, plugin="abc")]
    code, (row,), data = sides(a, b)
    assert code == 0
    assert row["scores"]["mean_a"] == 0.5
    told = ["adding version 0 → 3", "elman version 1 → 2", "elman: another source of a plug-in"]
    assert row["versions"] == told
    assert data["only_a"] == data["only_b"] == []


def test_what_one_side_has_alone_is_listed_and_is_no_regression(sides):
    a = [*seeds((0.5, 0.5)), record(model="lstm", seed=7)]
    b = [record(seed=0), record(seed=0, task_args={"length": 99})]
    code, (row,), data = sides(a, b)
    assert (code, row["pairs"]) == (0, 1)
    assert [(each["label"], each["seeds"]) for each in data["only_a"]] == [
        ("elman", [1]),
        ("lstm", [7]),
    ]
    (alone,) = data["only_b"]
    assert (alone["group"], alone["seeds"]) == ("adding, length 99", [0])


def test_the_text_names_each_regression(tmp_path):
    write_record(record(0.9, task_args={"length": 20}), tmp_path / "a")
    write_record(record(0.8, task_args={"length": 20}), tmp_path / "b")
    code, output = compared(tmp_path / "a", tmp_path / "b")
    assert code == 3
    line = "worse in B: test, cpu-test, adding, length 20, elman: accuracy -10.00, more than 5.00"
    assert line in output
    assert "1 regression beyond a margin of 0.05" in output
