"""The report: what it says of hand-worked records, and that it says the same thing twice."""

import csv
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.records import Measurement, RunRecord, Status
from bench.report import NothingToReport, render
from bench.report.groups import natural
from bench.report.sentences import seeds_sentence
from bench.report.statistics import summarise, t_interval
from bench.store import write_record
from tests.toy_report import made

FACTS = {
    "question": "Is a symbol recalled after a gap?",
    "metric": "accuracy",
    "chance": 0.125,
    "chance_loss": 2.0,
    "solved": 0.8,
    "direction": "max",
    "parameters": 12345,
    "state_size": 128,
}


def ending(score: float | None) -> tuple[Measurement, ...]:
    """What the tables need of a short run that ends with the test score."""
    seconds = [
        Measurement(s, "step_seconds", "window", t) for s, t in ((5, 9.0), (8, 0.5), (9, 0.7))
    ]
    return (
        Measurement(5, "test_score", "all", 0.01),
        Measurement(10, "test_score", "all", score),
        Measurement(10, "test_loss", "all", 0.5),
        *seconds,
        Measurement(10, "peak_bytes", "process", 2.5e8),
    )


def curves() -> tuple[Measurement, ...]:
    """What the figures need beyond that."""
    losses = [Measurement(step, "train_loss", "all", 2.0 / (1 + step)) for step in (0, 5, 10)]
    scores = [Measurement(step, "validation_score", "all", step / 20) for step in (0, 10)]
    gradients = [
        Measurement(step, "gradient_by_distance", str(distance), 0.5 * 0.9**distance)
        for step in (0, 10)
        for distance in (0, 1, 2, 4)
    ]
    return (*losses, *scores, *gradients, *ending(0.5))


def record(
    model: str = "lstm",
    seed: int = 0,
    score: float | None = 0.5,
    measurements: tuple[Measurement, ...] | None = None,
    **more,
) -> RunRecord:
    return made(model, seed, ending(score) if measurements is None else measurements, FACTS, **more)


def report(folder: Path, *records: RunRecord, formats=("csv",)) -> Path:
    for each in records:
        write_record(each, folder / "results")
    return render("small", folder / "results", folder / "out", formats=formats)


def leaderboard(folder: Path) -> list[dict]:
    return list(csv.DictReader((folder / "tables/leaderboard.csv").read_text().splitlines()))


def test_mean_and_interval_of_three_scores_are_those_worked_by_hand(tmp_path):
    # 0.7, 0.8, 0.9: mean 0.8, s = sqrt((0.01 + 0 + 0.01) / 2) = 0.1, and t(0.975, 2) = 4.302653,
    # so that the half width is 4.302653 * 0.1 / sqrt(3) = 0.248414.
    runs = [record(seed=seed, score=score) for seed, score in enumerate((0.7, 0.9, 0.8))]
    folder = report(tmp_path, *runs, formats=("md", "csv"))
    (row,) = leaderboard(folder)
    assert float(row["score_mean"]) == pytest.approx(0.8)
    assert float(row["score_sd"]) == pytest.approx(0.1)
    assert float(row["score_low"]) == pytest.approx(0.8 - 0.248414, abs=1e-6)
    assert float(row["score_high"]) == pytest.approx(0.8 + 0.248414, abs=1e-6)
    assert float(row["score_median"]) == 0.8
    assert (row["ok"], row["runs"], row["solved"]) == ("3", "3", "2/3")
    assert float(row["test_loss_over_chance"]) == 0.25
    assert float(row["seconds_per_update"]) == pytest.approx(0.6)  # the first window is dropped
    assert float(row["peak_megabytes"]) == 250
    text = (folder / "report.md").read_text()
    assert "| lstm    | 80.00 %         | 55.16 to 104.84 % |" in text
    assert "Is a symbol recalled after a gap? Score: accuracy, higher is better." in text
    assert "Chance scores 12.50 %." in text
    assert "3 seeds: not for claims." in text


