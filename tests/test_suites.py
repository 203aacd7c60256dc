"""The suites keep their promises: known names, equal tuning, equal parameters, unseen test sets."""

import fnmatch
import json
from pathlib import Path

import pandas as pd
import pytest

from bench.models import MODELS, build_model, trainable_parameters
from bench.models.match import LARGEST, parameters
from bench.report.groups import labelled_measurements, labelled_runs
from bench.report.winners import winners
from bench.runner import Registry, resolve
from bench.store import read_folder
from bench.suites import SUITES
from bench.suites.setting import SEEDS, TUNING_SEEDS, evenly, logarithmic
from bench.suites.trials import LENGTH_ARGUMENTS, RATE_SCALES, roaf_trial
from bench.suites.widths import REFERENCE, SHAPES, matched_widths
from bench.tasks import TASKS

REGISTRY = Registry()
RECORDED = Path(__file__).parent.parent / "results" / "recorded"
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
    assert set(map(tuple, found[["task", "depth", "model", "frozen"]].to_numpy())) >= tried


def test_the_winner_has_the_lowest_last_validation_loss_and_a_diverged_trial_never_wins():
    runs = pd.DataFrame(
        {
            "run_id": ["a", "b", "c"],
            "task": "adding",
            "task_args": "{}",
            "depth": None,
            "model": "lstm",
            "frozen": "[]",
            "learning_rate": [0.1, 0.2, 0.3],
            "model_args": "{}",
            "output_scale": 1.0,
            "status": ["ok", "ok", "diverged"],
        }
    )
    rows = [("a", 1, 0.1), ("a", 2, 0.5), ("b", 1, 0.9), ("b", 2, 0.4), ("c", 2, 0.0)]
    measurements = pd.DataFrame(rows, columns=["run_id", "step", "value"])
    measurements["quantity"] = "validation_loss"
    found = winners(runs, measurements)
    assert found[["learning_rate", "validation_loss", "trials"]].to_numpy().tolist() == [
        [0.2, 0.4, 3]
    ]
