"""The suites keep their promises: known names, equal tuning, equal parameters, unseen test sets."""

import fnmatch
import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.execution.wanted import suite_specs
from bench.models import MODELS, build_model, trainable_parameters
from bench.models.match import LARGEST, parameters
from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.report.groups import labelled_measurements, labelled_runs
from bench.report.winners import only_winners, winners
from bench.runner import Registry, resolve
from bench.store import read_folder
from bench.suites import SUITES, filters
from bench.suites.setting import SEEDS, TUNING_SEEDS, Setting, evenly, logarithmic
from bench.suites.ten_thousand import sparse
from bench.suites.trials import LENGTH_ARGUMENTS, RATE_SCALES, carried, roaf_trial
from bench.suites.widths import REFERENCE, SHAPES, matched_widths
from bench.tasks import TASKS
from bench.winners import Trial

REGISTRY = Registry()
RECORDED = Path(__file__).parent.parent / "results" / "recorded"
NOT_TUNED = {
    "psmnist-ten-tuning": {("psmnist-92916", "lstm")},
}
"""What a search has not tried at all yet; its report lists every run that is missing."""
TABLES = Path(__file__).parent.parent / "bench" / "winners"


def specs(suite: str):
    """Every resolved run of the suite."""
    chosen = SUITES[suite]
    return [
        resolve(spec, REGISTRY)
        for setting in chosen.settings
        for spec in setting.specs(suite, setting.models, setting.seeds or chosen.seeds)
    ]


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_names_what_exists_and_no_run_twice(suite):
    runs = specs(suite)
    assert runs
    assert len({run.run_id for run in runs}) == len(runs)
    for run in runs:
        assert MODELS[run.model].axis == TASKS[run.task](**run.task_args).axis
        steps = (
            *run.validate_at,
            *run.test_at,
            *run.gradients_at,
            *(step for steps in run.diagnostics.values() for step in steps),
        )
        assert max(steps, default=0) <= run.updates


@pytest.mark.parametrize("suite", [name for name in SUITES if name.endswith("-tuning")])
def test_tuning_gives_each_model_as_many_trials_on_a_seed_of_its_own_without_the_test_set(suite):
    runs = specs(suite)
    counts: dict[tuple, int] = {}
    for run in runs:
        key = run.task, str(run.task_args), run.depth, run.model, run.frozen
        counts[key] = counts.get(key, 0) + 1
    assert len(set(counts.values())) == 1
    assert {run.seed for run in runs} == set(TUNING_SEEDS)
    assert not set(TUNING_SEEDS) & set(SEEDS)
    assert not any(run.test_at for run in runs)


def test_time_models_are_matched_in_trainable_parameters():
    counts: dict[tuple, dict[str, int]] = {}
    for run in specs("long-memory"):
        model = build_model(MODELS[run.model], TASKS[run.task](**run.task_args), run)
        counts.setdefault((run.task,), {})[run.model] = trainable_parameters(model)
    assert set(counts) == {("psmnist-92916",), ("copy/urnn",), ("adding",), ("psdigits",)}
    for found in counts.values():
        for model, count in found.items():
            if model != "urnn":
                assert count == pytest.approx(found["roaf-rotations"], rel=0.05), model
        assert found.get("urnn", 0) < found["roaf-rotations"]


SMALLER = {"urnn", "eunn", "esn", "es2n"}
"""These have fewer parameters with 256 units than ROAF has with 128."""


@pytest.mark.parametrize("shape", SHAPES)
def test_every_model_of_the_table_has_the_parameters_of_roaf_within_5_percent(shape):
    task, widths = TASKS[SHAPES[shape]](), matched_widths(shape)
    wanted = parameters("roaf", task, REFERENCE)
    assert set(widths) - {"*"} == {name for name in MODELS if MODELS[name].axis == "time"}
    for model in set(widths) - {"*"}:
        count = parameters(model, task, widths[model])
        if model in SMALLER and widths[model] in (LARGEST, REFERENCE):
            assert count < 0.95 * wanted
        else:
            # a channel more or less changes the convolutional network by 16 %
            assert count == pytest.approx(wanted, rel=0.08 if model == "tcn" else 0.05), model


@pytest.mark.parametrize("model", RATE_SCALES)
def test_a_scaled_rate_reaches_a_parameter_of_its_model(model):
    body = MODELS[model].factory(2, 8, **MODELS[model].defaults)
    names = [f"body.{name}" for name, _ in body.named_parameters()]
    for pattern in RATE_SCALES[model]:
        assert fnmatch.filter(names, pattern), pattern


