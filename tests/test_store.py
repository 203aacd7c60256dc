"""Records: what is written is what is read, and nothing half-written is ever read as whole."""

import json
import math
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.records import Measurement, RunRecord, Status, spec_from_json
from bench.store import (
    BadRecord,
    keep_record,
    read_folder,
    read_record,
    record_path,
    write_record,
)
from tests.hostile import few
from tests.specs import tiny

ROWS = (
    Measurement(0, "train_loss", "all", 0.5),
    Measurement(1, "train_loss", "all", math.inf),
    Measurement(2, "train_loss", "all", None),
    Measurement(3, "train_loss", "all", -math.inf),
)


def record(**changes) -> RunRecord:
    values = {"spec": tiny(), "status": Status.ok, "measurements": ROWS}
    return RunRecord(**{**values, "environment": {"stack": "cpu-test"}, **changes})


def test_a_record_comes_back_as_it_was(tmp_path):
    written = record(error="a\nb", facts={"chance": 0.1, "solved": None}, versions={"torch": "2"})
    path = write_record(written, tmp_path)
    assert read_record(path) == written
    assert path.parent == tmp_path / "test" / "cpu-test"
    assert path.name == f"adding-elman-s0-{written.spec.run_id}.jsonl"
    assert not list(tmp_path.rglob(".writing*"))


def test_two_stacks_of_one_long_named_gpu_have_two_folders(tmp_path):
    gpu = "cuda-nvidia-rtx-pro-6000-blackwell-max-q-workstation-edition-torch2.1"
    stacks = [record(environment={"stack": f"{gpu}{minor}"}) for minor in (1, 2)]
    assert len({record_path(each, tmp_path) for each in stacks}) == 2


def test_a_writer_that_is_killed_leaves_what_it_had_among_the_drafts(tmp_path):
    drafts, results = tmp_path / "drafts", tmp_path / "results"
    drafts.mkdir()
    code = (
        "import os, sys; from pathlib import Path; from bench.store import write_record\n"
        "from tests.test_store import record\n"
        "os.fsync = lambda descriptor: os.kill(os.getpid(), 9)\n"
        "write_record(record(), Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    words = [sys.executable, "-c", code, str(results), str(drafts)]
    here = Path(__file__).parent.parent
    assert subprocess.run(words, cwd=here).returncode == -9
    assert len(list(drafts.iterdir())) == 1
    assert [path.name for path in results.rglob("*")] == ["test", "cpu-test"]
    write_record(record(), results, drafts)
    assert read_folder(results) == ([record()], [])


def test_a_record_says_when_it_was_written_and_keeps_that(tmp_path):
    first = read_record(write_record(record(), tmp_path))
    assert first.recorded_at is not None
    assert first.recorded_at.endswith("Z")
    old = record(recorded_at="2026-01-31T23:59:59Z")
    assert read_record(write_record(old, tmp_path)).recorded_at == "2026-01-31T23:59:59Z"
    assert old == first


def test_not_a_number_survives_the_file(tmp_path):
    path = write_record(record(measurements=(Measurement(0, "q", "w", math.nan),)), tmp_path)
    assert math.isnan(read_record(path).measurements[0].value)
    assert '"NaN"' in path.read_text()


@example("\ud800 and \udcff", math.inf)
@few
@given(st.text(st.characters()), st.floats() | st.none() | st.integers(-(2**53), 2**53))
def test_whatever_a_run_says_can_be_read_again(tmp_path_factory, text, value):
    said = record(error=text, measurements=(Measurement(2**40, text, text, value),))
    found = read_record(write_record(said, tmp_path_factory.mktemp("said")))
    assert found.error == text.encode(errors="backslashreplace").decode()
    assert found.measurements[0].quantity == found.measurements[0].where == found.error
    again = found.measurements[0].value
    assert again == value or (math.isnan(again) and math.isnan(value))


def test_the_same_experiment_has_the_same_id_and_any_change_another():
    assert tiny().run_id == tiny().run_id
    assert tiny(seed=1).run_id != tiny().run_id
    assert tiny(task_args={"length": 13}).run_id != tiny().run_id
    text = json.dumps(asdict(tiny()) | {"test_at": [6]})
    assert spec_from_json(json.loads(text)).run_id == tiny().run_id


def test_a_field_added_later_changes_no_name_and_no_record_that_does_not_use_it(tmp_path):
    assert tiny().run_id == "c4627c58006fb78f"
    assert "diagnostics" not in write_record(record(), tmp_path).read_text().splitlines()[0]
    looked = record(spec=tiny(diagnostics={"spectrum": [0, 6]}))
    assert looked.spec.run_id != tiny().run_id
    assert read_record(write_record(looked, tmp_path)) == looked


def test_a_name_cannot_leave_the_results_folder(tmp_path):
    hostile = tiny(suite="../..", model="/etc/passwd", task="a/../../b" + "x" * 10_000)
    path = record_path(record(spec=hostile), tmp_path)
    assert path.resolve().is_relative_to(tmp_path.resolve())
    assert len(path.name) < 200
    write_record(record(spec=hostile), tmp_path)


def test_a_link_in_the_results_folder_leads_no_record_out_of_it(tmp_path):
    outside, results = tmp_path / "outside", tmp_path / "results"
    outside.mkdir()
    results.mkdir()
    (results / "test").symlink_to(outside)
    with pytest.raises(PermissionError, match="leads out of the results folder"):
        write_record(record(), results)
    assert not list(outside.iterdir())
    there = record_path(record(spec=tiny(suite="other")), results)
    there.parent.mkdir(parents=True)
    (outside / "file").write_text("mine")
    there.symlink_to(outside / "file")
    write_record(record(spec=tiny(suite="other")), results)
    assert (outside / "file").read_text() == "mine"
    assert not there.is_symlink()


def test_the_results_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "results").symlink_to(tmp_path / "scratch")
    path = write_record(record(), tmp_path / "results")
    assert read_folder(tmp_path / "scratch") == ([read_record(path)], [])


