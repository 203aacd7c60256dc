"""What is sent to SLURM, and what is said where that cannot be done."""

import os
from dataclasses import replace
from multiprocessing import get_context

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.execution import slurm_array, slurm_queue
from bench.execution.lease import claim
from bench.execution.local import fingerprints
from bench.execution.order import Order
from bench.execution.plan import UnknownName
from bench.execution.run_folder import HEADER, STREAM, header
from bench.execution.slurm import for_nodes, standing
from bench.execution.slurm_array import (
    bundles,
    default_minutes,
    options,
    submit,
    words,
    write_jobs,
)
from bench.execution.slurm_queue import Sight, Unavailable
from bench.execution.slurm_request import Request, read_minutes, read_request
from bench.execution.slurm_tickets import LOST_SECONDS, Ticket, arrived, losses
from bench.records import Measurement, RunRecord, Status
from bench.store import read_record, write_record
from tests.specs import tiny

SMOKE = ["run", "--suite", "smoke", "--models", "elman", "--engine", "slurm"]


def bench(*arguments):
    """(exit code, everything printed) of the command in this process."""
    result = CliRunner().invoke(main, [str(word) for word in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def failed(spec, order):
    """The record of a run that ended in an error."""
    return RunRecord(spec=spec, status=Status.error, environment=order.told)


def leave_as_dead(spec, order):
    """The folder of a run that was measured once and whose supervisor is no more."""
    process = get_context("fork").Process(target=begin, args=(spec, order))
    process.start()
    process.join()


def begin(spec, order):
    held = claim(order.folder(spec), {HEADER: header(spec, {}, order.environment)})
    (held.folder / STREAM).write_text('[3,"train_loss","",0.5]\n')


def test_a_request_is_read_as_people_write_it():
    found = read_request("partition=gpu, gres=gpu:1,tmpfs:20G,cpus_per_task=4,time=4:00:00")
    assert found.options == {"partition": "gpu", "gres": "gpu:1,tmpfs:20G", "cpus-per-task": "4"}
    assert found.minutes == 240
    assert read_request("") == Request()


def test_a_gpu_is_used_where_one_is_asked_for(tmp_path):
    order = Order(results=tmp_path)
    assert for_nodes(order, "auto", read_request("gres=gpu:1")).device == "cuda"
    assert for_nodes(order, "auto", read_request("gpus_per_node=h200:1")).device == "cuda"
    assert for_nodes(order, "auto", read_request("gres=tmpfs:20G")).device == "cpu"
    assert for_nodes(order, "cpu", read_request("gres=gpu:1")).device == "cpu"


def test_the_stack_of_nodes_with_gpus_is_that_of_the_newest_record(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "of this machine")
    monkeypatch.setattr("bench.environment.version", lambda name: "2.11.0+cu130")
    order, request = Order(results=tmp_path), read_request("gres=gpu:1")
    assert for_nodes(order, "auto", request).told["stack"] == "unknown"
    for age, name in enumerate(("a100-torch2.11", "h200-torch2.11", "h200-torch2.8")):
        folder = tmp_path / "suite" / f"{name}-cu130"
        folder.mkdir(parents=True)
        os.utime(folder, (age, age))
    assert for_nodes(order, "auto", request).told["stack"] == "h200-torch2.11-cu130"


@pytest.mark.parametrize(
    "text, minutes",
    [("90", 90), ("90:01", 91), ("1:30:00", 90), ("2-12", 3600), ("1-0:30", 1470), ("0:0:1", 1)],
)
def test_times_are_sbatchs(text, minutes):
    assert read_minutes(text) == minutes


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("partitoin=gpu", "key 'partitoin' is unknown; did you mean 'partition'?"),
        ("nodes=2", "key 'nodes' is unknown; .*[tT]here are: account, constraint, "),
        ("gpu", "'gpu' cannot be read; write key=value,key=value with keys among: account, "),
        ("qos=", "'qos=' cannot be read"),
        ("qos=a\n#SBATCH --nodes=9", "cannot be read"),
        ("time=soon", "time=soon cannot be read; write minutes, 4:00:00"),
        ("time=0", "time=0 cannot be read"),
        ("time=3", "time=3 is too short; allowed: 5 minutes or more"),
    ],
)
def test_a_bad_request_is_one_sentence(text, sentence):
    with pytest.raises(UnknownName, match=sentence):
        read_request(text)


