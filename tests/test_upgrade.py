"""Records of every schema that ever was are read; of one that is yet to come, it is said."""

import json
import re
from pathlib import Path

import pytest

from bench.records import SCHEMA, Status
from bench.store import BadRecord, read_record, record_lines
from bench.upgrade import UPGRADES

FIXTURES = Path(__file__).parent / "fixtures" / "records"
EVERY = range(1, SCHEMA + 1)


def fixture(schema: int) -> Path:
    return FIXTURES / f"schema-{schema}.jsonl"


def said(path: Path) -> list[str]:
    """What a record says, in the newest schema, without the time."""
    lines = list(record_lines(read_record(path)))
    return [re.sub(r'"recorded_at": [^,]+, ', "", lines[0]), *lines[1:]]


def test_there_is_a_stored_record_of_every_schema_and_an_upgrade_of_every_older_one():
    assert {path.name for path in FIXTURES.iterdir()} == {fixture(n).name for n in EVERY}
    assert set(UPGRADES) == set(EVERY) - {SCHEMA}
    for schema in EVERY:
        assert json.loads(fixture(schema).read_text().partition("\n")[0])["schema"] == schema


@pytest.mark.parametrize("schema", EVERY)
def test_the_stored_record_of_a_schema_says_what_it_always_said(schema):
    record = read_record(fixture(schema))
    assert record.spec.run_id == "130f8afdd9e6b02c"
    assert record.status is Status.ok
    assert record.stack == "cpu-torch2.13"
    assert said(fixture(schema)) == said(fixture(SCHEMA))


def test_what_is_written_today_is_the_newest_schema_to_the_letter():
    """Any other line needs a new schema, an upgrade and a stored record."""
    text = fixture(SCHEMA).read_text()
    assert "".join(line + "\n" for line in record_lines(read_record(fixture(SCHEMA)))) == text


@pytest.mark.parametrize(
    "schema, sentence",
    [
        (
            "3",
            "line 1: written by a newer version of the suite, in schema 3; this one reads 1 to 2",
        ),
        ("99", "written by a newer version of the suite, in schema 99"),
        ("0", "schema 0 is unknown; there are 1 to 2"),
        ("-1", "schema -1 is unknown"),
        ("1.0", "schema 1.0 is unknown"),
        ("true", "schema True is unknown"),
        ('"2"', "schema '2' is unknown"),
        ("null", "schema None is unknown"),
        ("[2]", r"schema \[2\] is unknown"),
    ],
)
def test_another_schema_is_refused_in_a_sentence(schema, sentence, tmp_path):
    text = fixture(SCHEMA).read_text().replace(f'"schema": {SCHEMA}', f'"schema": {schema}', 1)
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    with pytest.raises(BadRecord, match=sentence):
        read_record(path)