@pytest.mark.parametrize("model", LENGTH_ARGUMENTS)
def test_a_model_made_for_a_length_is_given_the_tasks(model):
    (run,) = [run for run in specs("smoke") if run.model == model]
    assert run.model_args[LENGTH_ARGUMENTS[model]] == 50


@pytest.mark.parametrize("suite", ["smoke", "signal-propagation"])
def test_these_suites_run_every_model(suite):
    assert {run.model for run in specs(suite)} == set(MODELS)


def test_steps_are_spread_as_said():
    assert evenly(1000, 4) == (250, 500, 750, 1000)
    assert evenly(2, 4) == (1, 2)
    assert logarithmic(1000) == (0, 1, 4, 16, 64, 256, 999)
    assert logarithmic(1) == (0,)


def test_a_trial_carried_to_another_length_is_the_one_made_for_it():
    for make, growth in ((roaf_trial, 0.5), (sparse, 1.0)):
        found, made = carried(make(0.1, 100, 3.0), 100, 900, growth), make(0.1, 900, 3.0)
        assert found.learning_rate == made.learning_rate
        assert found.model_args == pytest.approx(made.model_args)
        assert found.output_scale == pytest.approx(made.output_scale)
    told = Trial(0.1, {"chrono_length": 100, "time_step": 100})
    assert carried(told, 100, 900) == Trial(0.1, {"chrono_length": 900, "time_step": 100})


def test_the_couplings_keep_beta_and_the_strengths_span_two_decades():
    won = sparse(1e-2, 220, 1.0)
    known = replace(filters.MAKERS[0][0], trials={filters.USUAL: (won,)})
    isometric, whole = filters.couplings(known, sparse).trials[filters.USUAL]
    beta = isometric.model_args["beta"]
    assert beta == whole.model_args["beta"] == pytest.approx(1 / 220)
    assert isometric.model_args["alpha"] ** 2 + beta**2 == pytest.approx(1, abs=1e-15)
    assert whole.model_args["alpha"] == 1
    strengths = [
        t.model_args["alpha"] for t in filters.strengths(known, sparse).trials[filters.USUAL]
    ]
    assert (1 - strengths[-1]) / (1 - strengths[0]) == pytest.approx(100)


def test_a_roaf_trial_shows_the_readout_a_state_of_unit_size():
    trial = roaf_trial(1e-3, length=400, c=8.0)
    assert trial.model_args == {"alpha": 0.98}
    assert trial.output_scale == pytest.approx(1 / (0.02 * 20))


@pytest.mark.parametrize("suite", sorted(path.stem for path in TABLES.glob("*.csv")))
def test_the_committed_winners_are_those_of_the_recorded_runs(suite):
    records, problems = read_folder(RECORDED / suite)
    assert records, f"no recorded runs of {suite}"
    assert not problems
    runs = labelled_runs(records)
    found = winners(runs, labelled_measurements(records, runs))
    committed = pd.read_csv(TABLES / f"{suite}.csv", keep_default_na=False, dtype=str)
    rendered = found.to_csv(index=False, float_format="%.10g")
    assert rendered == committed.to_csv(index=False)
    tried = {
        (r.task, str(r.depth or ""), r.model, json.dumps(list(r.frozen))) for r in specs(suite)
    }
    known = set(map(tuple, found[["task", "depth", "model", "frozen"]].to_numpy()))
    missing = {(task, model) for task, _, model, _ in tried - known}
    assert missing == NOT_TUNED.get(suite, set())


def trials(*known: tuple[float, int, str, str, tuple[float, ...]]) -> list[RunRecord]:
    """Trials by learning rate, seed, status, stack, and validation losses."""
    return [
        RunRecord(
            spec=RunSpec(
                suite="small",
                task="adding",
                model="lstm",
                width=8,
                learning_rate=rate,
                output_scale=1.0,
                updates=2,
                batch_size=4,
                seed=seed,
            ),
            status=Status(status),
            environment={"stack": stack},
            measurements=tuple(
                Measurement(step, "validation_loss", "all", loss)
                for step, loss in enumerate(losses, 1)
            ),
        )
        for rate, seed, status, stack, losses in known
    ]


def chosen(*records: RunRecord) -> tuple[list[tuple[float, float, int]], set[float]]:
    """The rows of the winners, and the last losses of the runs whose curves are drawn."""
    runs = labelled_runs(records)
    measurements = labelled_measurements(records, runs)
    table = winners(runs, measurements)
    curves = only_winners(runs, measurements)
    last = curves[curves["quantity"] == "validation_loss"].groupby(["stack", "run_id"])["value"]
    names = ["learning_rate", "validation_loss", "trials"]
    return [tuple(row) for row in table[names].to_numpy().tolist()], set(last.last())


