"""What the clock is asked: who races, how a refusal is told, and the least work of a step."""

import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.diagnostics import View, look, speed
from bench.diagnostics.contenders import TORCH, modules, own, ways
from bench.diagnostics.peaks import tries
from bench.diagnostics.work import GATES, least_bytes, sample_flops, step_flops
from bench.execution.session import jobs_at_once
from bench.execution.wanted import Unusable
from bench.models import MODELS, build_body, build_model
from bench.records import RunSpec, Status
from bench.runner import Registry, resolve, run
from bench.suites import SUITES
from bench.suites.setting import Suite
from bench.tasks import TASKS
from roaf.kernels import RECURRENT
from roaf.kernels.cpu_vectors import LANES
from tests.specs import tiny

TIME = {"task": "noise", "task_args": {"length": 12}, "model": "roaf", "updates": 0}
DEPTH = {"task": "noise-depth", "task_args": {}, "model": "roaf-mlp", "depth": 6, "updates": 0}
UNTRAINED = {"validate_at": (), "test_at": (), "gradients_at": ()}


def spec_of(**changes) -> RunSpec:
    return resolve(tiny(**UNTRAINED | changes), Registry())


def view_of(spec: RunSpec) -> View:
    task = TASKS[spec.task](**spec.task_args)
    model = build_model(MODELS[spec.model], task, spec)
    generator = torch.Generator().manual_seed(0)
    view = View.of(model, task, next(task.train_batches(2, generator)), generator)
    return replace(view, spec=spec)


@pytest.fixture
def hasty(monkeypatch):
    """Two rounds, and small things to measure the machine with."""
    monkeypatch.setattr(speed, "FEWEST", 2)
    monkeypatch.setattr(speed, "MOST", 2)
    monkeypatch.setattr("bench.diagnostics.peaks.SIZES", {"cpu": (8, 64)})


def test_every_contender_is_timed_in_every_round_and_the_rounds_take_turns(hasty):
    spec = spec_of(**TIME, diagnostics={"speed": [0]})
    record = run(spec)
    assert record.status == Status.ok, record.error
    laps = [m.where for m in record.measurements if m.quantity == "forward_seconds"]
    refused = [m.where for m in record.measurements if m.quantity == "refused"]
    able = [n for n in RECURRENT if not any(r.startswith(f"roaf/{n}: ") for r in refused)]
    racing = [*(f"roaf/{name}" for name in able), *TORCH]
    assert laps == racing * 2
    for quantity in ("peak_bytes", "least_flops", "least_bytes"):
        found = [m.where for m in record.measurements if m.quantity == quantity]
        assert [where for where in found if where != "process"] == racing
    errors = {m.where: m.value for m in record.measurements if m.quantity == "gradient_error"}
    assert set(errors) == {f"roaf/{name}" for name in able}
    assert max(errors.values()) < 1e-4
    assert record.facts["kernel"] in able
    assert sum(m.quantity == "peak_flops" for m in record.measurements) == 5


def test_along_depth_the_chain_of_modules_races_with_every_way_to_keep_less(hasty):
    record = run(spec_of(**DEPTH, diagnostics={"speed": [0]}))
    assert record.status == Status.ok, record.error
    found = {m.where for m in record.measurements if m.quantity == "backward_seconds"}
    names = ("reference", "fused", "sqrt", "recompute")
    compiled = {"roaf-mlp/cpu"} if record.spec.width % LANES == 0 else set()
    assert found == {*(f"roaf-mlp/{name}" for name in names), "chain of modules", *compiled}
    refused = {m.where for m in record.measurements if m.quantity == "refused"}
    assert any(reason.startswith("roaf-mlp/cpu: ") for reason in refused) != bool(compiled)


def test_the_backends_alone_are_timed_without_peers(hasty):
    record = run(spec_of(**TIME, diagnostics={"backend-speed": [0]}))
    found = {m.where for m in record.measurements if m.quantity == "update_seconds"}
    assert found
    assert all(name.startswith("roaf/") for name in found)


def test_a_backend_that_refuses_is_named_with_its_reason():
    view = view_of(spec_of(**TIME))

    def refuse(body, inputs):
        if body.network.backend == "fused":
            raise ValueError("backend 'fused' is tired; allowed: auto")
        return "reference"

    entry = replace(MODELS["roaf"], picked=refuse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS, "roaf", entry)
        able, refusals = speed.candidates(view, view.spec, speed.inputs(view))
    assert "roaf/fused" not in able
    assert "roaf/reference" in able
    assert refusals == [("refused", "roaf/fused: backend 'fused' is tired", None)]


def test_a_backend_for_which_another_steps_in_is_not_timed_under_its_name():
    class Replaced(nn.Linear):
        def forward(self, x):
            warnings.warn("backend 'cpu' needs numba; 'fused' takes its place", stacklevel=1)
            return super().forward(x)

    x = torch.randn(2, 3)
    assert speed.complaint(lambda: nn.Linear(3, 3), x) is None
    assert "takes its place" in (speed.complaint(lambda: Replaced(3, 3), x) or "")


