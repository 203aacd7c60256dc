"""Bad and hostile input: a sentence or a value, never a crash, never a file where none belongs."""

import ast
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.record_text import parse_record, record_lines
from bench.records import (
    Measurement,
    RunRecord,
    Status,
    canonical_json,
    spec_from_json,
)
from bench.rows import measurement_rows, run_rows
from bench.store import read_record, record_path, write_record
from bench.strict_json import parse
from tests.hostile import bounded, few, texts, values
from tests.specs import tiny

FIXTURES = Path(__file__).parent / "fixtures" / "records"
RECORD = RunRecord(
    spec=tiny(diagnostics={"spectrum": [0, 6]}),
    status=Status.ok,
    environment={"stack": "cpu-test"},
    facts={"chance": 0.1, "solved": None},
    measurements=(
        Measurement(0, "train_loss", "all", 0.5),
        Measurement(6, "train_loss", "all", math.nan),
        Measurement(6, "gradient_by_distance", "12", None),
    ),
)
NEWEST = "".join(f"{line}\n" for line in record_lines(RECORD)).encode()
BENCH = Path(__file__).parent.parent / "bench"


def survives(text: str) -> RunRecord | None:
    """The record in the text, used in every way a reader uses it; None after a good refusal."""
    record, faults = parse_record(text, most=3)
    if record is None:
        assert faults
        assert len(faults) <= 3
        for fault in faults:
            assert fault.line >= 1
            assert fault.sentence.isprintable()
            assert len(fault.sentence) < 1000
        return None
    assert not faults
    parts = record_path(record, Path("results")).parts
    assert (len(parts), parts[0]) == (4, "results")
    assert max(len(part.encode()) for part in parts) < 255
    lines = [line + "\n" for line in record_lines(record)]
    assert parse_record("".join(lines))[0] is not None
    measurement_rows([record]).to_csv()
    run_rows([record]).to_csv()
    return record


def as_text(content: bytes) -> str:
    return content.decode("utf-8", errors="surrogateescape")


@given(st.binary(max_size=200))
@bounded
def test_no_bytes_crash_the_record_reader(content):
    assert survives(as_text(content)) is None


@given(st.data())
@bounded
def test_a_record_with_other_bytes_in_it_is_refused_or_read_whole(data):
    place = data.draw(st.integers(0, len(NEWEST)))
    gone = data.draw(st.integers(0, 20))
    content = NEWEST[:place] + data.draw(st.binary(max_size=8)) + NEWEST[place + gone :]
    record = survives(as_text(content))
    if record is not None:
        assert len(record.measurements) == NEWEST.count(b"\n") - 1


@given(st.data())
@bounded
def test_any_value_in_any_field_of_a_record_is_refused_or_read(data):
    first, *rows = NEWEST.decode().splitlines()
    header = json.loads(first)
    field = data.draw(st.sampled_from([*header, "unknown"]))
    if field in ("environment", "facts", "versions", "spec") and data.draw(st.booleans()):
        name = data.draw(st.sampled_from([*sorted(header[field]), "stack"]) | texts)
        header[field] = {**header[field], name: data.draw(values)}
        header["run_id"] = id_of(header["spec"]) or header["run_id"]
    else:
        header[field] = data.draw(values)
    survives("".join(f"{line}\n" for line in [json.dumps(header), *rows]))


def id_of(spec: dict) -> str | None:
    """The id of a spec, so that what is in it is not refused for that alone."""
    try:
        return spec_from_json(parse(json.dumps(spec))).run_id
    except ValueError:
        return None


@given(st.lists(values, min_size=4, max_size=4) | values)
@bounded
def test_any_value_is_refused_as_a_measurement_or_read(row):
    first = json.loads(NEWEST.partition(b"\n")[0])
    lines = [json.dumps({**first, "measurements": 1}), json.dumps(row)]
    survives("".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize(
    "line, sentence",
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('[1,"q","w",' + "9" * 5000 + "]", "4300 digits"),
        ('[1,"q","w",' + "9" * 400 + "]", "is not a number, null"),
        ('[1,"q","w",1e999]', "is not a number, null"),
        ("[" + "9" * 400 + ',"q","w",1]', "is not a whole number"),
        ('[1,"\\ud800","w",1]', "is not valid UTF-8"),
        ('[1,"q","w",{"a":1,"a":2}]', "the key 'a' is there 2 times"),
        ('[1,"q","w",-Infinity]', "the word -Infinity"),
        ("x" * 10_000_000, "not JSON"),
        ("\ufeff[]", "not JSON"),
        ("[1,\x00]", "not JSON"),
    ],
    ids=range(12),
)
def test_a_hostile_line_is_a_sentence(line, sentence):
    header = json.loads(NEWEST.partition(b"\n")[0])
    text = json.dumps({**header, "measurements": 1}) + "\n" + line + "\n"
    assert survives(text) is None
    assert sentence in parse_record(text)[1][0].sentence


