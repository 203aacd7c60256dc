"""Runs that are killed, with or without who watches over them, go on where they were."""

import os
import signal
import subprocess
import threading
from dataclasses import replace

import pytest

from bench.execution import child
from bench.execution.lease import Owner, give_back, is_alive, process_start, this_host
from bench.execution.local import Suspended, fingerprints, run_launches, take
from bench.execution.order import Order
from bench.execution.run_folder import PROCESS, STREAM, Stream, checkpoint_file, read, who
from bench.records import Measurement, RunRecord, Status
from bench.runner import Registry, resolve
from bench.store import read_folder, write_record
from tests.drivers import FAULTY, driver, eventually, run_all
from tests.specs import tiny
from tests.test_checkpoint import numbers

END_BY = "os.kill(os.getpid(), signal.{})"


@pytest.fixture
def plugin(tmp_path):
    file = tmp_path / "faulty.py"
    file.write_text(FAULTY)
    return file


@pytest.fixture
def order(plugin, tmp_path):
    return Order(
        results=tmp_path / "results", plugins=(plugin,), timeout=120.0, grace=20.0, flush=0.0
    )


def spec(plugin, model, **changes):
    return resolve(tiny(model=model, **{"updates": 20, **changes}), Registry([plugin]))


def only(records):
    (record,) = records
    return record


def under_way(order):
    """The folders of runs, and what is beside them."""
    return list((order.results / ".inflight").glob("*/*"))


def tell(plugin, what, at):
    (plugin.parent / "what").write_text(what)
    (plugin.parent / "at").write_text(str(at))


@pytest.mark.parametrize("how", ["SIGTERM", "SIGUSR2"])
def test_a_run_asked_to_end_keeps_what_it_has_and_goes_on_bit_for_bit(how, plugin, order):
    wanted = spec(plugin, "obedient")
    whole = only(run_all([wanted], order, jobs=1))
    assert whole.status is Status.ok
    for at in (3, 9, 23):
        tell(plugin, END_BY.format(how), at)
        stopped = list(run_all([wanted], order, jobs=1))
        (kept,) = under_way(order)
        assert kept == checkpoint_file(order.folder(wanted))
        if how == "SIGTERM":
            assert (stopped[0].status, stopped[0].error) == (
                Status.killed,
                "the process was ended by SIGTERM",
            )
            found = numbers(stopped[0].measurements)
            assert found
            assert found == numbers(whole.measurements)[: len(found)]
        else:
            assert not stopped  # it has not ended, and what it had is kept
        again = only(run_all([wanted], order, jobs=1))
        assert (again.status, again.error, again.facts) == (whole.status, None, whole.facts)
        assert numbers(again.measurements) == numbers(whole.measurements)
        assert not under_way(order)


def updates_made(plugin):
    return (plugin.parent / "slow").read_text().count("\n")


def test_a_run_whose_time_was_up_has_its_curve_and_goes_on_with_more_time(plugin, order):
    wanted = spec(plugin, "slow", updates=300)
    short = only(run_all([wanted], replace(order, timeout=3.0), jobs=1))
    assert short.status is Status.timeout
    assert len(short.measurements) > 10
    again = only(run_all([wanted], order, jobs=1))
    assert (again.status, again.measurements[-1].step) == (Status.ok, 300)
    assert updates_made(plugin) < 310  # with two looks at each held-out set; none was made twice


def test_a_run_that_can_write_nothing_more_is_lost_and_goes_on_from_its_last_checkpoint(
    plugin, order
):
    wanted, often = spec(plugin, "obedient"), replace(order, keep=0.0)
    tell(plugin, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))", 12)
    lost = only(run_all([wanted], often, jobs=1))
    assert lost.status is Status.lost
    assert (lost.error or "").startswith("the process could not write down what it found")
    assert under_way(order) == [checkpoint_file(order.folder(wanted))]
    tell(plugin, "raise RuntimeError('it began anew')", 25)  # so many calls are not left
    assert only(run_all([wanted], order, jobs=1)).status is Status.ok