def test_timing_draws_from_no_random_stream_of_the_run(hasty):
    view, before = view_of(spec_of(**TIME)), torch.get_rng_state()
    assert list(look("backend-speed", view))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_without_backends_is_not_timed():
    spec = spec_of(task="noise", model="lstm", updates=0)
    with pytest.raises(ValueError, match="model 'lstm' has no backends to be timed; allowed: roaf"):
        ways(spec)


def test_all_ways_have_the_weights_of_the_run():
    view = view_of(spec_of(**DEPTH))
    wanted = view.model.body.state_dict()
    for way in ways(view.spec).values():
        found = own(view, way).state_dict()
        torch.testing.assert_close(found, wanted, atol=0, rtol=0, check_dtype=False)


def test_rounds_stop_when_the_time_is_up_but_not_before_the_fewest(monkeypatch):
    monkeypatch.setattr(speed, "SECONDS", 0.0)
    laps = list(speed.race({"a": lambda: nn.Linear(3, 3)}, torch.randn(2, 3)))
    assert sum(reading.quantity == "forward_seconds" for reading in laps) == speed.FEWEST


@pytest.mark.parametrize("network, gates", [("nn.RNN", 1), ("nn.GRU", 3), ("nn.LSTM", 4)])
def test_the_operations_of_torchs_networks_are_those_that_torch_counts(network, gates):
    assert GATES[network] == gates
    batch, time, features, hidden = 2, 5, 3, 7
    body = TORCH[network](features, hidden, batch_first=True).double()  # no oneDNN: products
    layers = torch.zeros(1, batch, hidden, dtype=torch.float64, requires_grad=True)
    first = (layers, layers.clone()) if network == "nn.LSTM" else layers
    with FlopCounterMode(display=False) as counter:
        body(torch.randn(batch, time, features).double(), first)[0].sum().backward()
    assert counter.get_total_flops() == batch * time * step_flops(hidden, features, gates)


@pytest.mark.parametrize("model", ["roaf", "roaf-mlp"])
def test_the_operations_of_a_model_are_those_that_torch_counts(model):
    fields = (TIME if model == "roaf" else DEPTH) | {"backend": "reference"}
    view = view_of(spec_of(**fields))
    body, batch = own(view, view.spec), 2
    with FlopCounterMode(display=False) as counter:
        if model == "roaf":
            state = torch.zeros(1, batch, 8, requires_grad=True)
            body.network(torch.randn(batch, 12, 1), state)[0].sum().backward()
        else:
            body(torch.randn(batch, 8, requires_grad=True)).sum().backward()
    assert counter.get_total_flops() == batch * sample_flops(f"{model}/reference", view)


def test_every_number_goes_through_memory_as_rarely_as_it_can():
    chain, x = modules(4, 3), torch.randn(2, 4)
    # 3 layers of 4 x 4 + 4 trained numbers, one filter of 4 x 4 that all share
    assert least_bytes(chain, x, chain(x)) == 4 * (3 * 8 + 2 * 8 + 3 * 60 + 2 * 16)


def test_the_first_try_is_not_counted():
    calls: list[int] = []
    found = tries(lambda: calls.append(1) or torch.zeros(1), torch.device("cpu"))
    assert (len(calls), len(found)) == (6, 5)
    assert min(found) > 0


@pytest.mark.parametrize(
    "model, backend, said",
    [
        ("lstm", "cpu", "model 'lstm' has no backends: backend must be 'auto'"),
        ("roaf", "warp", "backend 'warp' is unknown to model 'roaf'; allowed: auto, "),
    ],
)
def test_a_backend_that_a_model_does_not_have_gets_a_sentence(model, backend, said):
    spec = spec_of(task="noise", model=model, backend=backend)
    with pytest.raises(ValueError, match=said):
        build_body(MODELS[model], TASKS["noise"](), spec)


def test_the_backend_is_part_of_a_run_only_where_it_is_chosen():
    auto, chosen = tiny(), tiny(backend="reference")
    assert "backend" not in auto.written()
    assert auto.run_id != chosen.run_id
    assert chosen.written()["backend"] == "reference"


@pytest.mark.parametrize("backend", ["reference", "fused"])
def test_a_run_is_computed_by_the_backend_that_its_spec_names(backend):
    record = run(spec_of(model="roaf-rotations", backend=backend))
    assert record.status == Status.ok, record.error
    assert record.facts["kernel"] == backend


def test_a_suite_that_is_timed_runs_one_at_a_time():
    suite = SUITES["speed"]
    assert jobs_at_once("speed", suite, None, 2) == jobs_at_once("speed", suite, 1, 2) == 1
    with pytest.raises(Unusable, match="--jobs 2: the runs of suite 'speed' are timed; allowed: 1"):
        jobs_at_once("speed", suite, 2, 2)
    untimed = Suite(question="?", budget="", settings=())
    assert jobs_at_once("any", untimed, 3, 2) == 3


def test_the_points_of_the_suite_are_on_two_threads_and_train_nothing():
    settings = SUITES["speed"].settings
    specs = [s for each in settings for s in each.specs("speed", each.models, (0,))]
    assert {spec.threads for spec in specs} == {2}
    *timed, long = specs
    assert all(list(spec.diagnostics.values()) == [[0]] for spec in timed)
    assert not any(spec.updates for spec in timed)
    assert (long.updates, long.diagnostics) == (2, {})
