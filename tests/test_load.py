"""Records as a table."""

import pytest

from bench.records import Status
from bench.store import load, run_rows, write_record
from tests.specs import tiny
from tests.test_store import ROWS, record


def test_load_gives_a_row_a_measurement_and_a_status_row_each(tmp_path):
    write_record(record(), tmp_path)
    write_record(record(spec=tiny(seed=1), status=Status.killed, measurements=()), tmp_path)
    rows = load(tmp_path)
    assert len(rows) == len(ROWS) + 2
    status = rows[rows.quantity == "status"]
    assert sorted(status["where"]) == ["killed", "ok"]
    assert status["value"].isna().all()
    assert {"suite", "stack", "run_id", "axis", "learning_rate", "model_args"} <= set(rows.columns)
    losses = rows[rows.quantity == "train_loss"]
    assert losses["step"].tolist() == [0, 1, 2, 3]
    assert set(losses["seed"]) == {0}


def test_load_of_an_empty_folder_is_an_empty_table(tmp_path):
    assert load(tmp_path).empty
    assert "quantity" in load(tmp_path).columns


def test_load_warns_of_a_file_that_is_not_in_the_table(tmp_path):
    write_record(record(), tmp_path)
    path = write_record(record(spec=tiny(seed=1)), tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match=rf"not in the table: {path}, line 5: .* 3 of 4"):
        assert set(load(tmp_path)["seed"]) == {0}


def test_a_fact_takes_the_place_of_no_other_column():
    facts = {"seed": 7, "run_id": [1], "error": "no", "layers": [1, 2]}
    (row,) = run_rows([record(facts=facts)]).to_dict("records")
    assert (row["seed"], row["run_id"], row["error"]) == (0, tiny().run_id, None)
    assert row["layers"] == "[1, 2]"