def test_other_sources_or_versions_are_other_code(tmp_path, order, monkeypatch):
    for root, text in (("first", "1"), ("same", "1"), ("other", "2")):
        (tmp_path / root / "roaf").mkdir(parents=True)
        (tmp_path / root / "roaf" / "layer.py").write_text(text)
    first, same, other = (child.sources(tmp_path / root) for root in ("first", "same", "other"))
    assert first == same != other
    code = child.code_of(tiny(), order)
    assert child.sources(child.ROOT) in code
    monkeypatch.setattr(child, "versions", lambda: {"torch": "2.13.1"})
    assert child.code_of(tiny(), order) != code


def test_kill_9_of_the_child_keeps_its_curve_and_its_facts(plugin, order):
    tell(plugin, END_BY.format("SIGKILL"), 12)
    record = only(run_all([spec(plugin, "obedient")], order, jobs=1))
    assert (record.status, record.error) == (Status.killed, "the process was ended by SIGKILL")
    assert max(m.step for m in record.measurements) > 5
    assert record.facts["parameters"] > 0


def test_kill_9_of_the_supervisor_ends_the_child_and_the_next_one_goes_on(plugin, order):
    wanted, often = spec(plugin, "slow", updates=120), replace(order, keep=0.1)
    first = driver([wanted], often, 1)
    folder = order.folder(wanted)
    eventually(lambda: len(read(folder).measurements) > 40)
    process = who(folder)
    assert take(wanted, order, {}) is None  # its supervisor lives
    first.kill()
    first.join()
    eventually(lambda: not is_alive(folder, process), seconds=10)
    lease = take(wanted, order, {})
    assert lease is not None
    lost = only(read_folder(order.results)[0])
    assert (lost.status, lost.error) == (Status.lost, "its supervisor ended without a word")
    assert len(lost.measurements) > 40
    assert lost.facts["parameters"] > 0
    give_back(lease)
    before = updates_made(plugin)
    again = only(run_all([wanted], order, jobs=1))
    assert (again.status, again.measurements[-1].step) == (Status.ok, 120)
    assert updates_made(plugin) - before < 120  # it began with the checkpoint
    assert not under_way(order)


def die(lease):
    """Leaves the run as its driver does when it is killed."""
    lease.file.rename(lease.folder / Owner(lease.owner.host, 2**22 + 1, 5, "00000000").name)


def test_a_run_that_ended_while_no_one_watched_is_recorded_as_it_ended(plugin, order):
    wanted = spec(plugin, "counted")
    lease = take(wanted, order, {})
    stream = Stream(lease.folder / STREAM)
    for line in ({"facts": {"question": "?"}}, [1, "train_loss", "all", 0.5], {"status": "ok"}):
        stream.add(line)
    stream.flush()
    die(lease)
    record = only(run_all([wanted], order, jobs=1))
    assert (record.status, record.measurements) == (
        Status.ok,
        (Measurement(1, "train_loss", "all", 0.5),),
    )
    assert not (plugin.parent / "counted").exists()
    assert not under_way(order)


@pytest.mark.parametrize("status", [Status.ok, Status.timeout])
def test_what_a_driver_had_recorded_when_it_was_killed_is_cleared_away(status, plugin, order):
    wanted = spec(plugin, "counted")
    lease = take(wanted, order, {})
    folder = lease.folder
    (folder / STREAM).write_text('{"status":"ok"}\n')
    checkpoint_file(folder).touch()
    write_record(RunRecord(spec=wanted, status=status, environment=order.told), order.results)
    die(lease)
    assert not list(run_launches([], order, jobs=1))
    kept = [] if status is Status.ok else [checkpoint_file(folder)]
    assert under_way(order) == kept
    only(run_all([wanted], order, jobs=1))  # forced
    assert (plugin.parent / "counted").exists()


def test_what_was_measured_since_the_record_is_not_cleared_away(plugin, order):
    wanted = spec(plugin, "counted")
    old = RunRecord(spec=wanted, status=Status.timeout, environment=order.told)
    os.utime(write_record(old, order.results), (1, 1))
    lease = take(wanted, order, fingerprints([wanted], order))
    die(lease)
    assert not list(run_launches([], order, jobs=1))  # it had just begun
    (lease.folder / STREAM).touch()
    assert not list(run_launches([], order, jobs=1))
    assert under_way(order) == [lease.folder]


