"""Hostile words and files on the command line get one sentence, and write nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.cli import main
from bench.store import read_record, write_record
from tests.hostile import bounded, few, names, values
from tests.specs import tiny

FIXTURES = Path(__file__).parent / "fixtures" / "records"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A folder to be in, deep in another; its results hold a good and a bad record."""
    folder = tmp_path_factory.mktemp("house") / "a" / "b" / "c"
    folder.mkdir(parents=True)
    record = read_record(FIXTURES / "schema-2.jsonl")
    write_record(record, folder / "results")
    (folder / "results" / "bad.jsonl").write_bytes(b"\xff\x00")
    (folder / "spec.json").write_text("{}")
    return folder


def files(folder: Path) -> dict[Path, int]:
    """When each was written last."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


SMOKE = ("run", "--suite", "smoke", "--dry-run", "--results", "results")
COMMANDS = [
    ("run", "--dry-run", "--suite", ...),
    (*SMOKE, "--models", ...),
    (*SMOKE, "--tasks", ...),
    (*SMOKE, "--models", "elman", "--seeds", ...),
    (*SMOKE, "--models", "elman", "--timeout", ...),
    (*SMOKE, "--models", "elman", "--retry", ...),
    (*SMOKE, "--models", "elman", "--jobs", ...),
    (*SMOKE, "--models", "elman", "--device", ...),
    (*SMOKE, "--models", "elman", "--plugin", ...),
    ("run", "--dry-run", "--suite", "smoke", "--models", "elman", "--results", ...),
    ("exec-run", ...),
    ("exec-run", "spec.json", "--results", ...),
    ("exec-run", "spec.json", "--timeout", ...),
    ("exec-run", "spec.json", "--plugin", ...),
    ("ls", ...),
    ("ls", "models", "--plugin", ...),
    ("prepare", "--suite", ...),
    ("report", "--suite", ...),
    ("report", "--suite", "smoke", "--results", ...),
    ("report", "--suite", "smoke", "--results", "results", "--format", ...),
    ("validate", ...),
    ("merge", ..., "--out", "results"),
    ("merge", "results", "--keep", ..., "--out", "results"),
    ("compare", ..., "results"),
    ("compare", "results", "results", "--margin", ...),
    ("status", "--results", "results", "--suite", ...),
    (...,),
]
words = names | st.sampled_from(
    ["0-999999999", "9" * 5000, "1e999", "nan", "-1", "0", "٣", "results", "spec.json", "None"]
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: "-".join(w for w in c if w is not ...))
@given(st.data())
@settings(bounded, max_examples=12)
def test_a_hostile_word_on_the_command_line_gets_a_sentence(command, house, data):
    word = data.draw(words | st.text(st.characters(), max_size=5))
    assume(word not in ("/", "//"))  # the whole machine is no results folder
    before = files(house.parents[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(house)
        result = CliRunner().invoke(main, [word if w is ... else w for w in command])
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output
    assert result.exit_code != 1 or result.output.count("Error: ") == 1
    assert before == files(house.parents[2])


@given(st.data())
@few
def test_a_hostile_spec_file_is_a_sentence_and_leaves_no_file(house, data):
    fields = {**tiny().written(), "model": data.draw(names)}
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(values)
    content = data.draw(
        st.just(json.dumps(fields).encode())
        | st.binary(max_size=50)
        | st.sampled_from([b"[" * 100_000, b'{"suite": 1, "suite": 2}', b'"' + b"x" * 1_000_000])
    )
    file = house / data.draw(st.sampled_from(["spec.json", "spec.jsonl"]))
    assume(b'"model": "elman"' not in content)
    file.write_bytes(content)
    results = house / "exec"
    result = CliRunner().invoke(main, ["exec-run", str(file), "--results", str(results)])
    file.unlink()
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code == 1
    assert result.output.count("Error: ") == 1
    assert not results.exists()
