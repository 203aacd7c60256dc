"""Runs of one launch have the numbers, the looks and the ends that they have apart."""

import math
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from bench.cli import main
from bench.diagnostics import DIAGNOSTICS
from bench.diagnostics.table import Diagnostic
from bench.ensemble import OF_A_PROCESS, Stack
from bench.execution.local import run_launches
from bench.execution.order import Order
from bench.execution.plan import launches
from bench.records import Status
from bench.rehearsal import Apart
from bench.runner import End, Found, Registry, follow_together, resolve, run
from bench.store import read_folder
from bench.streams import stream_seed
from bench.suites.setting import Setting
from tests.specs import TOYS, tiny

REGISTRY = Registry()
ROUNDING = 1e-4
"""Relative, after six to nine updates in float32; what is seen is 1e-6 and less."""
DEEP = {"task": "digits-depth", "task_args": {}, "depth": 5}
RANDOM = """
class Dropping(Toy):
    def step(self, x_t, state):
        state = nn.functional.dropout(self.layer(x_t) + 0.5 * state)
        return state, state

class Counting(Toy):
    def __init__(self, *sizes, **args):
        super().__init__(*sizes, **args)
        self.register_buffer("count", torch.zeros(()))
    def forward(self, x):
        self.count += 1
        return super().forward(x) / self.count
    def fault(self):
        pass

class Remembering(Toy):  # what no stack of weights can know
    def __init__(self, *sizes, **args):
        super().__init__(*sizes, **args)
        self.scale = torch.rand(())
    def step(self, x_t, state):
        state = self.scale * self.layer(x_t) + 0.5 * state
        return state, state

MODELS |= {
    "dropping": entry(Dropping), "counting": entry(Counting), "remembering": entry(Remembering)
}
"""


def specs(*pairs, registry=REGISTRY, **changes):
    """A resolved spec for each seed and rate."""
    found = [tiny(seed=seed, learning_rate=rate, **changes) for seed, rate in pairs]
    return [resolve(spec, registry) for spec in found]


def run_together(specs, registry):
    """The record of each resolved spec as its run ends, all in one launch."""
    founds = [Found(spec) for spec in specs]
    for k, event in follow_together(founds, registry, "cpu"):
        if isinstance(event, End):
            yield founds[k].record("cpu", event)


def by_seed_and_rate(records):
    return {(r.spec.seed, r.spec.learning_rate): r for r in records}


def is_close(found, wanted):
    """Null is null; an infinity or NaN is itself."""
    if wanted is None:
        return found is None
    return found == pytest.approx(wanted, rel=ROUNDING, abs=1e-7, nan_ok=True)


def assert_equal_to_rounding(joined, apart):
    """The same spec, end and measurements, but for those of a process."""
    assert (joined.spec, joined.spec.run_id) == (apart.spec, apart.spec.run_id)
    assert (joined.status, joined.error) == (apart.status, apart.error)
    assert apart.facts.items() <= joined.facts.items()
    expected = [m for m in apart.measurements if m.quantity not in OF_A_PROCESS]
    assert [m[:3] for m in joined.measurements] == [m[:3] for m in expected]
    for found, wanted in zip(joined.measurements, expected, strict=True):
        assert is_close(found.value, wanted.value), wanted


LOOKS = ("gradient", "spectrum", "step-gains", "states", "weight-movement")
THREE = ((0, 1e-2), (1, 1e-2), (0, 3e-3))
MODELS = ("roaf", "roaf-rotations", "roaf-permutation", "lstm", "elman")
CLIPPED = {"schedule": "cosine", "gradient_clip": 0.1}
SCALED = {"rate_scales": {"readout.*": 0.1}, "optimiser": "rmsprop"}


@pytest.mark.parametrize("model, changes", [*((m, CLIPPED) for m in MODELS), ("roaf", SCALED)])
def test_members_along_time_have_the_numbers_of_their_separate_runs(model, changes):
    wanted = specs(*THREE, model=model, updates=9, gradients_at=(0, 8), **changes)
    joined = by_seed_and_rate(run_together(wanted, REGISTRY))
    assert len(joined) == 3
    for spec in wanted:
        record = joined[spec.seed, spec.learning_rate]
        assert_equal_to_rounding(record, run(spec, REGISTRY))
        way = "forward" if model.startswith("roaf") else "steps"
        assert (record.facts["run_together"], record.facts["together_by"]) == (3, way)


