"""A run that goes on from a checkpoint has, bit for bit, the numbers of one never stopped."""

import errno
import math
from dataclasses import replace

import pytest
import torch

from bench.checkpoint import Progress, load, save
from bench.datasets import DataMissing
from bench.diagnostics import DIAGNOSTICS
from bench.models import MODELS
from bench.records import Measurement
from bench.runner import End, Found, Registry, follow, resolve
from bench.streams import stream
from tests.specs import TOYS, tiny

REGISTRY = Registry()
OF_THE_PROCESS = ("step_seconds", "peak_bytes")
DEEP = {"task": "digits-depth", "task_args": {}, "depth": 5}
IMAGES = {"task": "digits-depth", "task_args": {}, "depth": 2, "width": 4}
RANDOM = """
class Dropping(Toy):
    def step(self, x_t, state):
        state = nn.functional.dropout(self.layer(x_t) + 0.5 * state)
        return state, state
    def fault(self):
        pass

MODELS |= {"dropping": entry(Dropping)}
"""


def spec(model, **changes):
    """A run of eight updates of that model, looked at on its way."""
    axis = MODELS[model].axis if model in MODELS else "time"
    along = {} if axis == "time" else IMAGES if model.startswith("cnn") else DEEP
    looks = {"updates": 8, "gradients_at": (0, 5), "validate_at": (0, 3, 8), "test_at": (8,)}
    return resolve(tiny(model=model, **{**looks, **along, **changes}), Registry())


def numbers(measurements):
    """All but those of the process; NaN is equal to itself."""
    kept = [m for m in measurements if m.quantity not in OF_THE_PROCESS]
    return [m._replace(value="NaN") if m.value != m.value else m for m in kept]


def followed(wanted, registry=REGISTRY, saved=None, stop_at=None, file=None):
    """(what is found, its end); stopped at a checkpoint after `stop_at` updates, no end."""
    found = Found(wanted)
    for event in follow(found, registry, "cpu", saved):
        if isinstance(event, Progress) and event.done == stop_at:
            save(file, file.with_suffix(".draft"), wanted.run_id, event, found.measurements)
            return found, None
        if isinstance(event, End):
            return found, event
    raise AssertionError("no end")


def assert_goes_on(wanted, file, stops, registry=REGISTRY):
    whole, end = followed(wanted, registry)
    assert end.status == "ok", end
    for stop in stops:
        _, nothing = followed(wanted, registry, stop_at=stop, file=file)
        assert nothing is None
        torch.manual_seed(12345)  # another process stands elsewhere
        again, then = followed(wanted, registry, load(file, wanted.run_id))
        assert then == end
        assert again.facts == whole.facts
        assert numbers(again.measurements) == numbers(whole.measurements), stop


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_goes_on_where_it_was(model, tmp_path):
    few = {"updates": 4, "validate_at": (4,), "test_at": (), "gradients_at": (3,)}
    assert_goes_on(spec(model, **few), tmp_path / "checkpoint", stops=(2,))


def test_a_run_may_be_stopped_after_any_update_of_a_window(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.train.WINDOWS", 3)
    wanted = spec("lstm", schedule="cosine", gradient_clip=0.1)
    assert_goes_on(wanted, tmp_path / "checkpoint", stops=range(1, 9))


@pytest.mark.parametrize(
    "changes",
    [
        {"optimiser": "sgd", "optimiser_args": {"momentum": 0.9}},
        {"optimiser": "rmsprop", "rate_scales": {"readout.*": 0.1}},
        {"optimiser": "adam-in-backward", **DEEP, "model": "roaf-mlp", "depth": 70},
        {"frozen": ("body.*weight_hh*",), "model": "elman"},
        {"diagnostics": dict.fromkeys(DIAGNOSTICS, (0, 4, 8)), **DEEP, "model": "roaf-mlp"},
    ],
)
def test_optimisers_frozen_weights_and_looks_back_go_on_too(changes, tmp_path):
    wanted = spec(**{"model": "roaf", **changes})
    assert_goes_on(wanted, tmp_path / "checkpoint", stops=(3, 8))


@pytest.mark.parametrize("task", sorted(REGISTRY.tasks.entries))
def test_the_batches_of_every_task_are_those_of_its_stream_alone(task):
    entry = REGISTRY.tasks.entries[task]()
    streams = [entry.train_batches(3, stream(5, "train")) for _ in range(2)]
    try:
        first = [next(streams[0]) for _ in range(4)]
    except DataMissing as reason:
        pytest.skip(str(reason))
    for batch in first:
        torch.rand(7)  # what else is drawn meanwhile is of no matter
        assert all(map(torch.equal, batch, next(streams[1])))


def test_dropout_goes_on_with_the_numbers_it_would_have_drawn(tmp_path):
    plugin = tmp_path / "toys.py"
    plugin.write_text(TOYS + RANDOM)
    registry = Registry([plugin])
    wanted = resolve(replace(spec("elman"), model="dropping"), registry)
    assert_goes_on(wanted, tmp_path / "checkpoint", (2, 5), registry)


def test_a_checkpoint_of_other_code_or_a_torn_one_is_none(tmp_path):
    file, wanted = tmp_path / "checkpoint", spec("elman")
    assert load(file, wanted.run_id) is None
    followed(wanted, stop_at=3, file=file)
    assert load(file, "other") is None
    saved = load(file, wanted.run_id)
    assert (saved.done, saved.measurements[-1].step) == (3, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
    whole = file.read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        assert load(file, wanted.run_id) is None


def test_a_checkpoint_that_does_not_fit_leaves_nothing_but_the_one_before(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    file, wanted = tmp_path / "checkpoint", spec("elman")
    followed(wanted, stop_at=3, file=file)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        followed(wanted, stop_at=5, file=file)
    assert load(file, wanted.run_id).done == 3
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


class Fires:
    def __reduce__(self):
        return print, ("something was executed",)


def test_reading_a_checkpoint_executes_nothing(tmp_path, capsys):
    file = tmp_path / "checkpoint"
    torch.save({"code": "code", "done": 1, "measurements": [Fires()]}, file)
    assert load(file, "code") is None
    assert capsys.readouterr().out == ""


def test_numbers_that_are_not_finite_are_kept(tmp_path):
    file, wanted = tmp_path / "checkpoint", spec("elman")
    found = Found(wanted, [Measurement(1, "q", "w", v) for v in (math.nan, math.inf, None)])
    for event in follow(found, REGISTRY, "cpu"):
        if isinstance(event, Progress):
            save(file, tmp_path / "draft", "code", event, found.measurements)
            break
    rows = load(file, "code").measurements
    assert str(rows) == str(found.measurements)


def test_the_seconds_of_a_window_begun_elsewhere_are_those_of_its_updates_here(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("bench.train.WINDOWS", 1)
    monkeypatch.setattr("bench.train.Clock.read", lambda clock: 6.0)
    file, wanted = tmp_path / "checkpoint", spec("elman")
    followed(wanted, stop_at=5, file=file)
    again, _ = followed(wanted, saved=load(file, wanted.run_id))
    (seconds,) = (m.value for m in again.measurements if m.quantity == "step_seconds")
    assert seconds == 2.0
