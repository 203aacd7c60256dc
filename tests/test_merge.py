"""Results of several machines in one folder: nothing is lost, and nothing overwritten unasked."""

import os
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.merging import Conflict, merge
from bench.records import Measurement, RunRecord, Status
from bench.report.groups import without_repeats
from bench.store import load, read_folder, read_record, write_record
from tests.specs import tiny

OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def record(loss: float | None = 0.5, seconds: float = 0.1, **changes) -> RunRecord:
    values = {
        "spec": tiny(),
        "status": Status.ok,
        "environment": {"stack": "cpu-test"},
        "measurements": (
            Measurement(1, "train_loss", "all", loss),
            Measurement(1, "step_seconds", "window", seconds),
        ),
    }
    return RunRecord(**{**values, **changes})


@pytest.fixture
def folders(tmp_path):
    """Two folders with a record each of the same run, which differ, and a third to come."""
    one, two = tmp_path / "one", tmp_path / "two"
    write_record(record(0.5, recorded_at=NEW), one)
    write_record(record(0.25, recorded_at=OLD), two)
    return one, two, tmp_path / "out"


def contents(folder) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def losses(folder) -> list[float]:
    rows = load(folder)
    return rows[rows["quantity"] == "train_loss"]["value"].tolist()


def bench(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.exit_code, result.output


def test_merging_copies_every_byte_once(tmp_path):
    one, two, out = (tmp_path / name for name in ("one", "two", "out"))
    write_record(record(), one)
    write_record(record(spec=tiny(seed=1)), two)
    merged = merge([one, two], out)
    assert (merged.copied, merged.present) == (2, 0)
    assert contents(out) == contents(one) | contents(two)
    again = merge([one, two, one], out)
    assert (again.copied, again.present) == (0, 3)
    assert contents(out) == contents(one) | contents(two)


def test_a_results_folder_copied_by_hand_is_merged_and_read_as_well(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    path = write_record(record(), one)
    shutil.copytree(one, two / "deeper" / "down")
    assert read_folder(two) == ([read_record(path)], [])
    assert merge([two], one).present == 1


def test_different_records_of_a_run_are_refused_before_any_copy(folders):
    one, two, out = folders
    write_record(record(spec=tiny(seed=1)), one)
    with pytest.raises(
        Conflict, match=r"train_loss of all at update 1 = 0\.5, and .* = 0\.25"
    ) as said:
        merge([one, two], out)
    assert str(one) in str(said.value)
    assert str(two) in str(said.value)
    assert not out.exists()


@pytest.mark.parametrize(
    "changes, difference",
    [
        ({"seconds": 9.0}, "they agree in all but timing, memory"),
        ({"environment": {"stack": "cpu-test", "cores": 9}}, "they agree in all but timing"),
        ({"status": Status.diverged}, "ok, and diverged"),
        ({"measurements": ()}, "1 measurements, and 0, beside those of time and memory"),
        ({"loss": None}, "train_loss of all at update 1 = None"),
    ],
)
def test_a_conflict_says_what_differs(changes, difference, tmp_path):
    write_record(record(), tmp_path / "one")
    write_record(record(**changes), tmp_path / "two")
    with pytest.raises(Conflict, match=difference):
        merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out")


def test_records_that_differ_in_nothing_but_their_time_are_one(tmp_path):
    write_record(record(recorded_at=OLD), tmp_path / "one")
    write_record(record(recorded_at=NEW), tmp_path / "two")
    merged = merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert (merged.copied, merged.present) == (1, 1)


def test_records_that_differ_in_nothing_but_their_time_are_no_repeat():
    records = [record(recorded_at=time) for time in (OLD, NEW)]
    assert without_repeats(records) == (records[:1], [])


def test_records_of_two_stacks_stand_side_by_side(tmp_path):
    write_record(record(), tmp_path / "one")
    write_record(record(0.25, environment={"stack": "gpu-test"}), tmp_path / "two")
    assert merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out").copied == 2


def test_the_first_is_kept_if_asked(folders):
    one, two, out = folders
    assert len(merge([one, two], out, "first").different) == 1
    assert losses(out) == [0.5]
    merge([two], out, "first")
    assert losses(out) == [0.5]


def test_the_newest_is_kept_if_asked_whatever_the_order(folders):
    one, two, out = folders
    merge([one, two], out, "newest")
    assert losses(out) == [0.5]
    merge([two], out / "again", "newest")
    merge([one], out / "again", "newest")
    assert losses(out / "again") == [0.5]


def test_a_failed_run_is_never_newer_than_one_that_finished(folders):
    one, two, out = folders
    write_record(record(status=Status.killed, measurements=(), recorded_at=NEW), one)
    merge([two, one], out, "newest")
    assert losses(out) == [0.25]


def test_without_a_time_in_the_records_the_files_decide(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, loss, age in ((one, 0.5, 100), (two, 0.25, 50)):
        path = write_record(record(loss, recorded_at=OLD), folder)
        os.utime(path, (age, age))
    merge([one, two], tmp_path / "out", "newest")
    merge([two, one], tmp_path / "other", "newest")
    assert losses(tmp_path / "out") == losses(tmp_path / "other") == [0.5]


def test_both_are_kept_if_asked_and_the_reports_say_so(folders):
    one, two, out = folders
    for _ in range(2):
        merge([one, two], out, "both")
        assert sorted(losses(out)) == [0.25, 0.5]
    names = sorted(path.name for path in out.rglob("*.jsonl"))
    assert names == [f"adding-elman-s0-{tiny().run_id}{end}.jsonl" for end in ("-r2", "")]
    write_record(record(0.125), two)
    merge([two], out, "both")
    assert sorted(losses(out)) == [0.125, 0.25, 0.5]
    kept, problems = without_repeats(read_folder(out)[0])
    assert kept[0].measurements[0].value == losses(one)[0]
    assert len(problems) == 2
    assert f"two different records of run {tiny().run_id}" in problems[0]


def test_a_file_that_is_no_record_is_named_and_the_rest_copied(folders):
    one, _, out = folders
    path = write_record(record(spec=tiny(seed=1)), one)
    path.write_bytes(path.read_bytes()[:-1])
    code, output = bench("merge", one, "--out", out)
    assert code == 2
    assert f"not copied: {path}, line 3: the file ends within this line" in output
    assert "1 records copied to" in output
    assert losses(out) == [0.5]


def test_what_is_damaged_in_the_target_is_named_and_left_as_it_is(folders):
    one, _, out = folders
    merge([one], out)
    (path,) = out.rglob("*.jsonl")
    path.write_text("{")
    assert str(path) in merge([one], out, "newest").problems[0]
    assert path.read_text() == "{"


def test_a_mistake_in_the_folders_is_one_sentence_and_copies_nothing(folders):
    one, two, out = folders
    before = contents(one)
    for sources, target, sentence in (
        ([one, one / "nowhere"], out, "nowhere is not a results folder"),
        ([one], one, "must be apart, none in the other"),
        ([one / "test"], one, "must be apart"),
        ([one], one / "test", "must be apart"),
        ([one, two], out, "are different records of one run"),
        ([one], next(one.rglob("*.jsonl")) / "below", "must be apart"),
    ):
        code, output = bench("merge", *sources, "--out", target)
        assert (code, output.count("Error: ")) == (1, 1)
        assert sentence in output
    assert contents(one) == before
    assert not out.exists()


def test_a_target_that_cannot_be_written_is_one_sentence(folders, tmp_path):
    one, _, _ = folders
    (tmp_path / "file").write_text("")
    code, output = bench("merge", one, "--out", tmp_path / "file")
    assert (code, "Traceback" in output) == (1, False)
    assert "Not a directory" in output or "File exists" in output


def test_an_interrupted_merge_is_gone_on_with(folders, monkeypatch):
    one, _, out = folders
    write_record(replace(record(), spec=tiny(seed=1)), one)
    places = iter([True])

    def full(descriptor):
        if next(places, None) is None:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        code, output = bench("merge", one, "--out", out)
    assert (code, "No space left on device" in output) == (1, True)
    assert len(contents(out)) == 1
    assert merge([one], out).copied == 1
    assert contents(out) == contents(one)
