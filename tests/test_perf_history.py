"""asv's result files: what is read from them, what is kept of them, and the page made of them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from bench.perf.asv import processor_name
from bench.perf.history import keep
from bench.perf.project import Project, Unusable
from bench.perf.publish import publish, value_text, values
from bench.perf.results import fastest, read_result, read_results

COLUMNS = ["result", "params", "version", "started_at", "duration", "samples"]
TIMED = [[0.5, float("nan"), None], [["'a'", "'b'", "'c'"]], "1", 0, 1.0, [[0.6, 0.4], None, None]]
TRACKED = [[2e6], [], "1", 0, 1.0]
BENCHMARKS = {
    "m.T.time_it": {"version": "1", "unit": "seconds"},
    "m.M.track_peak": {"version": "1", "unit": "bytes"},
}


def content(commit: str = "a" * 40, date: int = 0, **results) -> dict:
    """A file as asv writes it."""
    return {
        "commit_hash": commit,
        "date": date,
        "env_name": "existing-py_home_somebody_python",
        "python": "/home/somebody/python",
        "params": {"python": "/home/somebody/python", "cpu": "a processor"},
        "result_columns": COLUMNS,
        "results": results or {"m.T.time_it": TIMED, "m.M.track_peak": TRACKED},
    }


def measured(folder: Path, *contents: dict) -> Path:
    """asv's folder of a machine `box` with these files."""
    (folder / "box").mkdir(parents=True, exist_ok=True)
    (folder / "benchmarks.json").write_text(json.dumps(BENCHMARKS | {"version": 2}))
    facts = {"cpu": "a processor", "num_cpu": "2", "ram": "8 GB", "arch": "any", "os": "Linux"}
    (folder / "box" / "machine.json").write_text(json.dumps(facts))
    for one in contents:
        file = folder / "box" / f"{one['commit_hash'][:8]}-existing-py_home_somebody_python.json"
        file.write_text(json.dumps(one))
    return folder


@pytest.fixture
def project(tmp_path):
    """A project whose repository knows no commit."""
    names = {"repo": ".", "benchmark_dir": "b", "env_dir": "e", "results_dir": "r", "html_dir": "h"}
    file = tmp_path / "asv.conf.json"
    file.write_text(json.dumps({"project": "a <project>", **names}))
    return Project(file)


def test_a_point_has_its_samples_and_what_failed_or_is_not_there_has_none(tmp_path):
    file = tmp_path / "file.json"
    file.write_text(json.dumps(content(gone=[None, [["'a'"]], "1", 0, 1.0])))
    assert read_result(file).points == {"gone('a')": ()}
    file.write_text(json.dumps(content()))
    result = read_result(file)
    assert result.points["m.T.time_it('a')"] == (0.6, 0.4)
    assert result.points["m.T.time_it('b')"] == result.points["m.T.time_it('c')"] == ()
    assert fastest(result) == {"m.T.time_it('a')": 0.4, "m.M.track_peak": 2e6}


def test_the_history_names_no_path_and_nobody(tmp_path):
    history = tmp_path / "history"
    keep(measured(tmp_path / "now", content()), history, "box")
    files = [file for file in history.rglob("*") if file.is_file()]
    assert len(files) == 3
    assert not [f for f in files if "somebody" in f.name or "somebody" in f.read_text()]


def test_every_processor_has_a_history_of_its_own():
    known = {"cores": 2, "processor": "Intel(R) Xeon(R) Processor", "stack": "cpu-torch2.13"}
    assert processor_name(known) == "2core-Intel-R-Xeon-R-Processor-cpu-torch2.13"
    assert processor_name(known | {"processor": "AMD EPYC"}) == "2core-AMD-EPYC-cpu-torch2.13"


def test_what_a_commit_measured_earlier_stays_beside_what_it_measures_now(tmp_path):
    history = tmp_path / "history"
    keep(measured(tmp_path / "first", content()), history, "box")
    again = content(**{"m.M.track_peak": [[3e6], [], "1", 0, 1.0]})
    keep(measured(tmp_path / "second", again), history, "box")
    (result,) = read_results(history / "box")
    assert fastest(result) == {"m.T.time_it('a')": 0.4, "m.M.track_peak": 3e6}
    only_c = [[float("nan"), None, 0.7], TIMED[1], "1", 0, 1.0, [None, None, [0.7]]]
    keep(measured(tmp_path / "third", content(**{"m.T.time_it": only_c})), history, "box")
    (result,) = read_results(history / "box")
    times = {"m.T.time_it('a')": 0.4, "m.T.time_it('c')": 0.7}
    assert fastest(result) == {**times, "m.M.track_peak": 3e6}


def test_commits_are_in_the_order_of_their_dates_and_other_versions_are_left_out(tmp_path):
    new = content("b" * 40, 1, **{"m.M.track_peak": TRACKED})
    other = content("c" * 40, 2, **{"m.M.track_peak": [[9e6], [], "2", 0, 1.0]})
    folder = measured(tmp_path, other, new, content())
    table = values(read_results(folder / "box"), BENCHMARKS)
    assert list(table.columns) == ["aaaaaaaa", "bbbbbbbb", "cccccccc"]
    assert table.loc["m.M.track_peak"].tolist()[:2] == [2e6, 2e6]
    assert table["cccccccc"].isna().all()


def test_the_page_needs_no_network_and_is_the_same_each_time(project):
    measured(project.results, content(), content("b" * 40, 1))
    file = publish(project)
    page = file.read_text()
    assert not re.search(r'(src|href)="(?!#)|@import|url\((?!#)', page)
    for text in ("a &lt;project&gt;", "box", "aaaaaaaa", "400 ms", "2 MB", "n/a", "1.00", "<svg"):
        assert text in page
    assert publish(project).read_text() == page


def test_one_commit_alone_is_not_compared_with_itself(project):
    measured(project.results, content())
    page = publish(project).read_text()
    assert "last / before" in page
    assert "1.00" not in page


def test_without_a_history_the_page_says_what_makes_one(project):
    with pytest.raises(Unusable, match="`python -m bench perf run` makes one"):
        publish(project)


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (1.5, "seconds", "1.5 s"),
        (0.0123, "seconds", "12.3 ms"),
        (3e-8, "seconds", "0.03 us"),
        (1.01, "harness / bare", "1.01"),
        (float("nan"), "bytes", "n/a"),
    ],
)
def test_a_value_is_read_in_a_unit_that_suits_it(value, unit, text):
    assert value_text(value, unit) == text


def test_a_name_that_is_no_commit_is_one_sentence(project, tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    with pytest.raises(Unusable, match="'nowhere' is no commit of"):
        project.commit("nowhere")
