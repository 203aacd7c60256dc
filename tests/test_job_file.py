"""What a job is given, and what is left of it when it starts again."""

import os
import signal
import subprocess
import sys

import pytest

from bench.execution.job_file import read_launches, to_do, write_launches
from bench.execution.slurm_job import UNFINISHED
from bench.records import RunRecord, Status, canonical_json
from bench.runner import Registry, resolve
from bench.store import read_folder, write_record
from tests.slurm_cluster import wait_until
from tests.specs import TOYS, tiny

SLOW = """
from pathlib import Path

class Slow(Toy):
    def fault(self):
        Path(__file__).with_name("begun").touch()
        time.sleep(0.2)

MODELS = {"toy": entry(Toy), "slow": entry(Slow)}
"""


def test_of_a_job_started_twice_only_the_rest_is_done(tmp_path):
    file, specs = tmp_path / "0.json", [tiny(seed=seed) for seed in range(4)]
    old = write_record(RunRecord(spec=specs[1], status=Status.timeout), tmp_path)
    os.utime(old, (1, 1))  # the run is done again, since that was asked for
    launches = [(specs[0],), (specs[1], specs[2]), (specs[3],)]
    write_launches(launches, file)
    assert to_do(file, tmp_path) == read_launches(file) == launches
    write_record(RunRecord(spec=specs[0], status=Status.error), tmp_path)
    write_record(RunRecord(spec=specs[2], status=Status.ok), tmp_path)
    write_record(
        RunRecord(spec=specs[3], status=Status.lost), tmp_path
    )  # by this job, started anew
    assert to_do(file, tmp_path) == [(specs[1],), (specs[3],)]


def test_one_spec_in_a_file_is_done_whatever_is_recorded(tmp_path):
    file, spec = tmp_path / "spec.json", tiny()
    file.write_text(canonical_json(spec.written()))
    write_record(RunRecord(spec=spec, status=Status.ok), tmp_path)
    assert to_do(file, tmp_path) == [(spec,)]


@pytest.mark.parametrize("text", ["3", "[3]", "[[3]]", "[{}]", "[[{}]]", "{", "null"])
def test_what_is_no_file_of_launches_is_refused(text, tmp_path):
    (tmp_path / "0.json").write_text(text)
    with pytest.raises(ValueError):
        to_do(tmp_path / "0.json", tmp_path)


def test_a_job_that_has_to_make_room_goes_on_where_it_was_when_it_starts_again(tmp_path):
    (tmp_path / "toys.py").write_text(TOYS + SLOW)
    registry = Registry([tmp_path / "toys.py"])
    runs = [resolve(tiny(model=model, updates=20), registry) for model in ("toy", "slow")]
    write_launches([(run,) for run in runs], tmp_path / "0.json")
    words = [sys.executable, "-m", "bench", "exec-run", str(tmp_path / "0.json")]
    words += ["--results", str(tmp_path / "results"), "--plugin", str(tmp_path / "toys.py")]
    job = subprocess.Popen([*words, "--device", "cpu"], stdout=subprocess.PIPE, text=True)
    wait_until((tmp_path / "begun").exists, "the second run begins", seconds=200)
    job.send_signal(signal.SIGTERM)
    assert "suspended" in job.communicate()[0]
    assert job.returncode == UNFINISHED
    assert [record.spec.model for record in read_folder(tmp_path / "results")[0]] == ["toy"]
    again = subprocess.run([*words, "--device", "cpu"], capture_output=True, text=True)
    assert (again.returncode, again.stdout) == (0, "1 ok; 0 of them recorded earlier\n")
