"""`validate` names every bad file and line, and goes on."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.execution.lease import claim, run_folder
from bench.merging import merge
from bench.records import Measurement, RunRecord, Status
from bench.store import write_record
from bench.validation import MOST_FAULTS, validate
from tests.specs import tiny

RECORDED = Path(__file__).parent.parent / "results" / "recorded"


def record(seed: int = 0, **changes) -> RunRecord:
    rows = tuple(Measurement(step, "train_loss", "all", 0.5 / step) for step in range(1, 7))
    values = {"spec": tiny(seed=seed), "status": Status.ok, "measurements": rows}
    return RunRecord(**{**values, "environment": {"stack": "cpu-test"}, **changes})


def bench(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.exit_code, result.output


def damage(path: Path, old: str, new: str, times: int = -1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, times))


def test_a_sound_folder_gets_one_line(tmp_path):
    write_record(record(), tmp_path)
    write_record(record(1, status=Status.killed), tmp_path)
    code, output = bench("validate", tmp_path)
    assert code == 0
    assert output == f"{tmp_path}: 2 records (1 killed, 1 ok), 0 problems\n"


def test_the_recorded_evidence_is_sound():
    """In an interpreter of its own, since half a million lines are slow where types are checked."""
    words = [sys.executable, "-m", "bench", "validate", RECORDED]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(
        rf"{re.escape(str(RECORDED))}: \d\d\d\d records \(.*\), 0 problems\n", found
    )


def test_every_bad_file_is_named_with_every_bad_line_and_the_rest_is_counted(tmp_path):
    sound, torn, lines, status, spec, newer = (
        write_record(record(seed), tmp_path) for seed in range(6)
    )
    torn.write_bytes(torn.read_bytes()[:-3])
    damage(lines, "[2,", "[two,")
    damage(lines, "[5,", '["5",')
    damage(status, '"ok"', '"fine"')
    damage(spec, '"width": 8', '"width": 9')
    damage(newer, '"schema": 2', '"schema": 3')
    (sound.parent / "notes.txt").write_text("not a record, and not taken for one")
    code, output = bench("validate", tmp_path)
    assert code == 2
    for sentence in (
        f"{torn}, line 7: the file ends within this line; 5 of 6 measurements are left",
        f"{lines}, line 3: not JSON: Expecting value at character 2",
        f"{lines}, line 6: step '5' is not a whole number from 0",
        f"{status}, line 1: status 'fine' is unknown",
        f"{spec}, line 1: run_id '{record(4).spec.run_id}' does not belong to its spec",
        f"{newer}, line 1: written by a newer version of the suite, in schema 3",
        f"{tmp_path}: 1 records (1 ok), 6 problems",
    ):
        assert sentence in output
    assert len(output.splitlines()) == 7


def test_of_a_file_that_is_all_wrong_a_few_lines_are_enough(tmp_path):
    path = write_record(record(), tmp_path)
    path.write_text("wrong\n" * 10_000)
    problems = validate(tmp_path).problems
    assert len(problems) == MOST_FAULTS + 1
    assert problems[-1] == f"{path}: and further lines"


def test_a_record_out_of_its_place_is_named(tmp_path):
    path = write_record(record(), tmp_path)
    other = path.with_name("elsewhere.jsonl")
    shutil.copy(path, other)
    moved = tmp_path / "test" / "gpu-test" / path.name
    moved.parent.mkdir()
    shutil.copy(path, moved)
    belongs = f"what it holds belongs in test/cpu-test/{path.name}"
    assert validate(tmp_path).problems == [f"{p}: {belongs}" for p in (other, moved)]
    assert validate(path.parent).problems == [f"{other}: {belongs}"]


def test_a_replicate_is_in_its_place(tmp_path):
    write_record(record(), tmp_path / "one")
    write_record(record(measurements=()), tmp_path / "two")
    merge([tmp_path / "one", tmp_path / "two"], tmp_path / "out", "both")
    assert validate(tmp_path / "out").summary == "2 records (2 ok), 0 problems"


def test_measurements_out_of_order_are_named(tmp_path):
    rows = record().measurements
    path = write_record(record(measurements=(*rows[:3], rows[1], *rows[3:])), tmp_path)
    assert validate(tmp_path).problems == [f"{path}, line 5: update 2 comes after update 3"]


def test_what_unfinished_work_left_is_named(tmp_path):
    path = write_record(record(), tmp_path)
    writing = path.with_name(".writing-abc")
    writing.write_text("{")
    living = claim(run_folder(tmp_path, "cpu-test", "a" * 16), {"stream.jsonl": "[1,"})
    assert living is not None
    assert not validate(tmp_path).problems
    os.utime(writing, (0, 0))
    dead = run_folder(tmp_path, "cpu-test", "b" * 16)
    dead.mkdir()
    (dead / living.owner._replace(start=1).name).touch()
    assert validate(tmp_path).problems == [
        f"{dead}: its run ended on the way; the next `run` takes it up",
        f"{writing}: was being written when its writer ended; it can be deleted",
    ]


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_folder_is_one_sentence(name, tmp_path):
    (tmp_path / "file").write_text("")
    code, output = bench("validate", tmp_path / name)
    assert (code, f"{name} is not a folder" in output) == (1, True)