def test_a_line_of_ten_megabytes_is_read(tmp_path):
    long = "x" * 10_000_000
    header = json.loads(NEWEST.partition(b"\n")[0])
    text = json.dumps({**header, "measurements": 1}) + "\n" + json.dumps([1, "q", long, 1]) + "\n"
    (tmp_path / "long.jsonl").write_text(text)
    assert read_record(tmp_path / "long.jsonl").measurements[0].where == long


def test_separators_that_json_allows_within_a_text_end_no_line():
    header = json.loads(NEWEST.partition(b"\n")[0])
    text = json.dumps({**header, "measurements": 1}) + '\n[1,"q","a\u2028b\x85c",1]\n'
    record = survives(text)
    assert record is not None
    assert record.measurements[0].where == "a\u2028b\x85c"


@given(st.data())
@bounded
def test_any_value_in_any_field_of_a_spec_is_refused_or_a_run_with_an_id(data):
    fields = tiny().written()
    name = data.draw(st.sampled_from(sorted(fields)) | texts)
    text = json.dumps({**fields, name: data.draw(values)})
    try:
        spec = spec_from_json(parse(text))
    except ValueError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 1000
        return
    assert len(spec.run_id) == 16
    assert spec_from_json(parse(canonical_json(spec.written()))).run_id == spec.run_id


@pytest.mark.parametrize(
    "change, sentence",
    [
        ('"seed": 18446744073709551616', "does not fit into 64 bits"),
        ('"seed": 0, "seed": 0', "the key 'seed' is there 2 times"),
        ('"seed": "0"', "'seed' must be an integer, not '0'"),
        ('"seed": 0.0', "'seed' must be an integer, not 0.0"),
        ('"seed": true', "'seed' must be an integer, not True"),
        ('"seed": 0, "learning_rate": 1e999', "the key 'learning_rate' is there 2 times"),
        ('"seed": 0, "depth": 0', "'depth' must be at least 1, not 0"),
        ('"seed": 0, "task_args": ' + "[" * 30 + "]" * 30, "nested more than 20 levels deep"),
    ],
    ids=range(8),
)
def test_a_hostile_field_of_a_spec_is_a_sentence(change, sentence):
    fields = {**tiny().written()}
    del fields["depth"], fields["task_args"]
    with pytest.raises(ValueError, match=sentence):
        spec_from_json(parse(json.dumps(fields).replace('"seed": 0', change)))


@given(texts, texts, texts, texts)
@few
def test_whatever_the_names_a_record_lands_in_its_folder(tmp_path_factory, suite, task, model, at):
    folder = tmp_path_factory.mktemp("names")
    results = folder / "a" / "results"
    spec = replace(tiny(), suite=suite, task=task, model=model)
    record = RunRecord(spec=spec, status=Status.ok, environment={"stack": at})
    write_record(record, results)
    found = [path for path in folder.rglob("*") if not path.is_dir()]
    assert len(found) == 1
    assert len(found[0].relative_to(results).parts) == 3
    assert max(len(part.encode()) for part in found[0].parts) < 200


def test_reading_results_executes_nothing(tmp_path):
    """An interpreter that reads a folder, hostile files in it, tells what Python is asked for."""
    results = tmp_path / "results"
    sound = (FIXTURES / "schema-2.jsonl").read_text()
    places = {
        "a": sound,
        "b": sound.replace('"ok"', "\"__import__('os').abort()\""),
        "c": "\x80\x04.",
    }
    for name, text in places.items():
        (results / name).mkdir(parents=True)
        (results / name / f"{name}.jsonl").write_text(text)
    found = subprocess.run(
        [sys.executable, "-c", WATCHED, results], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["1", "2"]


WATCHED = """
import pathlib, sys
from bench.store import read_folder
from bench.rows import measurement_rows
folder = pathlib.Path(sys.argv[1])
measurement_rows(read_folder(folder)[0])  # what pandas imports late is there now
seen = ("exec", "compile", "import", "pickle.find_class", "marshal.loads", "ctypes.dlopen",
        "os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen", "socket.connect",
        "os.remove", "os.rename", "os.mkdir", "shutil.rmtree")
def watch(event, args):
    if event in seen or event == "open" and args[1] is not None and set(args[1]) & set("wax+"):
        print("asked for", event, args)
sys.addaudithook(watch)
records, problems = read_folder(folder)
measurement_rows(records)
print(len(records), len(problems))
"""


def test_nothing_in_the_suite_reads_a_format_that_can_execute():
    for file in set(BENCH.rglob("*.py")) - set((BENCH / "selftest").rglob("*.py")):  # plants faults
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = node.module if isinstance(node, ast.ImportFrom) else ""
                found = {module, *(alias.name for alias in node.names)}
                assert not found & {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in {"eval", "exec", "pd.read_pickle"}, file
                keywords = {word.arg: word.value for word in node.keywords}
                if ast.unparse(node.func) == "torch.load":
                    assert ast.unparse(keywords["weights_only"]) == "True", file
                assert "allow_pickle" not in keywords, file