def test_one_seed_or_equal_seeds_have_no_interval():
    assert t_interval([0.5]) == (None, None)
    assert t_interval([1.0] * 5) == (None, None)
    assert summarise([1.0] * 5)[:4] == (5, 1.0, 0.0, None)
    assert seeds_sentence([1]) == "1 seed: an indication"
    assert seeds_sentence([3, 1]) == "1 to 3 seeds: an indication"
    assert seeds_sentence([10]) == "10 seeds"


def test_failed_runs_are_rows_and_count_as_unsolved(tmp_path):
    folder = report(
        tmp_path,
        record(seed=0, score=0.9),
        record(seed=1, status=Status.timeout, error="took too long\nand more", facts={}),
        record(seed=2, score=0.95, status=Status.diverged),
        record("elman", status=Status.error, error="no such layer", measurements=(), facts={}),
        record("lru", status=Status.unsupported, error="no data: type this", measurements=()),
        formats=("md", "html", "csv"),
    )
    lstm, elman, lru = sorted(leaderboard(folder), key=lambda row: row["model"] != "lstm")
    assert (lstm["ok"], lstm["runs"], lstm["solved"]) == ("1", "3", "1/3")
    assert lstm["failures"] == "1 diverged, 1 timeout"
    assert float(lstm["score_mean"]) == 0.9
    assert (elman["ok"], elman["runs"], elman["solved"]) == ("0", "1", "0/1")
    assert lru["failures"] == "1 unsupported: no data: type this"
    for page in ("report.md", "index.html"):
        text = (folder / page).read_text()
        assert "5 runs: 1 ok, 1 diverged, 1 error, 1 timeout, 1 unsupported." in text
        assert all(words in text for words in ("took too long", "no such layer", "no data"))
        assert "and more" not in text


def test_the_same_run_on_two_stacks_is_two_rows(tmp_path):
    rows = leaderboard(report(tmp_path, record(score=0.1), record(score=0.2, stack="gpu")))
    assert {row["stack"]: row["score_mean"] for row in rows} == {
        "cpu-torch2.13": "0.1",
        "gpu": "0.2",
    }


def test_nothing_is_pooled_across_versions_rates_or_settings(tmp_path):
    folder = report(
        tmp_path,
        record(score=0.1),
        record(score=0.2, stack="gpu-torch2.13"),
        record(score=0.3, model_version=1),
        record(score=0.4, task_version=1),
        record(score=0.5, learning_rate=0.01),
        record(score=0.6, task_args={"length": 100}),
        record(score=0.7, depth=10),
        record(score=0.8, depth=100),
    )
    rows = leaderboard(folder)
    assert [row["score_n"] for row in rows] == ["1"] * 8
    assert len({(row["stack"], row["group"], row["label"]) for row in rows}) == 8
    groups = dict.fromkeys(row["group"].removeprefix("copy/urnn, length ") for row in rows)
    assert list(groups)[:3] == ["100, version 0", "200, version 0", "200, version 0, depth 10"]
    assert list(groups)[3:5] == ["200, version 0, depth 100", "200, version 1"]
    assert "lstm, learning rate 0.01, model version 0" in {row["label"] for row in rows}
    assert not (folder / "report.md").exists()


def test_runs_of_another_budget_are_no_group(tmp_path):
    records = [record(score=0.1, updates=30), record(score=0.2, updates=60)]
    groups = {row["group"] for row in leaderboard(report(tmp_path, *records))}
    assert groups == {f"copy/urnn, length 200, {updates} updates" for updates in (30, 60)}


def test_settings_are_in_the_order_of_their_numbers():
    names = ["rate 0.01", "rate 1e-05", "rate 0.001", "copy", "length 1000", "length 200", "2"]
    ordered = ["2", "copy", "length 200", "length 1000", "rate 1e-05", "rate 0.001", "rate 0.01"]
    assert sorted(names, key=natural) == ordered


