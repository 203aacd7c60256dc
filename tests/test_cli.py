"""The command line as a user meets it: one sentence for a mistake, one row for a failed run."""

import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.records import canonical_json
from bench.store import load, read_folder
from bench.suites.psmnist import PSMNIST
from tests.specs import TOYS, tiny

SMOKE = ["run", "--suite", "smoke", "--jobs", "2"]


def bench(*words: str | Path):
    """(exit code, everything printed) of the command in this process."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=True,
    )
    return result.stdout


@pytest.fixture
def toys(tmp_path):
    file = tmp_path / "toys.py"
    file.write_text(TOYS)
    return file


def processor_seconds_of_children() -> float:
    """Unlike the time on the wall they do not grow where other programs run beside."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_names_the_commands_in_under_three_tenths_of_a_second_without_torch():
    seconds = []
    for _ in range(5):
        start = processor_seconds_of_children()
        text = subprocess.run(
            [sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, check=True
        ).stdout
        seconds.append(processor_seconds_of_children() - start)
    assert {"run", "report", "ls", "env", "exec-run", "prepare", "merge"} <= set(text.split())
    assert min(seconds) < 0.3
    quiet = "import sys, bench.cli, bench.report, bench.store, bench.suites, bench.records\n"
    assert python(quiet + "print('torch' in sys.modules)").strip() == "False"


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["run", "--suite", "smok"], "suite 'smok' is unknown; did you mean 'smoke'?"),
        ([*SMOKE, "--models", "lstmm"], "model 'lstmm' is unknown; did you mean 'lstm'?"),
        (["report", "--suite", "smoke", "--into", "x"], "--into x is for the page over all suites"),
        ([*SMOKE, "--tasks", "copying"], "task 'copying' is unknown; "),
        ([*SMOKE, "--seeds", "ten"], "--seeds 'ten' cannot be read; write 0-9 or 0,2,5"),
        ([*SMOKE, "--timeout", "soon"], "--timeout 'soon' cannot be read"),
        ([*SMOKE, "--retry", "sleepy"], "status 'sleepy' is unknown"),
        ([*SMOKE, "--device", "tpu"], "'tpu' is not one of 'auto', 'cpu', 'cuda'"),
        ([*SMOKE, "--jobs", "0"], "0 is not in the range x>=1"),
        ([*SMOKE, "--tasks", "adding", "--models", "mlp"], "no task of suite 'smoke' takes these"),
        (["run"], "Missing option '--suite'"),
        ([*SMOKE, "--seeds", "5-2"], "--seeds '5-2' cannot be read"),
        ([*SMOKE, "--models", ""], "no task of suite 'smoke' takes these"),
        (["exec-run", "nowhere.json"], "nowhere.json holds no spec"),
        (["exec-run", "nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
        (["merge", "nowhere", "--out", "out"], "nowhere is not a results folder"),
        (["report", "--suite", "smoke", "--results", "nowhere"], "no records of the suite 'smoke'"),
        (["ls", "colours"], "'colours' is not one of 'models', 'tasks', 'suites'"),
        (["prepare", "--suite", "smok"], "did you mean 'smoke'?"),
    ],
)
def test_a_mistake_gets_one_sentence_and_exit_code_1(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, output = bench(*words)
    assert code == 1
    assert sentence in output
    assert "Traceback" not in output
    assert not list(tmp_path.rglob("*.jsonl"))


def test_cuda_that_is_not_there_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    code, output = bench(*SMOKE, "--device", "cuda", "--results", tmp_path)
    assert code == 1
    assert "torch sees no CUDA device here" in output


def test_a_results_folder_that_cannot_be_written_is_named_before_anything_runs(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    code, output = bench(*SMOKE, "--models", "elman", "--results", file / "below")
    assert code == 1
    assert f"--results {file / 'below'} cannot be written" in output


@pytest.mark.parametrize(
    "source, sentence",
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("def (", "SyntaxError"),
        ("ENTRIES = {}", "defines none of MODELS, TASKS and SUITES"),
        ("MODELS = 3", "is not a dict of names to entries"),
        ("MODELS = {'lstm': None}", "model 'lstm' is defined twice, by bench.models and by"),
        ("MODELS = {'mine': 3}", "is not an Entry"),
    ],
)
def test_a_broken_plugin_is_one_sentence(source, sentence, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(source)
    code, output = bench("ls", "models", "--plugin", file)
    assert (code, "Traceback" in output) == (1, False)
    assert sentence in output
    assert str(file) in output


def test_two_runs_do_the_work_once_and_a_report_comes_of_it(tmp_path):
    words = [*SMOKE, "--models", "elman,roaf,roaf-mlp", "--results", tmp_path / "results"]
    code, first = bench(*words)
    assert (code, "3 ok; 0 of them recorded earlier" in first) == (0, True)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jsonl")}
    code, second = bench(*words)
    assert (code, "0 runs to do, 3 recorded" in second) == (0, True)
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jsonl")}
    out = tmp_path / "reports"
    code, said = bench(
        "report", "--suite", "smoke", "--results", tmp_path / "results", "--out", out
    )
    assert (code, said.strip()) == (0, str(out / "smoke"))
    assert "roaf-mlp" in (out / "smoke" / "index.html").read_text()
    assert load(tmp_path / "results")["model"].nunique() == 3


def test_a_failed_run_is_a_row_with_the_command_that_does_it_again(toys, tmp_path):
    results = tmp_path / "results"
    words = ["run", "--suite", "smoke", "--tasks", "adding", "--results", results]
    code, output = bench(*words, "--models", "toy", "--plugin", toys)
    assert code == 0
    file = tmp_path / "spec.json"
    spec = tiny(model="raising", updates=20, output_scale=1.0)
    file.write_text(canonical_json(asdict(spec)))
    code, output = bench("exec-run", file, "--results", results, "--plugin", toys)
    assert code == 2
    assert "error: adding raising seed 0: RuntimeError: the model is broken | on purpose" in output
    again = next(line for line in output.splitlines() if "again: python -m bench" in line)
    code, output = bench(*again.split("python -m bench ")[1].split())
    assert (code, "1 error" in output) == (2, True)
    records, problems = read_folder(results)
    assert sorted(str(record.status) for record in records) == ["error", "ok"]
    assert not problems


def test_a_spec_that_the_task_does_not_take_is_one_sentence(tmp_path):
    file = tmp_path / "spec.json"
    file.write_text(canonical_json(asdict(tiny(task_args={"lenght": 5}))))
    code, output = bench("exec-run", file, "--results", tmp_path / "results")
    assert (code, "Traceback" in output) == (1, False)
    assert "task 'adding' cannot be made with {'lenght': 5}" in output


def test_a_suite_of_a_plugin_that_names_what_is_not_there_is_one_sentence(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from bench.suites import Setting, Suite\n"
        "setting = Setting(task='adding', models=('lstmm',), updates=1)\n"
        "SUITES = {'mine': Suite(question='?', budget='none', settings=(setting,))}\n"
    )
    code, output = bench("run", "--suite", "mine", "--plugin", file, "--results", tmp_path)
    assert (code, "Traceback" in output) == (1, False)
    assert "model 'lstmm' is unknown; did you mean 'lstm'?" in output


def test_missing_data_is_listed_with_what_to_type_and_is_no_failure(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    words = ["run", "--suite", "long-memory", "--tasks", "psmnist*", "--models", "lstm"]
    code, output = bench(*words, "--results", tmp_path / "results")
    assert code == 0
    assert "unsupported: psmnist-92916 lstm: MNIST is not at" in output
    assert "python -m bench prepare --suite long-memory" in output
    assert "1 unsupported" in output


def test_a_named_model_runs_where_its_suite_lists_it_and_an_unlisted_one_once_in_each_setting(
    tmp_path,
):
    listed = sum("roaf-rotations" in setting.models for setting in PSMNIST.settings)
    words = ["run", "--suite", "psmnist", "--seeds", "0", "--dry-run", "--results", tmp_path]
    for models, count in (("roaf-rotations", listed), ("le*", 1)):
        code, output = bench(*words, "--models", models)
        assert (code, f"psmnist: {count} runs to do" in output) == (0, True), output
    lines = [
        line for line in bench(*words, "--models", "elman")[1].splitlines() if " elman " in line
    ]
    assert 1 < len(lines) == len(set(lines)), lines


def test_a_dry_run_prints_the_runs_and_runs_nothing(tmp_path):
    code, output = bench(*SMOKE, "--dry-run", "--results", tmp_path / "results")
    assert code == 0
    assert "runs never timed before" in output
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("kind, name", [("models", "exprnn"), ("tasks", "adding")])
def test_what_there_is_is_listed_for_people_and_for_programs(kind, name):
    code, text = bench("ls", kind, "--format", "json")
    assert code == 0
    assert name in {row["name"] for row in json.loads(text)}
    assert name in bench("ls", kind)[1]


def test_the_environment_names_no_host_and_no_user():
    code, text = bench("env")
    assert code == 0
    assert {"stack", "processor", "commit", "versions"} <= set(json.loads(text))
    assert os.uname().nodename not in text
