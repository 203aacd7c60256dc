"""What is drawn of trials, of several settings of a model, and by several processes."""

import re
from dataclasses import replace

from bench.records import Measurement, RunRecord, Status
from bench.report.cost_figure import score_by_cost
from bench.report.figures import FIGURES, draw
from bench.report.gather import gather
from bench.report.sections import drawn, sections
from bench.report.styles import styled
from bench.report.target_figure import performance_profile
from bench.store import write_record
from bench.suites.names import ALL_TIME
from tests.test_report import FACTS, record
from tests.test_report_figures import STACK, crowd, scene_of, trained


def test_several_processes_draw_the_same_bytes(monkeypatch):
    scene = scene_of(*crowd(2, tasks=1, seeds=1))
    few = {name: FIGURES[name] for name in ("score-curves", "gradient-by-distance")}
    monkeypatch.setattr("bench.report.figures.FIGURES", few)
    alone = list(draw(scene, STACK))
    monkeypatch.setattr("bench.report.figures.LARGE", 0)
    monkeypatch.setattr("bench.report.figures.cpu_count", lambda: 2)
    assert list(draw(scene, STACK)) == alone and len(alone) == 2


def tried(model: str, rate: float, score: float, *more: Measurement, **spec) -> RunRecord:
    """A trial, which was validated and not tested."""
    steps = ((5, score / 2), (10, score))
    rows = [Measurement(step, "validation_score", "all", value) for step, value in steps]
    rows += [Measurement(10, "validation_loss", "all", 1 - score), *more]
    return record(model, measurements=tuple(rows), learning_rate=rate, **spec)


def test_of_a_suite_of_trials_every_figure_names_the_models_and_shows_their_best_trial(tmp_path):
    models, rates = ALL_TIME[:13], {0.1: 0.9, 0.01: 0.2}
    sweeps = Measurement(10, "picard_depth", "0.01", 3.0)
    deep = {"axis": "depth", "depth": 10, "task": "digits-depth", "task_args": {}}
    for rate, score in rates.items():
        for model in models:
            write_record(tried(model, rate, score), tmp_path)
        write_record(tried("mlp", rate, score, sweeps, **deep), tmp_path)
    found = gather("small", tmp_path)
    shown = drawn(found)
    (section,) = sections(found, shown)
    words = {d.name: set(re.findall(r">([^<>]+)</text>", d.svg)) for d in section.drawings}
    for name in ("time-to-target", "score-curves"):
        assert words[f"{name}-{STACK}"] >= set(models)
    assert "mlp" in words[f"used-depth-{STACK}"]
    assert set(shown.targets["share"]) == {1.0} and set(shown.board["label"]) == {*models, "mlp"}


def test_of_trials_none_of_which_ended_well_nothing_is_drawn(tmp_path):
    write_record(record(measurements=(), status=Status.error, error="no such layer"), tmp_path)
    found = gather("small", tmp_path)
    (section,) = sections(found, drawn(found))
    assert section.drawings == []


def test_the_performance_profile_shows_a_model_of_which_there_are_two_settings():
    tasks = [f"task-{number}" for number in range(6)]
    rates = {"lstm": (0.1, 0.01), "gru": (0.1,)}
    runs = [
        record(model, task=task, task_args={}, learning_rate=rate)
        for task in tasks
        for model, own in rates.items()
        for rate in own
    ]
    with styled():
        (drawing,) = performance_profile(scene_of(*runs), "profile")
    assert ">lstm<" in drawing.svg and ">gru<" in drawing.svg


def test_a_reference_of_zero_has_no_place_on_a_logarithmic_axis():
    facts = FACTS | {"metric": "mean squared error", "direction": "min", "solved": 0.0}
    runs = [
        replace(trained(model, 0, quality), facts=facts | {"parameters": size})
        for model, quality, size in (("lstm", 0.2, 1000), ("gru", 0.8, 9000))
    ]
    with styled():
        (drawing,) = score_by_cost(scene_of(*runs), "cost")
    assert "test mean squared error" in drawing.svg