def test_runs_known_to_be_short_share_a_job_of_twenty_minutes():
    specs = [tiny(seed=seed) for seed in range(25)]
    seconds = {spec.run_id: 100.0 for spec in specs[:24]}
    jobs = bundles([(spec,) for spec in specs], seconds)
    assert [len(job) for job in jobs] == [12, 12, 1]
    together = bundles([specs[:2], specs[2:3]], seconds)
    assert [len(job) for job in together] == [1, 1]  # two of 100 seconds are not short


def test_the_limit_of_a_job_leaves_every_run_its_own():
    hour, specs = 3600.0, [tiny(seed=seed) for seed in range(3)]
    assert default_minutes([[specs[:1]], [specs[1:2]]], hour) == 70
    assert default_minutes([[specs[:3]]], hour) == 190  # a launch has the time of its runs
    assert default_minutes([[specs[:1], specs[1:2]]], hour) == 90


def test_what_is_asked_for_goes_before_what_is_set():
    jobs = [[(tiny(threads=4),)], [(tiny(threads=2),)]]
    assert options(jobs, Request())["cpus-per-task"] == 4
    assert options(jobs, read_request("cpus-per-task=8"))["cpus-per-task"] == "8"


def test_a_command_names_all_by_whole_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    order = Order(results=tmp_path / "results", timeout=0.5, device="cuda")
    said = words(tmp_path / "0.json", order)
    assert said[1:5] == ["-m", "bench", "exec-run", str(tmp_path / "0.json")]
    assert said[5:9] == ["--results", str(tmp_path / "results"), "--device", "cuda"]
    assert said[9:] == ["--timeout", "0.500000"]


def test_more_jobs_than_an_array_holds_are_several_arrays_that_share_the_cap(monkeypatch, tmp_path):
    sent = []

    def note(jobs, order, cap, request):
        sent.append((len(jobs), cap))
        return tmp_path

    monkeypatch.setattr(slurm_array, "largest_array", lambda: 4)
    monkeypatch.setattr(slurm_array, "_submit_array", note)
    submit([[(tiny(),)]] * 10, Order(results=tmp_path), 6, Request())
    assert sent == [(4, 2), (4, 2), (2, 2)]


def test_of_several_arrays_it_is_said_how_many_were_taken_when_one_is_refused(
    monkeypatch, tmp_path
):
    def refuse(jobs, *_):
        if len(jobs) < 4:
            raise Unavailable("too many")
        return tmp_path

    monkeypatch.setattr(slurm_array, "largest_array", lambda: 4)
    monkeypatch.setattr(slurm_array, "_submit_array", refuse)
    for jobs, said in ((10, "2 of 3 arrays of jobs were taken.*: too many"), (3, "no jobs were")):
        with pytest.raises(Unavailable, match=said):
            submit([[(tiny(),)]] * jobs, Order(results=tmp_path), 6, Request())


def test_what_a_vanished_job_had_measured_is_in_the_record_of_its_loss(tmp_path):
    order = Order(results=tmp_path, environment={"stack": "cpu-test"})
    begun, _, others = specs = [tiny(seed=seed) for seed in range(3)]
    leave_as_dead(begun, order)
    claim(order.folder(others), {})
    tickets = [Ticket(spec, ("bench-1", place), 0.0) for place, spec in enumerate(specs)]
    log = tmp_path / ".slurm" / "bench-1" / "7_1_0_log.out"
    log.parent.mkdir(parents=True)
    log.write_text("CANCELLED DUE TO NODE FAILURE\nsubmitit INFO Loading\n")
    seen = Sight({ticket.job: 0.0 for ticket in tickets}, at=2 * LOST_SECONDS)
    found = {record.spec.seed: record for record in losses(tickets, seen, order)}
    assert found.keys() == {0, 1}  # what another process does is not lost
    assert {record.status for record in found.values()} == {Status.lost}
    assert found[0].measurements == (Measurement(3, "train_loss", "", 0.5),)
    why = "its SLURM job left no record: CANCELLED DUE TO NODE FAILURE"
    assert (found[1].error or "").splitlines()[0] == why
    assert not list(losses(tickets, replace(seen, at=LOST_SECONDS / 2), order))