@pytest.mark.parametrize("model", ["roaf-mlp", "roaf-mlp-signed-permutation", "mlp"])
def test_members_along_depth_have_the_numbers_of_their_separate_runs(model):
    wanted = specs(*THREE, model=model, **DEEP)
    joined = by_seed_and_rate(run_together(wanted, REGISTRY))
    for spec in wanted:
        assert_equal_to_rounding(joined[spec.seed, spec.learning_rate], run(spec, REGISTRY))


@pytest.mark.parametrize("changes", [{"model": "roaf"}, {"model": "roaf-mlp", **DEEP}])
def test_diagnostics_look_at_a_member_as_at_the_model_alone(changes):
    wanted = specs(*THREE[:2], diagnostics=dict.fromkeys(LOOKS, (0, 6)), **changes)
    joined = by_seed_and_rate(run_together(wanted, REGISTRY))
    for spec in wanted:
        assert_equal_to_rounding(joined[spec.seed, spec.learning_rate], run(spec, REGISTRY))


def test_seeds_have_data_and_weights_of_their_own():
    first, second = run_together(specs((0, 1e-2), (1, 1e-2)), REGISTRY)
    assert first.measurements[0].value != second.measurements[0].value


def test_a_member_that_diverges_ends_alone_and_first():
    wanted = specs((0, 1e-2), (0, 1e30), (1, 1e-2), model="irnn", optimiser="sgd", updates=20)
    ended = list(run_together(wanted, REGISTRY))
    assert [r.status for r in ended] == [Status.diverged, Status.ok, Status.ok]
    assert ended[0].spec.learning_rate == 1e30
    assert not math.isfinite(ended[0].measurements[-1].value)
    joined = by_seed_and_rate(ended)
    for spec in wanted:
        assert_equal_to_rounding(joined[spec.seed, spec.learning_rate], run(spec, REGISTRY))


def test_what_breaks_one_members_look_ends_that_member_alone(monkeypatch):
    def broken(view):
        if view.generator.initial_seed() == stream_seed(0, "diagnostics/spectrum"):
            raise ArithmeticError("outside the bounds")
        yield from ()

    monkeypatch.setitem(DIAGNOSTICS, "spectrum", Diagnostic(broken))
    wanted = specs((0, 1e-2), (1, 1e-2), diagnostics={"spectrum": (0,)})
    joined = by_seed_and_rate(run_together(wanted, REGISTRY))
    assert joined[0, 1e-2].status is Status.error
    assert (joined[0, 1e-2].error or "").startswith("ArithmeticError: outside the bounds")
    assert_equal_to_rounding(joined[1, 1e-2], run(wanted[1], REGISTRY))


def test_what_breaks_the_pass_of_all_is_a_record_for_each_that_had_not_ended(monkeypatch):
    wanted = specs((0, 1e30), (0, 1e-2), (1, 1e-2), model="irnn", optimiser="sgd", updates=20)
    whole, calls = Stack.losses, []

    def breaking(stack, task, batches):
        calls.append(batches)
        if len(calls) > 15:
            raise torch.OutOfMemoryError("no room for all")
        return whole(stack, task, batches)

    monkeypatch.setattr(Stack, "losses", breaking)
    records = list(run_together(wanted, REGISTRY))
    assert [r.status for r in records] == [Status.diverged, Status.oom_gpu, Status.oom_gpu]
    assert records[1].error == "no room for all"
    assert {m.quantity for m in records[1].measurements} >= {"train_loss", "validation_loss"}


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"model": "mlp-batchnorm", **DEEP}, "the samples of its batches meet"),
        ({"model": "dtriv"}, "it has a state besides its weights"),
        ({"model": "counting"}, "it has a state besides its weights"),
        ({"model": "dropping"}, "random"),
        ({"model": "remembering"}, "forward: its gradients are others, or not finite; steps: its"),
        ({"model": "raising"}, "the model is broken"),
        ({"model": "roaf-mlp", "optimiser": "adam-in-backward", **DEEP}, "each one's own backward"),
        ({"precision": "float64"}, "precision 'float64' is unknown"),
    ],
)
def test_what_would_not_be_the_same_together_is_refused_in_a_clause(changes, reason, tmp_path):
    file = tmp_path / "toys.py"
    file.write_text(TOYS + RANDOM)
    registry = Registry([file])
    wanted = specs((0, 1e-2), (1, 1e-2), registry=registry, **changes)
    with pytest.raises(Apart, match=reason):
        list(run_together(wanted, registry))


