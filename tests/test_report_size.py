"""A large study: its report needs neither torch nor much time and memory."""

import subprocess
import sys

import pytest

from tests.crowd import write_crowd

RENDER = """
import sys, time

class Refuse:  # an import of torch now fails, as where it is not installed
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("no torch here", name=name)

sys.meta_path.insert(0, Refuse)

from pathlib import Path
from bench.report import render
from bench.suites import Suite

start = time.process_time()
asked = Suite(question="Who remembers?", budget="", settings=())
render("crowd", Path(sys.argv[1]), Path(sys.argv[2]), definition=asked)
seconds = time.process_time() - start
# The kernel's ru_maxrss would count what the test's process held before this one began.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1e6)
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """(the report's folder, seconds of processor, peak resident gigabytes) of 300 records."""
    folder = tmp_path_factory.mktemp("crowd")
    assert write_crowd(folder / "results", models=10, tasks=6, seeds=5) == 300
    words = [sys.executable, "-c", RENDER, str(folder / "results"), str(folder / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seconds, gigabytes = map(float, done.stdout.split())
    return folder / "out" / "crowd", seconds, gigabytes


def test_a_report_is_rendered_where_torch_cannot_be_imported(rendered):
    folder, _, _ = rendered
    assert all((folder / name).is_file() for name in ("index.html", "report.md"))
    assert (folder / "tables" / "leaderboard.csv").read_text().count("\n") == 1 + 10 * 6
    assert list((folder / "figures").glob("*.svg"))


def test_three_hundred_records_take_seconds_and_far_less_than_a_gigabyte(rendered):
    folder, seconds, gigabytes = rendered
    assert seconds < 60
    assert gigabytes < 1
    assert (folder / "index.html").stat().st_size < 15e6
