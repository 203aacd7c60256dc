"""Against a real SLURM on loopback: every run gets its record, and nothing is done twice."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.execution import slurm, slurm_queue, slurm_tickets
from bench.execution.slurm_queue import ask_queue
from bench.store import read_folder
from tests.slurm_cluster import running_cluster, wait_until, what_is_missing
from tests.specs import TOYS

pytest.importorskip("submitit")
pytestmark = pytest.mark.skipif(bool(what_is_missing()), reason=what_is_missing())

SUITES = """
from pathlib import Path
from bench.suites import Setting, Suite

HERE = Path(__file__).parent

class Counting(Toy):
    told = False
    def fault(self):
        if not self.told:
            self.told = True
            with (HERE / "done").open("a") as file:
                file.write("one\\n")
            time.sleep(1.0)

class Slow(Toy):
    def fault(self):
        (HERE / "begun").touch()
        time.sleep(0.5)

MODELS |= {"counting": entry(Counting), "slow": entry(Slow)}

def suite(*models, seeds=(0,)):
    setting = Setting(
        task="adding", task_args={"length": 12}, models=models, updates=20, batch_size=4,
        widths={"*": 8}, watched=False, evaluations=1,
    )
    return Suite(question="?", budget="none", seeds=seeds, settings=(setting,))

SUITES = {
    "ends": suite("toy", "raising", "killed", "hanging"),
    "counted": suite("counting", seeds=(0, 1, 2)),
    "slow": suite("slow"),
}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with running_cluster(tmp_path_factory.mktemp("slurm")) as configuration:
        yield configuration


@pytest.fixture
def here(cluster, tmp_path, monkeypatch):
    """A folder with the toys, where commands find the cluster and losses are soon noticed."""
    monkeypatch.setenv("SLURM_CONF", str(cluster))
    monkeypatch.setattr(slurm, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(slurm_queue, "QUEUE_SECONDS", 1.0)
    monkeypatch.setattr(slurm_tickets, "LOST_SECONDS", 4.0)
    (tmp_path / "toys.py").write_text(TOYS + SUITES)
    return tmp_path


def words(folder, suite, *more):
    """The command that runs the suite on the cluster."""
    there = ["--results", folder / "results", "--plugin", folder / "toys.py"]
    asked = ["--engine", "slurm", "--slurm", "partition=gpu,gres=gpu:1", "--device", "cpu"]
    return [str(word) for word in ("run", "--suite", suite, *there, *asked, *more)]


def bench(*arguments):
    """(exit code, everything printed) of the command in this process."""
    result = CliRunner().invoke(main, [str(word) for word in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def statuses(folder):
    """How the run of each model ended."""
    records, problems = read_folder(folder / "results")
    assert not problems
    return {record.spec.model: str(record.status) for record in records}


def arrays(folder):
    """The names of what was submitted."""
    return [path.name for path in (folder / "results" / ".slurm").glob("*")]


@contextmanager
def meanwhile(act):
    """Does something in a thread while the block runs; what it raises is raised at the end."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(act)
        yield
        done.result()


def test_every_way_to_end_becomes_its_record_and_short_runs_share_a_job(here, monkeypatch):
    known = {"toy", "raising", "killed"}
    monkeypatch.setattr(
        slurm,
        "seconds_known",
        lambda runs, *_: {run.run_id: 5.0 for run in runs if run.model in known},
    )
    code, output = bench(*words(here, "ends", "--timeout", "20s", "--jobs", "4"))
    assert statuses(here) == {
        "toy": "ok",
        "raising": "error",
        "killed": "killed",
        "hanging": "timeout",
    }
    assert (code, "4 runs went to SLURM in 2 jobs" in output) == (2, True)


def test_a_driver_that_was_killed_is_followed_by_one_that_does_nothing_twice(here):
    driver = subprocess.Popen(
        [sys.executable, "-m", "bench", *words(here, "counted", "--jobs", "2")],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    running = set()
    while not list(here.rglob("*.jsonl")):
        running.add(list(ask_queue().values()).count("RUNNING"))
        assert driver.poll() is None
        time.sleep(0.3)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    code, output = bench(*words(here, "counted", "--jobs", "2"))
    assert (code, "3 ok; " in output) == (0, True)
    assert "runs are with SLURM already" in output
    assert (here / "done").read_text() == "one\n" * 3
    assert len(arrays(here)) == 1
    assert max(running) == 2


def test_a_job_whose_time_is_nearly_up_goes_on_in_another(here):
    def end_it():
        wait_until((here / "begun").exists, "the run begins", seconds=120)
        subprocess.run(["scancel", "--signal=USR2", f"--name={arrays(here)[0]}"], check=True)
        wait_until(lambda: list(here.rglob("*.checkpoint")), "the run is kept")
        wait_until(lambda: "PENDING" in str(ask_queue()), "the job is queued again")

    with meanwhile(end_it):
        code, _ = bench(*words(here, "slow"))
    assert (code, statuses(here)) == (0, {"slow": "ok"})
    assert not list(here.rglob("*.checkpoint"))
    assert len(arrays(here)) == 1


def test_a_run_whose_job_is_cancelled_is_lost_and_why_it_waited_was_said(here):
    def partition(state):
        words = ["scontrol", "update", "PartitionName=gpu", f"State={state}"]
        subprocess.run(words, check=True)

    def cancel():
        wait_until(lambda: "PartitionDown" in str(ask_queue()), "the job waits")
        time.sleep(3 * slurm_queue.QUEUE_SECONDS)
        subprocess.run(["scancel", f"--name={arrays(here)[0]}"], check=True)

    partition("DOWN")
    try:
        with meanwhile(cancel):
            code, output = bench(*words(here, "slow"))
    finally:
        partition("UP")
    assert (code, statuses(here)) == (2, {"slow": "lost"})
    assert "SLURM: 1 PENDING (PartitionDown)" in output
    assert "its SLURM job left no record: it said nothing" in output


def test_what_slurm_refuses_is_one_sentence(here):
    code, output = bench(*words(here, "ends", "--slurm", "partition=nowhere"))
    assert (code, "Traceback" in output) == (1, False)
    assert "Error: no jobs were taken: sbatch: error: " in output
    assert output.endswith("Invalid partition name specified\n")
    assert not arrays(here)
