"""Records: what is written is what is read, and nothing half-written is ever read as whole."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records import Measurement, RunRecord, Status, spec_from_json
from bench.store import BadRecord, Conflict, load, merge, read_record, record_path, write_record
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


def test_not_a_number_survives_the_file(tmp_path):
    path = write_record(record(measurements=(Measurement(0, "q", "w", math.nan),)), tmp_path)
    assert math.isnan(read_record(path).measurements[0].value)
    assert '"NaN"' in path.read_text()


def test_the_same_experiment_has_the_same_id_and_any_change_another():
    assert tiny().run_id == tiny().run_id
    assert tiny(seed=1).run_id != tiny().run_id
    assert tiny(task_args={"length": 13}).run_id != tiny().run_id
    text = json.dumps(tiny().__dict__ | {"test_at": [6]})
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


@pytest.mark.parametrize(
    "damage, complaint",
    [
        (lambda lines: [], "line 1: schema None is not 1"),
        (lambda lines: [lines[0].replace('"schema": 1', '"schema": 99')], "schema 99 is not 1"),
        (lambda lines: [lines[0].replace('"seed": 0', '"seed": 5')], "does not belong to its spec"),
        (lambda lines: [lines[0].replace('"width"', '"wid"')], "unknown spec field 'wid'"),
        (lambda lines: [lines[0], "[1, 2"], "line 2"),
        (lambda lines: [lines[0], '[1,"q","w","x"]'], "'x' is not a number, null, or one of NaN"),
        (lambda lines: [lines[0].replace('"ok"', '"fine"')], "'fine' is not a valid Status"),
    ],
)
def test_a_damaged_record_is_named_with_its_line_and_fault(tmp_path, damage, complaint):
    path = write_record(record(), tmp_path)
    path.write_text("\n".join(damage(path.read_text().splitlines())))
    with pytest.raises(BadRecord, match=str(path)) as caught:
        read_record(path)
    assert complaint in str(caught.value)


@given(st.integers(0, 2000))
def test_a_record_cut_off_anywhere_never_crashes_the_reader(tmp_path_factory, length):
    folder = tmp_path_factory.mktemp("cut")
    path = write_record(record(), folder)
    path.write_bytes(path.read_bytes()[:length])
    try:
        read_record(path)
    except BadRecord as error:
        assert str(path) in str(error)


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5) | st.binary())
def test_any_other_file_never_crashes_the_reader(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("junk") / "junk.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(BadRecord):
        read_record(path)


def test_load_gives_a_row_a_measurement_and_a_status_row_each(tmp_path):
    write_record(record(), tmp_path)
    write_record(record(spec=tiny(seed=1), status=Status.killed, measurements=()), tmp_path)
    rows = load(tmp_path)
    assert len(rows) == len(ROWS) + 2
    status = rows[rows.quantity == "status"]
    assert sorted(status["where"]) == ["killed", "ok"]
    assert status["value"].isna().all()
    assert {"suite", "stack", "run_id", "axis", "learning_rate", "model_args"} <= set(rows.columns)


def test_load_of_an_empty_folder_is_an_empty_table(tmp_path):
    assert load(tmp_path).empty
    assert "quantity" in load(tmp_path).columns


def test_merging_copies_once_and_refuses_what_differs(tmp_path):
    one, two, out = (tmp_path / name for name in ("one", "two", "out"))
    write_record(record(), one)
    write_record(record(spec=tiny(seed=1)), two)
    assert merge([one, two], out) == (2, 0)
    assert merge([one, two], out) == (0, 2)
    changed = write_record(record(measurements=()), two)
    before = sorted(path.read_bytes() for path in out.rglob("*.jsonl"))
    with pytest.raises(Conflict, match=changed.name):
        merge([two], out)
    assert before == sorted(path.read_bytes() for path in out.rglob("*.jsonl"))
    with pytest.raises(FileNotFoundError, match="not a results folder"):
        merge([Path("nowhere")], out)
