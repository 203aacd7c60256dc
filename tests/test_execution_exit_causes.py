"""Whatever ends a run, its record says what it was; and what cannot be recorded is said."""

import errno
import os
from dataclasses import replace

import pytest

from bench.execution import exit_causes, local, supervisor
from bench.execution.exit_causes import Exit, Told, cause, killed_for_memory
from bench.execution.local import run_launches
from bench.execution.order import Order
from bench.execution.plan import Code, make_plan
from bench.execution.run_folder import Stream, read
from bench.records import Measurement, RunRecord, Status
from bench.runner import Registry, failure, resolve
from bench.store import write_record
from tests.drivers import FAULTY, run_all
from tests.specs import tiny

CLEAN = Exit(code=0, told=None, seconds=60.0, out_of_memory=False)


@pytest.fixture
def plugin(tmp_path):
    file = tmp_path / "faulty.py"
    file.write_text(FAULTY)
    return file


@pytest.fixture
def order(plugin, tmp_path):
    return Order(results=tmp_path / "results", plugins=(plugin,), timeout=120.0, flush=0.0)


def spec(plugin, model, **changes):
    return resolve(tiny(model=model, **{"updates": 20, **changes}), Registry([plugin]))


def tell(plugin, what, at=5):
    (plugin.parent / "what").write_text(what)
    (plugin.parent / "at").write_text(str(at))


@pytest.mark.parametrize(
    "changes, status, words",
    [
        ({"code": 3}, "error", "ended with code 3 and left no record"),
        ({"code": -9}, "killed", "ended by SIGKILL"),
        ({"code": -9, "out_of_memory": True}, "oom_host", "no memory was left"),
        ({"code": -11, "out_of_memory": True}, "killed", "ended by SIGSEGV"),
        ({"code": -40}, "killed", "ended by signal 40"),
        ({"code": -9, "told": Told.overrun}, "timeout", "after its 60 seconds were up"),
        ({"code": None, "told": Told.overrun}, "timeout", "after its 60 seconds were up"),
        ({"code": -14}, "timeout", "after its 60 seconds were up"),
        ({"code": -15, "told": Told.stopped}, "killed", "together with the command"),
        ({"code": 255}, "lost", "what forked it was killed"),
        ({"code": 74}, "lost", "could not write down what it found"),
    ],
)
def test_the_way_a_process_ended_says_what_became_of_its_run(changes, status, words):
    end = cause(replace(CLEAN, **changes), "last words")
    assert end.status == status
    assert words in end.error
    assert end.error.endswith("\nlast words")


def test_the_kernel_s_count_of_processes_killed_for_memory_is_read(tmp_path, monkeypatch):
    counts = tmp_path / "memory.events"
    counts.write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    monkeypatch.setattr(
        exit_causes, "_group_files", lambda: [str(counts), str(tmp_path / "absent")]
    )
    before = killed_for_memory()
    counts.write_text(f"low 0\noom 3\noom_kill {before + 1}\n")
    assert killed_for_memory() == before + 1


@pytest.mark.parametrize(
    "problem, status",
    [
        (MemoryError(), "oom_host"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "oom_host"),
        (RuntimeError("CUDA error: out of memory"), "oom_gpu"),
        (RuntimeError("something else"), "error"),
    ],
)
def test_want_of_memory_is_told_from_other_errors(problem, status):
    assert failure(problem).status == status


def test_a_crash_in_compiled_code_names_the_signal_and_the_line(plugin, order):
    tell(plugin, "import ctypes; ctypes.string_at(0)")
    (record,) = run_all([spec(plugin, "obedient")], order, jobs=1)
    assert record.status is Status.killed
    assert (record.error or "").startswith("the process was ended by SIGSEGV\n")
    assert "faulty.py" in (record.error or "")


def test_a_signal_to_all_processes_of_a_job_spares_what_forks_the_runs(plugin, order):
    tell(plugin, "os.kill(os.getppid(), signal.SIGTERM); os.kill(os.getppid(), signal.SIGUSR2)")
    wanted = [spec(plugin, "obedient"), spec(plugin, "toy")]
    assert [r.status for r in run_all(wanted, order, jobs=1)] == [Status.ok, Status.ok]


def test_runs_whose_fork_server_is_killed_are_lost_and_the_next_are_done(plugin, order):
    tell(plugin, "os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)")
    wanted = [spec(plugin, "obedient"), spec(plugin, "toy")]
    assert [r.status for r in run_all(wanted, order, jobs=1)] == [Status.lost, Status.ok]


def test_runs_are_dealt_out_among_the_gpus(plugin, order):
    wanted = [spec(plugin, "seeing", seed=seed) for seed in range(2)]
    records = run_all(wanted, replace(order, gpus=("GPU-a", "GPU-b")), jobs=2)
    said = {(record.error or "").partition("\n")[0] for record in records}
    assert said == {"RuntimeError: GPU-a", "RuntimeError: GPU-b"}


