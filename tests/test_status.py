"""`bench status`: where every run of a suite stands, from the records and the leases alone."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.cost import same_cost
from bench.environment import stack
from bench.execution import status_text
from bench.execution.lease import claim, run_folder
from bench.execution.status import Seen, progress, read_files
from bench.execution.wanted import suite_specs
from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.runner import Registry
from bench.store import write_record
from bench.suites import all_suites

SUITE = """
from bench.suites import Setting, Suite

SUITES = {
    "four": Suite(
        question="Does it end?",
        budget="none",
        settings=(
            Setting(
                task="adding",
                task_args={"length": 12},
                models=("elman", "lstm"),
                widths={"*": 8},
                updates=3600,
            ),
        ),
        seeds=(0, 1),
    )
}
"""
HERE = stack("cpu")


@pytest.fixture
def plugin(tmp_path):
    file = tmp_path / "four.py"
    file.write_text(SUITE)
    return file


@pytest.fixture
def specs(plugin) -> list[RunSpec]:
    """elman with seeds 0 and 1, then lstm."""
    suite = all_suites((plugin,)).entries["four"]
    return suite_specs("four", suite, Registry((plugin,)), None, None, None)[0]


def ended(spec: RunSpec, status: Status = Status.ok, seconds: float | None = None) -> RunRecord:
    rows = () if seconds is None else (Measurement(3600, "step_seconds", "window", seconds),)
    return RunRecord(spec=spec, status=status, environment={"stack": HERE}, measurements=rows)


def said(tmp_path, plugin, *words: str, device: str = "cpu") -> tuple[int, str]:
    """(exit code, output) of the command on the folder `results`."""
    where = ("--results", str(tmp_path / "results"), "--device", device, "--plugin", str(plugin))
    result = CliRunner().invoke(main, ["status", *where, *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def rows(output: str) -> dict[str, list[str]]:
    """The cells of each model's line."""
    lines = [line.split() for line in output.splitlines() if line.startswith("adding, length 12 ")]
    return {cells[3]: cells[4:] for cells in lines}


def test_without_any_record_every_run_is_missing(tmp_path, plugin):
    code, output = said(tmp_path, plugin, "--suite", "four")
    assert code == 0
    assert rows(output) == {"elman": ["2", "0", "2"], "lstm": ["2", "0", "2"]}
    assert f"four on {HERE}: 0 of 4 runs done; 4 missing; 0.00 hours of training used" in output
    assert "and 4 runs never timed before" in output


def test_failures_are_told_by_kind_and_what_is_recorded_of_other_runs_is_counted(
    tmp_path, plugin, specs
):
    results = tmp_path / "results"
    outcomes = (Status.solved_early, Status.timeout, Status.diverged, Status.lost)
    for spec, status in zip(specs, outcomes, strict=True):
        write_record(ended(spec, status), results)
    write_record(ended(replace(specs[0], seed=9)), results)
    code, output = said(tmp_path, plugin)
    assert code == 0
    assert rows(output) == {
        "elman": ["2", "1", "1", "timeout"],
        "lstm": ["2", "0", "1", "diverged", "1"],
    }
    assert f"four on {HERE}: 3 of 4 runs done; 1 ok, 1 diverged, 1 timeout, 1 lost" in output
    assert "1 records of other runs" in output


def test_hours_used_and_hours_to_go_are_reckoned_from_the_records(tmp_path, plugin, specs):
    # 3,600 updates of half a second each are half an hour, used once and to go once; nothing is
    # known of lstm.
    write_record(ended(specs[0], seconds=0.5), tmp_path / "results")
    _, output = said(tmp_path, plugin, "--suite", "four")
    assert "0.50 hours of training used; about 0.50 hours of one core to go" in output
    assert "and 2 runs never timed before" in output


def test_a_killed_run_is_left_to_do_and_the_pace_is_the_median_of_the_records(specs):
    paces = [1.0, 1.0, 9.0]
    files = [Seen((0, 0), "another", "ok", same_cost(specs[0]), pace) for pace in paces] + [
        Seen((0, 0), specs[0].run_id, "killed", same_cost(specs[0]))
    ]
    found = progress("four", HERE, specs[:1], files, {})
    assert (found.left, found.counts["killed"]) == (3600.0, 1)


