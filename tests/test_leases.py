"""Of all processes that want a run one has it; who dies leaves it to the next, and to one alone."""

import errno
import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from bench.execution import lease
from bench.execution.lease import (
    STALE_SECONDS,
    Lease,
    Owner,
    beat,
    claim,
    give_back,
    is_alive,
    owner_of,
    process_start,
    run_folder,
    sweep,
    take_over,
    this_host,
    this_process,
    under_way,
)

FORK = multiprocessing.get_context("fork")
DEAD = Owner(this_host(), 2**22 + 1, 5, "00000000")
"""Beyond the greatest number that Linux gives a process."""


@pytest.fixture
def folder(tmp_path):
    return run_folder(tmp_path, "cpu-test", "0123456789abcdef")


def left_by(owner, folder):
    """The folder of a run as that owner left it."""
    folder.mkdir(parents=True)
    (folder / owner.name).write_text("")
    return folder


def test_a_run_is_claimed_once_and_again_when_it_was_given_back(folder):
    first = claim(folder, {"header.json": "{}"})
    assert first is not None
    assert (folder / "header.json").read_text() == "{}"
    assert claim(folder, {}) is None
    assert take_over(folder) is None
    assert beat(first)
    give_back(first)
    assert not any(folder.parent.iterdir())
    assert not beat(first)
    assert claim(folder, {}) is not None


def test_a_name_says_who_it_is_and_names_no_machine(folder):
    owner = this_process()
    assert Owner.of(owner.name) == owner
    assert (owner.pid, owner.start) == (os.getpid(), process_start(os.getpid()))
    assert os.uname().nodename not in owner.name
    assert Owner.of("header.json") is None


def test_a_process_that_ended_is_dead_even_while_its_parent_has_not_looked(folder):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    started = process_start(child.pid)
    assert started is not None
    deadline = time.monotonic() + 30
    while process_start(child.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process_start(child.pid) is None
    child.wait()
    assert not is_alive(folder, Owner(this_host(), os.getpid(), 1))  # the number was given again


def test_the_dead_of_this_machine_are_known_at_once_whatever_their_clock_says(folder):
    left_by(DEAD, folder)
    os.utime(folder / DEAD.name, (time.time() + 9999, time.time() + 9999))
    taken = take_over(folder)
    assert taken is not None
    assert owner_of(folder) == taken.owner
    os.utime(taken.file, (0, 0))
    assert take_over(folder) is None  # no step of the clock kills the living


def test_the_owner_on_another_machine_is_dead_when_it_was_not_heard_of_for_five_minutes(folder):
    there = DEAD._replace(host="0" * 12)
    left_by(there, folder)
    assert take_over(folder) is None
    long_ago = time.time() - STALE_SECONDS - 5
    os.utime(folder / there.name, (long_ago, long_ago))
    taken = take_over(folder)
    assert taken is not None
    assert not beat(Lease(folder, there))
    give_back(Lease(folder, there))  # it comes to again, and takes nothing away
    assert taken.file.exists()


def test_whoever_looks_at_a_live_owner_writes_nothing_and_where_nothing_can_be_written_all_live(
    folder, monkeypatch
):
    def read_only(**_):
        raise OSError(errno.EROFS, "read-only")

    there = DEAD._replace(host="0" * 12)
    left_by(there, folder)
    monkeypatch.setattr("time.time", lambda now=time.time: now() + 9999)
    assert is_alive(folder, there)  # by the clock of the disk
    monkeypatch.undo()
    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    assert is_alive(folder, there)
    os.utime(folder / there.name, (1, 1))
    assert is_alive(folder, there)


def test_a_folder_that_names_no_one_is_no_ones(folder):
    folder.mkdir(parents=True)
    (folder / "header.json").write_text("")
    assert take_over(folder) is None
    assert claim(folder, {}) is not None


def test_what_the_dead_had_prepared_or_set_aside_is_swept_away(folder, tmp_path):
    mine, there = this_process(), DEAD._replace(host="0" * 12)
    late, young = f".gone-{there.name}", f".new-{there._replace(pid=7).name}"
    for name in (f".new-{DEAD.name}", f".gone-{DEAD.name}", f".new-{mine.name}", late, young):
        (folder.parent / name).mkdir(parents=True)
    os.utime(folder.parent / late, (1, 1))
    sweep(tmp_path)
    assert {path.name for path in folder.parent.iterdir()} == {f".new-{mine.name}", young}


def test_what_is_under_way_is_listed_with_whether_anyone_is_at_it(folder, tmp_path):
    claim(folder, {})
    left_by(DEAD, folder.with_name("f" * 16))
    (folder.parent / f"{folder.name}.checkpoint").write_text("")
    (folder.parent / f".new-{DEAD.name}").mkdir()
    assert list(under_way(tmp_path)) == [
        ("cpu-test", folder.name, True),
        ("cpu-test", "f" * 16, False),
    ]


def contend(folder, start, rounds, log):
    """Takes the run whenever it can, and writes down when it had it. Of twenty times it dies once
    with the lease in hand."""
    start.wait()
    for number in range(rounds):
        found = claim(folder, {"header.json": "{}"}) or take_over(folder)
        if found is None:
            continue
        with log.open("a") as file:
            file.write(f"{time.monotonic_ns()} begin {os.getpid()}\n")
            file.flush()
            time.sleep(0.0005)
            file.write(f"{time.monotonic_ns()} end {os.getpid()}\n")
        if number % 20 == 19:
            os._exit(0)
        give_back(found)
    os._exit(0)


def test_of_eight_processes_never_two_have_a_run_though_some_die_with_it(folder, tmp_path):
    """The dead are followed by new ones, so that all through it leases go stale and are fought
    over."""
    log, start = tmp_path / "log", FORK.Event()
    arguments = (folder, start, 200, log)
    crowd = [FORK.Process(target=contend, args=arguments) for _ in range(8)]
    for process in crowd:
        process.start()
    start.set()
    begun = len(crowd)
    while begun < 20 or not log.exists() or log.read_text().count("end") < 100:
        for place, process in enumerate(crowd):
            if not process.is_alive():
                process.join()
                crowd[place] = FORK.Process(target=contend, args=arguments)
                crowd[place].start()
                begun += 1
        time.sleep(0.005)
    stop = time.monotonic_ns()  # from here on some are killed with it in hand
    for process in crowd:
        process.kill()
        process.join()
    words = [line.split() for line in log.read_text().splitlines()]
    held = sorted((int(at), what, pid) for at, what, pid in words if int(at) < stop)
    if held[-1][1] == "begin":
        held.pop()
    owners = [(what, pid) for _, what, pid in held]
    for (first, one), (then, other) in zip(owners[::2], owners[1::2], strict=True):
        assert (first, then) == ("begin", "end")
        assert one == other


def test_a_taker_who_comes_late_does_not_take_from_the_living(folder, monkeypatch):
    """Between its look at the dead owner and its rename the run is taken over, done, given back and
    claimed by another."""
    left_by(DEAD, folder)
    look, others = lease.is_alive, []

    def slow_look(where, owner):
        alive = look(where, owner)
        if not others:
            others.append(None)  # from here on as another process
            quick = take_over(folder)
            give_back(quick)
            others.append(claim(folder, {}))
        return alive

    monkeypatch.setattr(lease, "is_alive", slow_look)
    assert take_over(folder) is None
    assert owner_of(folder) == others[1].owner