STEAL = """
lease = next(HERE.glob("results/.inflight/*/*/owner-*"))
lease.rename(lease.with_name(lease.name.replace(lease.name.split("-")[2], "4194305")))
time.sleep(600)
"""


def test_runs_that_were_taken_while_this_driver_seemed_dead_are_seen_to_and_none_is_a_timeout(
    plugin, order, monkeypatch
):
    monkeypatch.setattr(local, "BEAT_SECONDS", 0.2)
    tell(plugin, STEAL)
    together = [spec(plugin, "obedient", seed=seed) for seed in range(2)]
    records = list(run_launches([together], order, jobs=1))
    assert {r.spec.seed: r.status for r in records} == {0: Status.ok, 1: Status.ok}
    assert not (plugin.parent / "at").exists()
    assert not list((order.results / ".inflight").glob("*/*"))


def test_a_full_disk_is_said_the_rest_goes_on_and_what_was_done_is_recorded_later(
    plugin, order, monkeypatch
):
    wanted = [spec(plugin, "counted", seed=seed) for seed in range(3)]
    whole = supervisor.keep_record

    def full(record, *where):
        if record.spec.seed == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(record, *where)

    monkeypatch.setattr(supervisor, "keep_record", full)
    records = {r.spec.seed: r for r in run_all(wanted, order, jobs=1)}
    assert [str(records[seed].status) for seed in range(3)] == ["ok", "error", "ok"]
    assert "nothing could be written below" in (records[1].error or "")
    assert "No space left on device" in (records[1].error or "")
    monkeypatch.undo()
    (folder,) = (order.results / ".inflight").glob("*/*")
    (owner,) = folder.glob("owner-*")
    owner.rename(folder / owner.name.replace(f"-{os.getpid()}-", "-4194305-"))  # this driver ends
    (late,) = run_all([wanted[1]], order, jobs=1)
    assert late.status is Status.ok
    assert (plugin.parent / "counted").read_text().count("\n") == 3


def test_what_a_full_disk_did_not_take_is_written_when_there_is_room_again(tmp_path, monkeypatch):
    stream, write = Stream(tmp_path / "stream.jsonl", every=0.0), os.pwrite

    def half_full(file, data, place):
        if place > 0:
            raise OSError(errno.ENOSPC, "full")
        return write(file, data[:7], place)

    monkeypatch.setattr(os, "pwrite", half_full)
    stream.add([1, "train_loss", "all", 0.5])
    assert read(tmp_path).measurements == ()
    monkeypatch.undo()
    stream.add([2, "train_loss", "all", float("nan")])
    stream.add({"status": "diverged", "error": "why"})
    left = read(tmp_path)
    assert [m.step for m in left.measurements] == [1, 2]
    assert (left.status, left.error) == (Status.diverged, "why")


def test_a_stream_is_read_up_to_the_line_that_was_cut(tmp_path):
    file = tmp_path / "stream.jsonl"
    stream = Stream(file)
    stream.add({"facts": {"year": 2026}})
    stream.add(Measurement(1, "train_loss", "all", 0.5))
    stream.add({"status": "ok"})
    stream.flush()
    whole = file.read_bytes()
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        assert read(tmp_path).status is None
    file.write_bytes(whole)
    assert read(tmp_path).status is Status.ok


def test_records_of_another_commit_or_torch_are_done_again_if_asked(tmp_path):
    made_by = {"torch": "2.13.0+cpu"}, {"stack": "cpu-test", "commit": "a", "changed": False}
    wanted = resolve(tiny(), Registry())
    record = RunRecord(spec=wanted, status=Status.ok, versions=made_by[0], environment=made_by[1])
    write_record(record, tmp_path)
    here = Code.of(*made_by)
    for code in (None, here, here._replace(torch=Code.of({"torch": "2.13.1"}, {}).torch)):
        assert not make_plan([wanted], tmp_path, "cpu-test", code=code).todo
    for change in ({"commit": "b"}, {"changed": True}, {"torch": "2.14"}):
        plan = make_plan([wanted], tmp_path, "cpu-test", code=here._replace(**change))
        assert plan.todo == (wanted,)


def test_a_record_made_by_another_driver_since_the_plan_is_taken_as_it_is(plugin, order):
    wanted = spec(plugin, "counted")
    (done,) = run_all([wanted], order, jobs=1)
    nothing = {order.record_file(wanted): None}
    (again,) = run_launches([(wanted,)], order, 1, nothing)
    assert again == done
    assert (plugin.parent / "counted").read_text().count("\n") == 1