def test_every_member_has_a_record_on_disk_and_what_cannot_go_together_is_run_apart(
    tmp_path, capsys
):
    file = tmp_path / "toys.py"
    file.write_text(TOYS + RANDOM)
    registry = Registry([file])
    order = Order(results=tmp_path / "results", plugins=(file,), timeout=120.0)
    models = ["elman", "killed", "counting"]
    both = [tuple(specs((0, 1e-2), (1, 1e-2), registry=registry, model=model)) for model in models]
    records = list(run_launches(both, order, jobs=2))
    ends = {(r.spec.model, r.spec.seed): str(r.status) for r in records}
    apart = dict.fromkeys((("elman", 0), ("elman", 1), ("counting", 0), ("counting", 1)), "ok")
    assert ends == apart | dict.fromkeys((("killed", 0), ("killed", 1)), "killed")
    stored, problems = read_folder(order.results)
    assert not problems
    assert {r.spec.run_id for r in stored} == {spec.run_id for pair in both for spec in pair}
    told = {r.spec.model: r.facts.get("run_together") for r in stored}
    assert told == {"elman": 2, "killed": None, "counting": None}
    (line,) = capsys.readouterr().out.splitlines()
    assert line == (
        "adding counting: 2 runs are done apart, not together: it has a state besides its weights"
    )
    assert not list((order.results / ".inflight").glob("*/*"))


def test_runs_that_differ_in_seed_and_rate_share_a_launch_of_the_size_that_is_allowed():
    wanted = specs(*((seed, rate) for rate in (1e-3, 1e-2) for seed in range(3)))
    other = specs((0, 1e-2), (1, 1e-2), width=9)
    everything = [*wanted[:4], *other, *wanted[4:]]
    allowed = {spec.run_id: 4 for spec in wanted} | {spec.run_id: 1 for spec in other}
    parts = launches(everything, allowed)
    assert parts == [tuple(wanted[:4]), tuple(wanted[4:]), (other[0],), (other[1],)]


def test_a_suite_says_of_which_models_how_many_runs_go_together():
    setting = Setting(task="adding", models=("roaf", "lstm"), updates=1, together={"roaf": 5})
    assert [setting.at_once(model) for model in setting.models] == [5, 1]
    everywhere = replace(setting, together={"*": 3})
    assert everywhere.at_once("lstm") == 3


SUITE = """
from bench.suites import Setting, Suite
from bench.winners import Trial

SUITES = {"pairs": Suite(
    question="?", budget="none", seeds=(0, 1),
    settings=(Setting(
        task="adding", task_args={"length": 12}, models=("elman",), widths={"*": 8}, batch_size=4,
        updates=2, trials={"elman": (Trial(1e-3, {}, None), Trial(1e-2, {}, None))},
        together={"*": 8},
    ),),
)}
"""


def test_a_suite_run_together_resumes_with_what_is_left(tmp_path):
    file = tmp_path / "pairs.py"
    file.write_text(SUITE)
    words = ["run", "--suite", "pairs", "--plugin", file, "--results", tmp_path / "results"]
    command = [str(word) for word in words]
    assert "2 ok; 0 of them" in CliRunner().invoke(main, [*command, "--seeds", "0"]).output
    assert "4 ok; 2 of them" in CliRunner().invoke(main, command).output
    stored, _ = read_folder(tmp_path / "results")
    assert [r.facts["run_together"] for r in stored] == [2, 2, 2, 2]
