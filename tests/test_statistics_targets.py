"""The statistics of runs: how soon a target is reached, and what holds over many tasks."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from bench.records import RunRecord, Status
from bench.report.statistics import (
    across,
    target_curves,
    times,
)
from tests.scored import ACCURACY, ERROR, by_label, frames, record, several


def climbs(model: str, first: Sequence[int | None], **more: Any) -> list[RunRecord]:
    """A run for each update at which the score first reaches 0.8, evaluated at 10, 20 and 30."""
    return [
        record(
            model,
            seed,
            validation={s: 0.9 if when and s >= when else 0.2 for s in (10, 20, 30)},
            **more,
        )
        for seed, when in enumerate(first)
    ]


def test_updates_to_the_target_are_censored_at_the_budget():
    found = by_label(
        times(
            *frames(
                *climbs("roaf", [10, 10, 20, None], seconds=(9.0, 0.5, 0.5)),
                *climbs("lstm", [30, None, None, None], seconds=(9.0, 2.0, 2.0)),
                *climbs("gru", [20, 30]),
            )
        )
    )
    roaf, lstm, gru = found["roaf"], found["lstm"], found["gru"]
    assert (roaf["n"], roaf["reached"], roaf["budget"], roaf["resolution"]) == (4, 3, 30, 10)
    assert (roaf["median_steps"], roaf["median_seconds"]) == (10, 5.0)
    assert (lstm["median_steps"], lstm["median_seconds"]) == (math.inf, math.inf)
    assert (gru["median_steps"], gru["median_seconds"]) == (20, None)  # shared a launch: no clock
    # Log-rank: at 10 two of eight end: expected of lstm 1, variance 2*4*4*6/(64*7) = 3/7; at 20 one
    # of six: 4/6, 1*2*4/36 = 2/9; at 30 one of five: 4/5, 4/25. Observed 1, expected 37/15.
    z = (37 / 15 - 1) / math.sqrt(3 / 7 + 2 / 9 + 4 / 25)
    assert lstm["p_steps"] == pytest.approx(math.erfc(z / math.sqrt(2)))
    assert lstm["p_steps_holm"] == lstm["p_steps"]  # the only test: gru has too few runs
    assert gru["p_steps"] is None and roaf["p_steps"] is None
    # In seconds roaf's 5, 5, 10 and the budget of 15 come before any of lstm's 60: at 5 as above,
    # at 10 one of six, then nobody to compare with. Observed 1, expected 1 + 4/6 + 1.
    z = (5 / 3) / math.sqrt(3 / 7 + 2 / 9)
    assert lstm["p_seconds"] == pytest.approx(math.erfc(z / math.sqrt(2)))


def test_of_four_runs_a_side_p_is_no_less_than_that_of_the_rarest_order():
    # all of roaf's at 10 and none of lstm's: one order of C(8, 4) = 70, two-sided 2 / 70, where the
    # log-rank test says p = 0.008
    found = times(*frames(*climbs("roaf", [10] * 4), *climbs("lstm", [None] * 4)))
    assert by_label(found)["lstm"]["p_steps"] == pytest.approx(2 / 70)


def test_990_of_1000_in_float32_reach_a_target_of_99_percent():
    facts = ACCURACY | {"solved": 0.99}
    records = [
        each
        for n in range(6)
        for model in ("roaf", "lstm")
        for each in several(model, [0.9899999797] * 2, task=f"task-{n}", facts=facts)
    ]
    assert times(*frames(*records))["reached"].tolist() == [2] * 12
    found = by_label(across(*frames(*records))["cpu"].rows)
    assert (found["roaf"]["iqm"], found["lstm"]["iqm"]) == (1.0, 1.0)


def test_a_run_that_failed_never_got_there():
    failed = [record("roaf", 5, validation={10: 0.9}, status=Status.diverged)]
    (row,) = times(*frames(*climbs("roaf", [10, None]), *failed)).to_dict("records")
    assert (row["n"], row["reached"], row["median_steps"]) == (3, 1, math.inf)


def test_without_validation_the_test_score_says_it_and_without_a_target_nothing_does():
    (row,) = times(*frames(record("roaf", test=0.9))).to_dict("records")
    assert (row["median_steps"], row["resolution"]) == (30, 30)
    (row,) = times(*frames(record("roaf", test=0.9, validation=0.1))).to_dict("records")
    assert row["median_steps"] == math.inf
    low = [record("roaf", test=0.05, facts=ERROR), record("lstm", test=0.2, facts=ERROR)]
    found = by_label(times(*frames(*low)))
    assert [found[label]["reached"] for label in ("roaf", "lstm")] == [1, 0]
    endless = ACCURACY | {"solved": None}
    assert times(*frames(record("roaf", test=0.9, facts=endless))).empty
    unseen = record("roaf"), record("lstm", status=Status.diverged)
    assert times(*frames(*unseen)).empty


def test_the_share_that_got_there_rises_with_updates_and_seconds():
    records = climbs("roaf", [10, None], seconds=(9.0, 0.5))
    curve = target_curves(*frames(*records))
    assert curve[["steps", "seconds", "share"]].to_numpy().tolist() == [[10, 5, 0.5], [30, 15, 0.5]]
    assert target_curves(*frames(record("roaf"))).empty


def tasks(model: str, scores: Sequence[Sequence[float]], **more: Any) -> list[RunRecord]:
    """The runs of a model: the scores of its seeds, task by task."""
    return [
        each
        for number, seeds in enumerate(scores)
        for each in several(model, seeds, task=f"task-{number}", **more)
    ]


def test_over_six_tasks_models_have_an_interquartile_mean_and_a_mean_rank():
    # On the scale from 0.125 to 0.8 roaf scores 1 everywhere, above it or not; lstm 0 three times,
    # below chance or failed, and 1 three times: trimmed of a quarter of twelve, 0.5. gru is 2/3
    # away, and last of the tied: ranks 1.5 with 1.5 or 1 with 2 and 3.
    good, half, bad = 0.8, 0.125 + 0.675 / 3, 0.05
    records = (
        *tasks("roaf", [[good, 1.0]] * 6),
        *tasks("lstm", [[bad, bad]] * 3 + [[good, 1.0]] * 3),
        *tasks("gru", [[half, half]] * 6),
        *tasks("elman", [[good]] * 5),
        record("elman", task="task-5", status=Status.unsupported),
        record("roaf", test=good, task="one of four models ran"),
    )
    found = across(*frames(*records))["cpu"]
    rows = by_label(found.rows)
    assert list(rows) == ["roaf", "lstm", "gru"]
    assert {label: row["iqm"] for label, row in rows.items()} == pytest.approx(
        {"roaf": 1.0, "lstm": 0.5, "gru": 1 / 3}
    )
    assert {label: row["mean_rank"] for label, row in rows.items()} == {
        "roaf": (1 * 3 + 1.5 * 3) / 6,
        "lstm": (3 * 3 + 1.5 * 3) / 6,
        "gru": (2 * 3 + 3 * 3) / 6,
    }
    assert rows["roaf"]["runs"] == 12 and rows["roaf"]["low"] is None
    assert found.tasks == [f"task-{n}" for n in range(6)]
    assert found.left_out == ["elman"]
    # sums of ranks 7.5, 13.5, 15; two tie on three of six tasks: (12 / 72 * 463.5 - 72) over
    # 1 - 3 * (8 - 2) / (6 * 24) is 6, and p = exp(-6 / 2)
    assert found.friedman == pytest.approx(math.exp(-3))
    lstm = found.profile[found.profile["label"] == "lstm"]
    assert set(lstm["share"]) == {0.5}


def test_with_fewer_tasks_or_models_it_is_said_what_is_missing():
    five = across(*frames(*tasks("roaf", [[0.5]] * 5), *tasks("lstm", [[0.5]] * 5)))["cpu"]
    assert five.rows.empty and five.reason == "5 tasks that half of the models ran; 6 are needed"
    alone = across(*frames(*tasks("roaf", [[0.5]] * 6)))["cpu"]
    assert alone.reason == "1 model ran on all tasks" and alone.friedman is None
    assert across(*frames(record("roaf"))) == {}
    unknown = ACCURACY | {"chance": None}
    assert across(*frames(record("roaf", test=0.5, facts=unknown))) == {}


def test_settings_of_one_task_are_one_block():
    lengths = [
        several(m, [0.5], task_args={"length": n}) for m in ("roaf", "lstm") for n in range(8)
    ]
    found = across(*frames(*[run for runs in lengths for run in runs]))["cpu"]
    assert found.reason == "1 task that half of the models ran; 6 are needed"
    more = [*tasks("roaf", [[0.5]] * 5), *tasks("lstm", [[0.4]] * 5)]
    found = across(*frames(*more, *[run for runs in lengths for run in runs]))["cpu"]
    ranks = {label: row["mean_rank"] for label, row in by_label(found.rows).items()}
    assert ranks == {"roaf": (5 + 1.5) / 6, "lstm": (10 + 1.5) / 6}


def test_a_failed_run_counts_across_tasks_unless_it_is_left_out():
    records = (
        *tasks("roaf", [[0.8, 0.8]] * 6),
        *tasks("lstm", [[0.8]] * 6),
        *(record("lstm", 1, status=Status.timeout, task=f"task-{n}") for n in range(6)),
    )
    counted, left_out = (
        by_label(across(*frames(*records), excluded_failures=excluded)["cpu"].rows)["lstm"]
        for excluded in (False, True)
    )
    assert (counted["iqm"], counted["runs"], counted["mean_rank"]) == (0.5, 12, 2.0)
    assert (left_out["iqm"], left_out["runs"], left_out["mean_rank"]) == (1.0, 6, 1.5)