def test_what_a_queued_job_will_do_is_not_sent_again_and_what_it_has_done_is_if_asked(tmp_path):
    order = Order(results=tmp_path, environment={"stack": "cpu-test"})
    gone, done, late, due = specs = [tiny(seed=seed) for seed in range(4)]
    old = write_record(failed(due, order), tmp_path)  # the queued job is there to do it again
    os.utime(old, (1, 1))
    write_jobs([[(gone,)], [(done,), (late,)], [(due,)]], tmp_path / ".slurm")
    (array,) = (tmp_path / ".slurm").iterdir()
    write_record(failed(done, order), tmp_path)
    seen = fingerprints(specs, order)
    write_record(failed(late, order), tmp_path)  # after the plan was made
    found = standing({(array.name, 1): "RUNNING", (array.name, 2): "PENDING"}.keys(), order, seen)
    assert {ticket.spec.seed for ticket in found.values()} == {late.seed, due.seed}


def test_a_loss_that_a_job_started_again_wrote_down_is_no_end_while_it_is_in_the_queue(tmp_path):
    order = Order(results=tmp_path, environment={"stack": "cpu-test"})
    write_jobs([[(tiny(),)]], tmp_path / ".slurm")
    (array,) = (tmp_path / ".slurm").iterdir()
    rows = (Measurement(3, "train_loss", "", 0.5),)
    lost = replace(failed(tiny(), order), status=Status.lost, measurements=rows)
    path = write_record(lost, tmp_path)
    queue, seen = {(array.name, 0): "RUNNING"}.keys(), fingerprints([tiny()], order)
    tickets = standing(queue, order, seen).values()
    assert [ticket.spec for ticket in tickets] == [tiny()]
    assert not list(arrived(tickets, tmp_path))
    gone = Sight({(array.name, 0): 0.0}, at=2 * LOST_SECONDS)
    (record,) = losses(tickets, gone, order)
    assert record.status is Status.lost
    assert read_record(path).measurements == rows  # nothing more is known of it


def test_a_loss_of_which_no_stack_was_known_is_forgotten_when_the_run_is_done(tmp_path):
    spec = tiny()
    lost = RunRecord(spec=spec, status=Status.lost, environment={"stack": "unknown"})
    done = replace(lost, status=Status.ok, environment={"stack": "h200"})
    written = [write_record(record, tmp_path) for record in (lost, done)]
    (record,) = arrived([Ticket(spec, ("bench-1", 0), written[1].stat().st_mtime)], tmp_path)
    assert record.status is Status.ok
    assert [path.exists() for path in written] == [False, True]


def test_without_submitit_or_sbatch_one_sentence_says_what_to_do(monkeypatch, tmp_path):
    words = [*SMOKE, "--results", tmp_path]
    monkeypatch.setenv("PATH", str(tmp_path))
    code, output = bench(*words)
    assert (code, "there is no sbatch here; type this on a login node" in output) == (1, True)
    monkeypatch.setattr(slurm_queue, "find_spec", lambda name: None)
    code, output = bench(*words)
    assert (code, "type: pip install 'roaf-bench[slurm]'" in output) == (1, True)


def test_what_is_asked_of_slurm_is_for_slurm(tmp_path):
    code, output = bench("run", "--suite", "smoke", "--slurm", "qos=a", "--results", tmp_path)
    assert (code, "--slurm qos=a is for --engine slurm" in output) == (1, True)