@pytest.mark.parametrize(
    "damage, complaint",
    [
        (lambda lines: [], "line 1: the file is empty"),
        (lambda lines: ["[]"], "line 1: a record begins with a JSON object"),
        (lambda lines: [lines[0].replace('"seed": 0', '"seed": 5')], "does not belong to its spec"),
        (lambda lines: [lines[0].replace('"width"', '"wid"')], "unknown spec field 'wid'"),
        (lambda lines: [lines[0].replace('"width": 8', '"width": "8"')], "must be an integer, not"),
        (lambda lines: [lines[0].replace("[6]", "[6, true]")], "must be a list of integers"),
        (lambda lines: [lines[0].replace(": 6", ": -6")], "'updates' must be at least 0, not -6"),
        (lambda lines: [lines[0].replace('"ok"', '"fine"')], "status 'fine' is unknown; there are"),
        (lambda lines: [lines[0].replace('"error"', '"eror"')], "the field 'eror' is unknown"),
        (lambda lines: [lines[0].replace('"facts": {}, ', "")], "the field 'facts' is missing"),
        (lambda lines: [lines[0].replace('"facts": {}', '"facts": 3')], "'facts' cannot be 3"),
        (
            lambda lines: [lines[0].replace("{", '{"seed": 1, "seed": 2, ', 1)],
            "'seed' is there 2 ti",
        ),
        (lambda lines: lines[:-1], "line 4: 4 measurements were written, 3 are here"),
        (lambda lines: [*lines, lines[-1]], "line 6: 4 measurements were written, 5 are here"),
        (lambda lines: [lines[0], "[1, 2"], "line 2: not JSON: Expecting ',' delimiter at cha"),
        (lambda lines: [lines[0], "[1,2]"], "a measurement is [step, quantity, where, value]"),
        (lambda lines: [lines[0], '["1","q","w",1]'], "step '1' is not a whole number from 0"),
        (lambda lines: [lines[0], '[1.0,"q","w",1]'], "step 1.0 is not a whole number from 0"),
        (lambda lines: [lines[0], '[-1,"q","w",1]'], "step -1 is not a whole number from 0"),
        (lambda lines: [lines[0], '[1,"q",{},1]'], "the place of a measurement are strings"),
        (lambda lines: [lines[0], '[1,"q","w","x"]'], "'x' is not a number, null, or one of NaN"),
        (lambda lines: [lines[0], '[1,"q","w",NaN]'], "not JSON: the word NaN"),
    ],
)
def test_a_damaged_record_is_named_with_its_line_and_fault(tmp_path, damage, complaint):
    path = write_record(record(), tmp_path)
    path.write_text("".join(line + "\n" for line in damage(path.read_text().splitlines())))
    with pytest.raises(BadRecord, match=str(path)) as caught:
        read_record(path)
    assert complaint in str(caught.value)