def test_the_best_comes_first_in_the_direction_of_the_task(tmp_path):
    facts = FACTS | {"metric": "mean squared error", "direction": "min", "solved": 0.25}
    scores = {"a": 0.3, "b": 0.2, "c": math.nan, "d": math.inf}
    runs = [record(model, score=score, facts=facts) for model, score in scores.items()]
    rows = leaderboard(report(tmp_path, *runs))
    assert [row["model"] for row in rows] == ["b", "a", "d", "c"]
    assert [row["solved"] for row in rows] == ["1/1", "0/1", "0/1", "0/1"]


def test_infinite_and_missing_numbers_survive(tmp_path):
    norms = {"0": 1.0, "1": 0.0, "2": math.inf, "4": math.nan, "8": None, "16": 1e-300}
    gradients = [Measurement(0, "gradient_by_distance", *norm) for norm in norms.items()]
    losses = [Measurement(s, "train_loss", "all", v) for s, v in enumerate((0.0, 1.0, math.inf))]
    folder = report(
        tmp_path,
        record("a", score=math.nan),
        record("b", score=math.inf),
        record("c", score=None, measurements=(*gradients, *losses)),
        formats=("md", "html", "csv"),
    )
    means = {row["model"]: row["score_mean"] for row in leaderboard(folder)}
    assert means == {"a": "NaN", "b": "inf", "c": ""}
    text = (folder / "report.md").read_text()
    assert re.search(r"\| a +\| NaN ", text)
    assert re.search(r"\| b +\| inf ", text)
    assert "Left out: 3 values that are not finite." in text
    assert "Left out: 1 value that is not finite." in text


def test_names_are_text_and_never_markup(tmp_path):
    folder = report(
        tmp_path, record("<script>alert(1)</script>"), record("a|b $x$"), formats=("md", "html")
    )
    page = (folder / "index.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "a|b $x$" in page
    text = (folder / "report.md").read_text()
    assert "<script" not in text and "| a\\|b $x$ " in text


class Tags(HTMLParser):
    """The tags that are open, and every identifier and address."""

    def __init__(self):
        super().__init__()
        self.open, self.identifiers, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in ("meta", "br", "input", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        names = dict(attrs)
        self.identifiers += [names["id"]] if "id" in names else []
        self.addresses += [names[key] for key in ("src", "href", "xlink:href") if key in names]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_same_records_give_the_same_bytes(tmp_path):
    records = [record(m, s, measurements=curves()) for m in ("roaf", "lstm") for s in (0, 1)]
    results = {}
    for name, order in (("first", records), ("second", records[::-1])):
        folder = report(tmp_path / name, *order, formats=("html", "md", "latex", "csv"))
        files = [path for path in folder.rglob("*") if path.is_file()]
        results[name] = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    assert results["first"] == results["second"]
    again = render("small", tmp_path / "first/results", tmp_path / "first/out")
    assert (again / "index.html").read_bytes() == results["second"]["index.html"]


def test_a_file_that_is_no_record_and_a_record_that_differs_are_named(tmp_path):
    write_record(record(score=0.3), tmp_path / "results/a")
    write_record(record(score=0.3), tmp_path / "results/b")
    write_record(record(score=0.4), tmp_path / "results/c")
    (tmp_path / "results/broken.jsonl").write_text("{")
    folder = report(tmp_path, formats=("md", "csv"))
    (row,) = leaderboard(folder)
    assert (row["score_n"], row["score_mean"]) == ("1", "0.3")
    text = (folder / "report.md").read_text()
    assert "- broken.jsonl, line 1: " in text
    assert "- two different records of run " in text
    assert str(tmp_path) not in text


def test_no_record_of_the_suite_is_one_sentence(tmp_path):
    with pytest.raises(NothingToReport, match=r"no records of the suite 'small' below .*results"):
        report(tmp_path)
    write_record(record(), tmp_path / "results")
    with pytest.raises(NothingToReport, match="'other'"):
        render("other", tmp_path / "results", tmp_path / "out")
    with pytest.raises(ValueError, match="unknown format 'pdf'; allowed: html, md, latex, csv"):
        report(tmp_path, formats=("pdf",))


def test_a_report_imports_no_torch():
    program = "import bench.report, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