def test_a_lease_is_a_run_under_way_and_one_whose_owner_died_a_lost_run(tmp_path, plugin, specs):
    results = tmp_path / "results"
    for spec in specs[:3]:
        assert claim(run_folder(results, HERE, spec.run_id), {})
    lease = claim(run_folder(results, "gpu-torch0.0", specs[3].run_id), {})
    assert lease
    dead = next(run_folder(results, HERE, specs[2].run_id).iterdir())
    dead.rename(dead.with_name(lease.owner._replace(start=lease.owner.start + 1).name))
    _, output = said(tmp_path, plugin, "--suite", "four")
    assert rows(output) == {"elman": ["2", "0", "2"], "lstm": ["2", "0", "1", "1"]}
    assert f"four on {HERE}: 0 of 4 runs done; 2 running, 1 lost, 1 missing" in output
    assert "on gpu" not in output


def test_by_default_every_stack_of_the_folder_is_told_of(tmp_path, plugin, specs):
    results = tmp_path / "results"
    _, output = said(tmp_path, plugin, "--suite", "four", device="auto")
    assert "four on " in output and "4 missing" in output
    environment = {"stack": "gpu-torch0.0"}
    write_record(RunRecord(spec=specs[0], status=Status.ok, environment=environment), results)
    assert claim(run_folder(results, "tpu-torch0.0", specs[1].run_id), {})
    _, output = said(tmp_path, plugin, device="auto")
    assert "four on gpu-torch0.0: 1 of 4 runs done; 1 ok, 3 missing" in output
    assert "four on tpu-torch0.0: 0 of 4 runs done; 1 running, 3 missing" in output
    assert f"on {HERE}" not in output


def test_a_broken_file_is_named_and_its_run_missing(tmp_path, plugin, specs):
    path = write_record(ended(specs[0]), tmp_path / "results")
    path.write_text("{")
    _, output = said(tmp_path, plugin)
    assert f"unreadable: {path}, line 1" in output
    assert "4 missing" in output


def test_watching_ends_by_itself_when_nothing_is_missing(tmp_path, plugin, specs, monkeypatch):
    left = list(specs)

    def wait(seconds: float) -> None:
        write_record(ended(left.pop()), tmp_path / "results")

    monkeypatch.setattr(status_text.time, "sleep", wait)
    code, output = said(tmp_path, plugin, "--suite", "four", "--watch")
    assert code == 0
    assert [line.split(";")[0] for line in output.splitlines()] == [
        f"four on {HERE}: {done} of 4 runs done" for done in range(5)
    ]


def test_control_c_ends_the_watching_cleanly(tmp_path, plugin, monkeypatch):
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status_text.time, "sleep", interrupted)
    code, output = said(tmp_path, plugin, "--suite", "four", "--watch")
    assert code == 0
    assert "0 of 4 runs done" in output and "Traceback" not in output


def test_a_terminal_shows_what_is_left_as_far_as_it_fits(specs, monkeypatch):
    many = [replace(specs[0], model=f"m{k}") for k in range(50)]
    monkeypatch.setenv("LINES", "24")
    found = progress("four", HERE, many, [], {})
    lines = status_text.screen([found]).splitlines()
    assert len(lines) <= 23
    assert "more lines" in lines[-2] and "50 missing" in lines[-1]


def test_an_unchanged_file_is_not_read_again(tmp_path, specs, monkeypatch):
    path = write_record(ended(specs[0]), tmp_path)
    first = read_files(tmp_path, {})
    monkeypatch.setattr("bench.execution.status.read_record", None)  # a call would fail
    assert read_files(tmp_path, first) == first
    path.unlink()
    assert read_files(tmp_path, first) == {}


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--suite", "fuor"], "did you mean 'four'?"),
        ([], "no suite has records in"),
        (["--device", "tpu"], "'tpu' is not one of"),
    ],
)
def test_a_mistake_gets_one_sentence(tmp_path, plugin, words, sentence):
    code, output = said(tmp_path, plugin, *words)
    assert code == 1
    assert sentence in output
    assert "Traceback" not in output