def test_a_child_that_outlived_its_supervisor_is_ended_before_its_run_is_done_again(order, plugin):
    wanted = spec(plugin, "toy")
    lease = take(wanted, order, {})
    orphan = subprocess.Popen(["sleep", "600"], start_new_session=True)
    name = Owner(this_host(), orphan.pid, process_start(orphan.pid), "00000000").name
    (lease.folder / PROCESS).write_text(name)
    die(lease)
    assert only(run_all([wanted], order, jobs=1)).status is Status.ok
    assert orphan.wait(timeout=10) == -signal.SIGKILL


def test_two_drivers_share_the_runs_and_do_none_twice(plugin, order):
    wanted = [spec(plugin, "counted", seed=seed, updates=3) for seed in range(24)]
    nothing, other = fingerprints(wanted, order), driver(wanted, order, 1)
    eventually(lambda: (plugin.parent / "counted").exists())
    records = list(run_launches([(each,) for each in wanted], order, 1, nothing))
    other.join()
    assert {r.spec.seed for r in records} == set(range(24))
    assert {r.status for r in records} == {Status.ok}
    assert (plugin.parent / "counted").read_text().count("\n") == 24
    assert len(read_folder(order.results)[0]) == 24
    assert not under_way(order)


def test_a_run_is_done_by_this_driver_when_another_is_told_to_stop(plugin, order):
    wanted = spec(plugin, "slow", updates=300)
    other = driver([wanted], order, 1)
    eventually(lambda: len(read(order.folder(wanted)).measurements) > 10)
    threading.Timer(1.0, os.kill, (other.pid, signal.SIGINT)).start()
    record = only(run_all([wanted], order, jobs=1))
    assert (record.status, record.measurements[-1].step) == (Status.ok, 300)
    other.join()


def test_a_model_that_kills_itself_is_done_once_by_each_driver(plugin, order):
    wanted = spec(plugin, "killed")
    other = driver([wanted], order, 1)
    assert only(run_all([wanted], order, jobs=1)).status is Status.killed
    other.join()
    assert other.exitcode == 0


def test_a_driver_told_to_stop_leaves_a_record_and_no_folder(plugin, order):
    wanted = spec(plugin, "slow", updates=3000)
    runs = run_all([wanted, spec(plugin, "toy")], order, jobs=2)
    assert next(runs).spec.model == "toy"
    eventually(lambda: len(read(order.folder(wanted)).measurements) > 10)
    runs.close()
    records = {r.spec.model: r for r in read_folder(order.results)[0]}
    assert records["slow"].status is Status.killed
    assert "together with the command" in (records["slow"].error or "")
    assert len(records["slow"].measurements) > 10
    assert under_way(order) == [checkpoint_file(order.folder(wanted))]


def test_a_driver_that_is_suspended_leaves_no_record_but_the_checkpoint(plugin, order):
    wanted = spec(plugin, "slow", updates=3000)
    runs = run_all([spec(plugin, "toy"), wanted], order, jobs=2)
    assert next(runs).spec.model == "toy"
    eventually(lambda: len(read(order.folder(wanted)).measurements) > 10)
    with pytest.raises(Suspended):
        runs.throw(Suspended())
    assert [r.spec.model for r in read_folder(order.results)[0]] == ["toy"]
    assert under_way(order) == [checkpoint_file(order.folder(wanted))]


def test_what_a_model_starts_ends_with_it_and_a_copy_of_it_writes_nothing(plugin, order):
    record = only(run_all([spec(plugin, "forking")], order, jobs=1))
    assert record.status is Status.ok
    steps = [m.step for m in record.measurements if m.quantity == "train_loss"]
    assert steps == list(range(1, 21))
    started = (plugin.parent / "started").read_text().split()
    eventually(lambda: all(process_start(int(pid)) is None for pid in started), seconds=10)
