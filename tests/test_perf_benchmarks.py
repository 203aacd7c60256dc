"""asv's benchmarks: each does what it says on this tree, so that n/a means another tree."""

import json
import math
import subprocess
import sys
import time

import pytest

from bench.perf.benchmarks import bodies, harness, memory, passes
from bench.perf.benchmarks.measured import measured, processor_seconds
from bench.perf.project import PROJECT
from roaf.kernels import RECURRENT

CLASSES = (
    *(passes.Batch, passes.Single, passes.Optimiser, passes.Depth),
    *(memory.Recurrent, memory.Depth),
    *(harness.Start, harness.Report, harness.Overhead),
)
KINDS = ("time_", "track_")


def points(benchmark: type) -> list[tuple[str, tuple[str, ...]]]:
    """(method, parameters) of each of its points."""
    names = [name for name in dir(benchmark) if name.startswith(KINDS)]
    parameters = [(value,) for value in getattr(benchmark, "params", [()])[0]] or [()]
    return [(name, values) for name in names for values in parameters]


@pytest.fixture
def small(monkeypatch):
    """The same bodies at sizes that take no time."""

    def recurrent(name, hidden, batch, time, filter):
        return bodies.recurrent(name, 8, 2, 5, filter)

    def deep(width, depth, batch, memory):
        return bodies.deep(4, 6, 2, memory)

    for module in (passes, memory):
        monkeypatch.setattr(module, "recurrent", recurrent)
        monkeypatch.setattr(module, "deep", deep)
    monkeypatch.setattr(harness, "ROUNDS", 1)
    monkeypatch.setattr(harness, "UPDATES", 2)
    yield
    for made in (passes.batch, passes.single, passes.layers, passes.adam, harness.records):
        made.cache_clear()


def test_there_are_at_most_forty_points_each_with_a_version_set_by_hand():
    assert sum(len(points(benchmark)) for benchmark in CLASSES) <= 40
    assert all(benchmark.version.isdigit() for benchmark in CLASSES)


def test_every_backend_of_the_recurrence_is_timed():
    assert set(RECURRENT) <= set(bodies.BACKENDS)


@pytest.mark.parametrize("benchmark", CLASSES)
def test_every_point_that_this_machine_can_measure_is_measured(benchmark, small):
    absent = set()
    for name, parameters in points(benchmark):
        one = benchmark()
        try:
            getattr(one, "setup", lambda *_: None)(*parameters)
        except NotImplementedError:
            absent |= set(parameters) or {name}
            continue
        value = getattr(one, name)(*parameters)
        if name.startswith("track_"):
            assert math.isfinite(value)
    assert absent <= set(bodies.BACKENDS) - set(RECURRENT) | {"cuda"}


def test_what_is_held_before_a_pass_is_no_part_of_its_peak(small, monkeypatch):
    class Meter:
        readings = iter((1000, 1500))

        def __init__(self, device) -> None:
            pass

        def read(self) -> int:
            return next(self.readings)

    monkeypatch.setattr("bench.timing.MemoryMeter", Meter)
    assert memory.peak(bodies.deep(4, 6, 2, "full")) == 500


def test_the_clock_counts_work_here_and_in_children_and_no_waiting():
    start = processor_seconds()
    time.sleep(0.3)
    slept = processor_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(60_000_000))"], check=True)
    assert slept - start < 0.1 < processor_seconds() - slept


def test_what_a_commit_does_not_have_is_not_there_instead_of_an_error(small):
    with pytest.raises(NotImplementedError, match="backend 'loom' is unknown"):
        bodies.recurrent("loom", 8, 2, 5, "haar")


def test_a_backend_that_warns_and_falls_back_is_not_there():
    with pytest.raises(NotImplementedError, match="UserWarning: fused instead"), measured("roaf"):
        import warnings

        warnings.warn("fused instead", stacklevel=1)


def test_a_package_of_another_tree_is_not_taken_for_the_measured_one(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(NotImplementedError, match="this commit has no roaf"), measured("roaf"):
        pass


def test_the_configuration_leads_to_this_repository_and_its_folders():
    settings = json.loads(PROJECT.file.read_text())
    assert settings["environment_type"] == "existing"
    assert PROJECT.results == PROJECT.repository / "results" / "asv"
    assert PROJECT.page == PROJECT.repository / "reports" / "asv"
    assert (PROJECT.repository / "roaf").is_dir()
