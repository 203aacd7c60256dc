"""Two minutes of the selftest find nothing lost; and what is lost it finds."""

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

import bench.cli
from bench.records import Measurement, RunRecord, Status
from bench.selftest import course, kills, plants
from bench.selftest.page import page
from bench.selftest.processes import left_over
from bench.selftest.tally import COLUMNS, Tally, measured, tally
from bench.selftest.trial import Ground, Place, Row, Undisturbed
from bench.store import record_files, write_record
from tests.drivers import FORK, eventually
from tests.specs import tiny

PLANNED = {("elman", seed): Status.ok for seed in range(3)}
ROW = Measurement(6, "train_loss", "all", 0.5)
TIME = Measurement(6, "step_seconds", "window", 0.001)


@pytest.fixture(scope="module")
def slice_of_it(tmp_path_factory):
    folder = tmp_path_factory.mktemp("selftest")
    words = [sys.executable, "-m", "bench", "selftest", "--slice", "--out", str(folder)]
    ended = subprocess.run(words, capture_output=True, text=True)
    assert (folder / "reliability.json").exists(), ended.stdout + ended.stderr
    return ended, json.loads((folder / "reliability.json").read_text()), folder


@pytest.mark.timeout(900)
def test_of_all_that_is_planted_nothing_is_lost(slice_of_it):
    ended, record, _ = slice_of_it
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for row in record["rows"]:
        assert set(row["found"]) == set(COLUMNS)
        assert sum(row["found"].values()) == 0
        assert row["runs"] > 0 or row["skipped"]
    calm = [row["planted"] for row in record["rows"] if row["scenario"] == "undisturbed"]
    assert len(set(calm)) == 3
    planted = {row["scenario"] for row in record["rows"] if not row["skipped"]}
    assert {"child", "supervisor", "everything", "crowd", "clock steps", "no folder"} < planted
    assert {f"model: {faulty}" for faulty in ("segfault", "forking", "hanging")} < planted


@pytest.mark.timeout(900)
def test_the_page_is_made_from_the_record_alone(slice_of_it):
    _, record, folder = slice_of_it
    text = (folder / "reliability.md").read_text()
    assert text == page(record)
    assert all(text.count(f"\n| {row['scenario']} |") >= 1 for row in record["rows"])
    assert record["environment"]["stack"] in text
    assert "What is wrong" not in text


@pytest.fixture
def sound(tmp_path):
    """A results folder, a log and undisturbed numbers that agree."""
    results, log, lines = tmp_path / "results", tmp_path / "log", []
    for seed in range(3):
        record = recorded(seed)
        write_record(record, results)
        lines += [f"Elman {seed} started", f"Elman {seed} finished"]
    log.write_text("".join(f"{line}\n" for line in lines))
    numbers = {seed: measured(recorded(seed)) for seed in range(3)}
    assert tally(results, log, PLANNED, numbers) == Tally()
    return results, log, numbers


def recorded(seed, **changes):
    here = {"stack": "cpu-test"}
    record = RunRecord(
        spec=tiny(seed=seed), status=Status.ok, environment=here, measurements=(ROW, TIME)
    )
    return replace(record, **changes)


def file_of(seed, results):
    return next(path for path in record_files(results) if f"-s{seed}-" in path.name)


def delete(results, log):
    file_of(1, results).unlink()


def tear(results, log):
    file = file_of(1, results)
    file.write_bytes(file.read_bytes()[:-20])


def repeat(results, log):
    log.write_text(log.read_text() + "Elman 1 started\nElman 1 finished\n")


def do_beside(results, log):
    log.write_text(log.read_text() + "Elman 1 beside\nElman 1 started\n")


def fail(results, log):
    write_record(recorded(1, status=Status.error, error="it broke"), results)


def add(results, log):
    write_record(recorded(3), results)


def change(results, log):
    write_record(recorded(1, measurements=(ROW._replace(value=0.25), TIME)), results)


def leave_a_lease(results, log):
    (results / ".inflight" / "cpu-test" / "0123456789abcdef").mkdir(parents=True)


def leave_a_draft(results, log):
    (record_files(results)[0].parent / ".writing-0").write_text("{")


