"""Real processes that raise, diverge, die and hang: each is a row, and the rest goes on."""

import time
from dataclasses import replace

import pytest

from bench.execution.order import Order
from bench.execution.plan import (
    UnknownName,
    choose,
    make_plan,
    parse_duration,
    parse_seeds,
    seconds_known,
)
from bench.records import Measurement, RunRecord, Status
from bench.runner import Registry, resolve
from bench.store import read_folder, write_record
from tests.drivers import run_all
from tests.specs import TOYS, tiny

HERE = {"stack": "cpu-test"}


@pytest.fixture
def toys(tmp_path):
    file = tmp_path / "toys.py"
    file.write_text(TOYS)
    return file


def specs(file, *models):
    registry = Registry([file])
    return [resolve(tiny(model=model, updates=20), registry) for model in models]


def test_every_way_to_die_is_a_row_and_the_rest_goes_on(toys, tmp_path):
    order = Order(results=tmp_path / "results", plugins=(toys,), timeout=120.0)
    models = ["raising", "nan", "killed", "leaving", "toy"]
    records = {r.spec.model: r for r in run_all(specs(toys, *models), order, jobs=2)}
    assert {name: str(record.status) for name, record in records.items()} == {
        "raising": "error",
        "nan": "diverged",
        "killed": "killed",
        "leaving": "error",
        "toy": "ok",
    }
    assert records["killed"].error == "the process was ended by SIGKILL"
    assert "code 7 and left no record\nlast words" in (records["leaving"].error or "")
    stored, problems = read_folder(order.results)
    assert not problems
    assert {r.spec.model: r.status for r in stored} == {
        r.spec.model: r.status for r in records.values()
    }
    assert not list((order.results / ".inflight").glob("*/*"))


def test_a_hang_is_stopped_when_its_time_is_up(toys, tmp_path):
    order = Order(results=tmp_path / "results", plugins=(toys,), timeout=6.0, grace=1.0)
    start = time.monotonic()
    records = list(run_all(specs(toys, "hanging", "toy"), order, jobs=2))
    assert time.monotonic() - start < 60
    assert {r.spec.model: r.status for r in records} == {
        "hanging": Status.timeout,
        "toy": Status.ok,
    }
    assert "after its 6 seconds" in next(r.error for r in records if r.error)


def test_a_failed_rerun_does_not_replace_a_finished_record(toys, tmp_path):
    order = Order(results=tmp_path / "results", plugins=(toys,), timeout=120.0)
    (spec,) = specs(toys, "killed")
    finished = write_record(RunRecord(spec=spec, status=Status.ok, environment=HERE), order.results)
    order = replace(order, environment=HERE)
    (again,) = run_all([spec], order, jobs=1)
    assert again.status is Status.killed
    assert read_folder(order.results)[0][0].status is Status.ok
    assert finished.exists()


def test_what_is_recorded_is_not_run_again_unless_asked(toys, tmp_path):
    results = tmp_path / "results"
    order = Order(results=results, plugins=(toys,))
    wanted = specs(toys, "toy", "raising", "killed")
    stack = next(iter({r.stack for r in run_all(wanted, order, jobs=2)}))
    assert [s.model for s in make_plan(wanted, results, stack).todo] == ["killed"]
    again = make_plan(wanted, results, stack, retry={Status.error})
    assert {s.model for s in again.todo} == {"raising", "killed"}
    assert len(make_plan(wanted, results, stack, force=True).todo) == 3
    assert len(make_plan(wanted, results, "nvidia-h200-torch2.11-cu130").todo) == 3


def test_what_runs_may_take_is_told_by_records_of_their_suite_and_stack_the_own_before_others(
    tmp_path, monkeypatch
):
    def timed(spec, seconds, results, stack="cpu-test"):
        rows = (Measurement(6, "step_seconds", "window", seconds),)
        there = {"stack": stack}
        record = RunRecord(spec=spec, status=Status.ok, environment=there, measurements=rows)
        write_record(record, results)

    recorded, own = tmp_path / "recorded", tmp_path / "own"
    monkeypatch.setattr("bench.execution.plan.RECORDED", recorded)
    both, alone, elsewhere = tiny(), tiny(width=9), tiny(width=10)
    timed(both, 3.0, recorded)
    timed(tiny(seed=1), 5.0, own)
    timed(alone, 0.5, recorded)
    timed(elsewhere, 1.0, own, "gpu-test")
    timed(tiny(width=10, suite="other"), 1.0, own)
    found = seconds_known([both, alone, elsewhere], own, "cpu-test")
    assert found == {both.run_id: 30.0, alone.run_id: 3.0}


def test_names_are_chosen_by_globs_and_mistakes_get_a_hint():
    known = ["roaf", "roaf-identity", "lstm"]
    assert choose("model", "roaf*,lstm", known) == known
    assert choose("model", None, known) == known
    with pytest.raises(UnknownName, match="'lstmm' is unknown; did you mean 'lstm'"):
        choose("model", "lstmm", known)


def test_seeds_and_durations_are_read_as_people_write_them():
    assert parse_seeds("0-2,7") == (0, 1, 2, 7)
    assert parse_duration("90") == parse_duration("90s") == parse_duration("1.5m") == 90
    for bad in ("", "a", "3-", "-1"):
        with pytest.raises(UnknownName, match="0-9 or 0,2,5"):
            parse_seeds(bad)
    for bad in ("", "0", "2d", "-5"):
        with pytest.raises(UnknownName, match="90s, 30m or 2h"):
            parse_duration(bad)