def cuts(path: Path) -> list[str]:
    """What is said of the file cut off at each byte; nothing where it is read."""
    whole, said = path.read_bytes(), []
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            read_record(path)
            said.append("")
        except BadRecord as error:
            said.append(str(error).removeprefix(f"{path}, "))
    path.write_bytes(whole)
    return said


def test_a_record_cut_off_at_any_byte_is_no_record_and_says_what_it_lacks(tmp_path):
    path = write_record(record(), tmp_path)
    said = cuts(path)
    assert "" not in said
    second = path.read_bytes().index(b"\n") + 1
    assert said[0] == "line 1: the file is empty"
    assert said[second - 1] == "line 1: the file ends within this line"
    assert said[second] == "line 1: 4 measurements were written, 0 are here"
    assert said[-1] == "line 5: the file ends within this line; 3 of 4 measurements are left"


def test_an_old_record_cut_off_is_no_record_where_its_end_can_be_told(tmp_path):
    """Schema 1 did not count its lines: what came after the last update may be lost unnoticed."""
    *before, last = (Measurement(step, "train_loss", "all", 0.5) for step in range(1, 7))
    rows = (*before, last, Measurement(6, "test_loss", "all", 0.5))
    path = write_record(record(measurements=rows), tmp_path)
    first, *others = path.read_text().splitlines(keepends=True)
    header = json.loads(first)
    del header["measurements"], header["recorded_at"]
    path.write_text(json.dumps({**header, "schema": 1}) + "\n" + "".join(others))
    assert read_record(path).measurements == rows
    said = cuts(path)
    assert [place for place, sentence in enumerate(said) if not sentence] == [
        len(said) - len(others[-1])
    ]
    assert "line 3: the measurements end at update 2 of a run that was ok after 6" in said


def test_what_is_no_plain_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "endless.jsonl").symlink_to("/dev/zero")
    (tmp_path / "nowhere.jsonl").symlink_to(tmp_path / "gone")
    (tmp_path / "round.jsonl").symlink_to(tmp_path / "round.jsonl")
    with (tmp_path / "vast.jsonl").open("wb") as file:
        file.truncate(2**40)
    records, problems = read_folder(tmp_path)
    assert not records
    assert [problem.partition("cannot be read ")[2] for problem in problems] == [
        "(it is not a plain file)",
        "(No such file or directory)",
        "(it is not a plain file)",
        "(Too many levels of symbolic links)",
        "(over 268,435,456 bytes)",
    ]


def test_a_name_that_cannot_be_printed_is_escaped(tmp_path):
    for name in (b"\xff.jsonl", b"a\nb.jsonl", b"\x1b[31m.jsonl"):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_text("")
    problems = read_folder(tmp_path)[1]
    assert len(problems) == 3
    assert all(problem.isprintable() for problem in problems)


def test_hidden_files_and_folders_are_not_looked_into(tmp_path):
    path = write_record(record(), tmp_path)
    hidden = tmp_path / ".inflight" / "cpu-test"
    hidden.mkdir(parents=True)
    (hidden / "measurements.jsonl").write_text("[]")
    path.with_name(".writing-1.jsonl").write_text("{")
    assert read_folder(tmp_path) == ([read_record(path)], [])


def test_folders_too_deep_for_python_or_for_a_path_stop_no_reader(tmp_path, monkeypatch):
    path = write_record(record(), tmp_path)
    monkeypatch.chdir(tmp_path)
    try:
        for _ in range(900):
            Path("deep").mkdir()
            os.chdir("deep")
        records, problems = read_folder(tmp_path)
    finally:
        os.chdir(tmp_path)
        subprocess.run(["rm", "-r", "deep"], check=True)  # Python's own recurses
    assert records == [read_record(path)]
    assert [problem.rpartition(": ")[2] for problem in problems] == [
        "cannot be read (File name too long)"
    ]


def test_a_loss_replaces_no_record_that_has_more_measurements(tmp_path):
    measured = record(status=Status.timeout)
    path = keep_record(measured, tmp_path)
    keep_record(record(status=Status.lost, measurements=()), tmp_path)
    assert read_record(path) == measured
    keep_record(record(status=Status.lost), tmp_path)
    assert read_record(path).status is Status.lost


def test_a_failed_record_replaces_none_that_is_finished(tmp_path):
    path = keep_record(record(), tmp_path)
    keep_record(record(status=Status.killed), tmp_path)
    assert read_record(path).status is Status.ok
    path.write_bytes(path.read_bytes()[:-1])
    keep_record(record(status=Status.killed), tmp_path)
    assert read_record(path).status is Status.killed