def test_the_winner_has_the_lowest_last_validation_loss_and_a_diverged_trial_never_wins():
    found = chosen(
        *trials(
            (0.1, 0, "ok", "cpu", (0.1, 0.5)),
            (0.2, 0, "solved_early", "cpu", (0.9, 0.4)),
            (0.3, 0, "diverged", "cpu", (0.2, 0.0)),
        )
    )
    assert found == ([(0.2, 0.4, 3)], {0.4})


@pytest.mark.parametrize(
    ("status", "losses"),
    [("timeout", (0.3, 0.2)), ("ok", (0.1, math.nan)), ("ok", ())],
)
def test_a_trial_of_which_one_seed_fails_or_ends_without_a_loss_loses(status, losses):
    found = chosen(
        *trials(
            (0.1, 0, "ok", "cpu", (0.9, 0.3)),
            (0.1, 1, status, "cpu", losses),
            (0.2, 0, "ok", "cpu", (0.9, 0.4)),
        )
    )
    assert found == ([(0.2, 0.4, 2)], {0.4})


def test_a_weight_decay_and_a_clip_are_trials_of_their_own_and_a_decay_makes_adam_adamw():
    def run(decay: float, loss: float, clip: float | None = None) -> RunRecord:
        trial = Trial(0.1, output_scale=1.0, weight_decay=decay, gradient_clip=clip)
        (spec,) = Setting(
            task="adding", models=("lstm",), updates=1, trials={"lstm": (trial,)}
        ).specs("small", ("lstm",), (0,))
        known = trials((0.1, 0, "ok", "cpu", (loss,)))[0]
        return replace(known, spec=spec)

    plain, decayed = run(0.0, 0.3), run(0.1, 0.2)
    assert (plain.spec.optimiser, plain.spec.optimiser_args) == ("adam", {})
    assert (decayed.spec.optimiser, decayed.spec.optimiser_args) == ("adamw", {"weight_decay": 0.1})
    records = [plain, decayed]
    runs = labelled_runs(records)
    (won,) = winners(runs, labelled_measurements(records, runs)).to_dict("records")
    assert (won["weight_decay"], won["validation_loss"], won["trials"]) == (0.1, 0.2, 2)
    records.append(run(0.0, 0.1, clip=2.0))
    runs = labelled_runs(records)
    (won,) = winners(runs, labelled_measurements(records, runs)).to_dict("records")
    assert (won["weight_decay"], won["gradient_clip"], won["trials"]) == (0.0, 2.0, 3)


def test_trials_on_two_stacks_are_not_pooled():
    # pooled, 0.1 would have 0.5 and 0.2 would win
    found = chosen(
        *trials(
            (0.1, 0, "ok", "cpu", (0.3,)),
            (0.1, 0, "ok", "gpu", (0.7,)),
            (0.2, 0, "ok", "cpu", (0.4,)),
        )
    )
    assert found == ([(0.1, 0.3, 2)], {0.3, 0.7})


def test_the_newest_version_of_a_model_is_the_one_that_is_chosen():
    old, new = trials((0.1, 0, "ok", "cpu", (0.3,)), (0.2, 0, "ok", "cpu", (0.4,)))
    table, _ = chosen(old, replace(new, spec=replace(new.spec, model_version=2)))
    assert table == [(0.2, 0.4, 1)]


def test_seeds_that_the_user_names_train_nothing_twice():
    suite = SUITES["extreme-depth"]
    usual, _ = suite_specs("extreme-depth", suite, REGISTRY, None, None, None)
    for seeds in ("0-2", "7"):
        asked, at_once = suite_specs("extreme-depth", suite, REGISTRY, None, None, seeds)
        blind = [s.without_looks().run_id for s in asked]
        assert len(set(blind)) == len(blind) == len(at_once)
    assert any(spec.diagnostics for spec in asked)
    asked, _ = suite_specs("extreme-depth", suite, REGISTRY, None, None, "0-2")
    assert {s.run_id for s in usual} <= {s.run_id for s in asked}


def test_the_star_is_the_trial_of_every_model_not_named():
    of = {"*": (Trial(0.05),), "gru": (Trial(0.1),)}
    setting = Setting(task="adding", models=("lstm", "gru"), updates=1, trials=of)
    assert [s.learning_rate for s in setting.specs("mine", setting.models, (0,))] == [0.05, 0.1]