@pytest.mark.parametrize(
    "harm, columns",
    [
        (delete, {"lost"}),
        (tear, {"lost", "torn"}),
        (repeat, {"twice"}),
        (do_beside, {"twice"}),
        (fail, {"wrong"}),
        (change, {"changed"}),
        (leave_a_lease, {"left"}),
        (leave_a_draft, {"left"}),
    ],
)
def test_every_harm_is_counted_where_it_belongs_once(harm, columns, sound):
    results, log, numbers = sound
    harm(results, log)
    found = tally(results, log, PLANNED, numbers)
    assert {name: len(getattr(found, name)) for name in COLUMNS} == {
        name: int(name in columns) for name in COLUMNS
    }


def test_a_record_that_no_one_asked_for_is_wrong(sound):
    results, log, numbers = sound
    add(results, log)
    numbers[3] = numbers[0]
    assert tally(results, log, PLANNED, numbers) == Tally(wrong=("elman seed 3 was not asked for",))


def test_times_alone_change_no_numbers(sound):
    results, log, numbers = sound
    write_record(recorded(1, measurements=(ROW, TIME._replace(value=9.0))), results)
    assert tally(results, log, PLANNED, numbers) == Tally()


def test_a_process_that_is_still_alive_is_seen():
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    assert child.pid in left_over(seconds=0.0)
    child.kill()
    child.wait()
    assert child.pid not in left_over(seconds=0.0)


def begin_and_stay():
    torch.manual_seed(7)
    plants.BEGUN.clear()
    plants.begin("Calm")
    signal.pause()


def test_who_begins_a_run_beside_another_is_told_from_who_comes_after_it(tmp_path, monkeypatch):
    log = tmp_path / "log"
    monkeypatch.setattr(plants, "LOG", str(log))
    monkeypatch.setattr(plants, "Finalize", lambda *args, **more: None)
    processes = []
    for number, wanted in enumerate((["started"], ["beside", "started"], ["started"]), start=1):
        if number == 3:
            stop(processes)
        before = log.read_text() if log.exists() else ""
        process = FORK.Process(target=begin_and_stay)
        process.start()
        processes.append(process)
        eventually(lambda: log.exists() and log.read_text().count("started") == number)  # noqa: B023
        added = log.read_text()[len(before) :].splitlines()
        assert [line.split()[-1] for line in added] == wanted
    stop(processes)


def stop(processes):
    for process in processes:
        process.kill()
        process.join()
    processes.clear()


@pytest.mark.parametrize("blow", [*kills.BLOWS, *kills.FRESH], ids=lambda blow: blow.scenario)
def test_a_blow_that_never_finds_anyone_is_counted_as_wrong(blow, tmp_path, monkeypatch):
    monkeypatch.setattr(kills, "living", dict)
    monkeypatch.setattr(kills, "wait", lambda driver, seconds: 0)
    monkeypatch.setattr(Ground, "begin", lambda *given, **more: 0)
    monkeypatch.setattr(Ground, "finish", lambda *given: Tally())
    monkeypatch.setattr(Ground, "count", lambda *given: Tally())
    place = Place(tmp_path, Undisturbed({}, {}), random.Random(0))
    found = kills.strike_once(blow, 0.004, place)
    assert found == Tally(wrong=("there was no one to strike",))


def test_one_run_lost_is_said_and_fails_the_command(tmp_path, monkeypatch):
    lost = Row("crowd", "nothing", 1, 60, Tally(lost=("elman seed 3 has no record",)))
    skipped = Row("full disk", "a tmpfs", skipped="it cannot be mounted")
    monkeypatch.setattr(course, "scenarios", lambda sizes, folder: iter([lost, skipped]))
    monkeypatch.setattr(course, "prepare", lambda temporary: None)
    monkeypatch.setattr(course, "adopt", lambda: None)
    ended = CliRunner().invoke(bench.cli.main, ["selftest", "--out", str(tmp_path)])
    assert ended.exit_code == 2
    assert "crowd: 60 runs, 1 lost" in ended.output
    text = (tmp_path / "reliability.md").read_text()
    assert "| crowd | nothing | 1 | 60 | 1 | 0 | 0 | 0 | 0 | 0 |" in text
    assert "* crowd: elman seed 3 has no record" in text
    assert "a tmpfs: skipped, it cannot be mounted" in text


def test_the_plug_in_steps_the_clock_of_whoever_asks_for_it():
    code = (
        "import time; began = time.monotonic(); from bench.selftest import plants; import time\n"
        "looks = [time.time() for _ in range(50)]\n"
        "print(max(looks) - min(looks) > 3600, time.monotonic() - began < 600)"
    )
    told = {**os.environ, "BENCH_SELFTEST_CLOCK": "yes"}
    ended = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True)
    assert ended.stdout.split() == ["True", "True"], ended.stderr
