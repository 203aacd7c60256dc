"""The statistics of runs: who is compared with whom, and what a failed run counts as."""

import math

import pytest

from bench.records import Status
from bench.report.leaderboard_columns import shares_the_best
from bench.report.statistics import compare, compare_with_best, references
from tests.scored import ERROR, by_label, frames, record, several


def test_rivals_are_compared_with_roaf_seed_by_seed_and_corrected_together():
    # lstm is 0.1, 0.2, 0.3 and again below on every one of six seeds: p = 2 / 64, times two tests;
    # mean -0.2, s = sqrt(4 * 0.01 / 5) = 0.0894427, t(0.975, 5) = 2.570582: half width 0.0938643
    gaps = (0.1, 0.2, 0.3, 0.1, 0.2, 0.3)
    found = by_label(
        compare(
            *frames(
                *several("roaf", [0.9] * 6),
                *several("lstm", [0.9 - gap for gap in gaps]),
                *several("gru", [0.9, 0.9, 0.9, 0.9, 0.9, 0.8]),
            )
        )
    )
    assert list(found) == ["gru", "lstm"]
    lstm, gru = found["lstm"], found["gru"]
    assert (lstm["reference"], lstm["test"], lstm["n"]) == ("roaf", "paired permutation", 6)
    assert lstm["difference"] == pytest.approx(-0.2)
    assert (lstm["low"], lstm["high"]) == pytest.approx((-0.2938643, -0.1061357))
    assert (lstm["p"], lstm["p_holm"], lstm["smallest_p"]) == (2 / 64, 4 / 64, 4 / 64)
    assert (lstm["improvement"], lstm["worse"]) == (0.0, False)
    # one difference is not 0: every flip is as far
    assert (gru["p"], gru["p_holm"], gru["improvement"]) == (1.0, 1.0, 5 / 12)


def test_alone_the_same_rival_is_significantly_worse_and_better_where_low_is_good():
    roaf, lstm = [0.3] * 6, [0.2, 0.1, 0.2, 0.1, 0.2, 0.1]
    (row,) = compare(*frames(*several("roaf", roaf), *several("lstm", lstm))).to_dict("records")
    assert (row["p_holm"], row["worse"], row["better"]) == (2 / 64, True, False)
    records = several("roaf", roaf, facts=ERROR), several("lstm", lstm, facts=ERROR)
    (row,) = compare(*frames(*records[0], *records[1])).to_dict("records")
    assert row["difference"] == pytest.approx(-0.15)
    assert (row["improvement"], row["better"], row["worse"]) == (1.0, True, False)


def test_with_three_seeds_nothing_is_significant():
    (row,) = compare(
        *frames(*several("roaf", [0.9, 0.95, 0.99]), *several("lstm", [0.1, 0.2, 0.15]))
    ).to_dict("records")
    assert (row["p"], row["smallest_p"], row["worse"]) == (0.25, 0.25, False)


def test_equal_counts_are_ties_whatever_float32_made_of_them():
    # 272 of 300, averaged at once and in parts
    ours, theirs = [0.9066666861375173, 0.5, 0.7], [0.9066666666666667, 0.7, 0.5]
    records = *several("roaf", theirs), *several("lstm", ours)
    (row,) = compare(*frames(*records)).to_dict("records")
    assert (row["difference"], row["p"], row["improvement"]) == (0.0, 1.0, 0.5)
    assert compare_with_best(*frames(*records))["label"].tolist() == ["roaf"]  # lstm comes first


def test_the_reference_is_chosen_by_validation_among_proposed_models_that_are_trained():
    records = [
        record("roaf", test=0.1, validation=0.7),
        record("roaf-rotations", test=0.9, validation=0.6),
        record("roaf-identity", test=0.9, validation=0.9),
        record("roaf-permutation", test=0.9, validation=0.9, frozen=("body.*",)),
        record("lstm", test=0.9, validation=0.9),
    ]
    assert references(*frames(*records)) == {("cpu", "copy/urnn"): "roaf"}
    low = [
        record(m, test=0.2, validation=v, facts=ERROR) for m, v in (("roaf", 0.4), ("roaf-b", 0.3))
    ]
    assert references(*frames(*low)) == {("cpu", "copy/urnn"): "roaf-b"}
    failing = [
        record("roaf", 1, status=Status.diverged),
        record("roaf-b", test=0.2, validation=0.6),
    ]
    assert references(*frames(*records[:1], *failing)) == {("cpu", "copy/urnn"): "roaf-b"}
    assert references(*frames(record("lstm", test=0.9))) == {}


def test_a_failed_run_counts_as_the_worst_of_its_group_or_is_left_out():
    # the worst of chance, 0.125, and of the scores, 0.05: (0.8 - 0.9 + 0.05 - 0.9) / 2
    records = (
        *several("roaf", [0.9, 0.9]),
        record("lstm", 0, 0.8),
        record("lstm", 1, 0.99, status=Status.timeout),
        record("gru", 0, 0.05),
        record("gru", 1, math.nan),
    )
    found = by_label(compare(*frames(*records)))
    assert found["lstm"]["difference"] == pytest.approx(-0.475)
    assert found["gru"]["difference"] == pytest.approx(-0.85)
    assert (found["lstm"]["n"], found["lstm"]["failed"]) == (2, 1)
    found = by_label(compare(*frames(*records), excluded_failures=True))
    assert found["lstm"]["difference"] == pytest.approx(-0.1)
    assert (found["lstm"]["n"], found["lstm"]["failed"], found["lstm"]["reason"]) == (
        1,
        1,
        "one seed",
    )
    only_chance = frames(*several("roaf", [0.9]), record("lstm", status=Status.oom_gpu, facts={}))
    assert by_label(compare(*only_chance))["lstm"]["difference"] == pytest.approx(0.125 - 0.9)


def test_why_there_is_no_test_is_said():
    records = (
        *several("roaf", [0.9, 0.8]),
        record("a", 0, 0.5),
        record("b", 0, status=Status.error),
        record("b", 1, status=Status.error),
        record("c", 0, status=Status.unsupported),
        record("d", 0),
    )
    found = by_label(compare(*frames(*records), excluded_failures=True))
    reasons = {label: row["reason"] for label, row in found.items()}
    assert reasons == {"a": "one seed", "b": "all failed", "c": "not run", "d": "not run"}
    assert all(row["p"] is None and not row["worse"] for row in found.values())
    counted = by_label(compare(*frames(*records)))
    assert (counted["b"]["p"], counted["b"]["failed"]) == (0.5, 2)


def test_a_reference_that_did_not_end_well_is_said_too():
    failed = [record("roaf", seed, status=Status.diverged) for seed in (0, 1)]
    rivals = several("a", [0.5, 0.6]), [record("b", s, status=Status.killed) for s in (0, 1)]
    tables = [
        by_label(compare(*frames(*failed, *rivals[0], *rivals[1]), excluded_failures=excluded))
        for excluded in (False, True)
    ]
    assert [table["a"]["reason"] for table in tables] == ["", "reference failed"]
    assert [table["b"]["reason"] for table in tables] == ["all failed", "all failed"]
    away = frames(record("roaf", status=Status.unsupported), *rivals[0])
    assert by_label(compare(*away))["a"]["reason"] == "reference not run"
    assert by_label(compare(*frames(*rivals[0])))["a"]["reason"] == "no reference"


def test_where_nothing_was_tested_nothing_is_compared():
    records = record("roaf", validation=0.5), record("lstm", status=Status.diverged)
    table = compare(*frames(*records))
    assert table.empty and "p_holm" in table.columns


def test_a_label_of_which_every_run_failed_is_never_the_best():
    # roaf scores what a failed run counts as, chance
    failed = [record("gru", seed, status=Status.diverged) for seed in range(2)]
    frame = frames(*failed, *several("roaf", [0.125] * 2))
    found = by_label(compare_with_best(*frame))
    assert (found["gru"]["reference"], found["gru"]["difference"]) == ("roaf", 0.0)
    assert shares_the_best(found.values()) == {"roaf"}


def test_the_best_shares_its_place_with_whoever_is_not_significantly_worse():
    records = (
        *several("roaf", [0.5] * 6),
        *several("lstm", [0.9] * 6),
        *several("gru", [0.9, 0.9, 0.9, 0.9, 0.9, 0.8]),
        *several("elman", [0.3] * 6, facts={}),
    )
    found = by_label(compare_with_best(*frames(*records)))
    assert {row["reference"] for row in found.values()} == {"lstm"}
    assert {label: row["p"] for label, row in found.items()} == {
        "elman": 2 / 64,
        "gru": 1.0,
        "roaf": 2 / 64,
    }
    assert not any(row["worse"] for row in found.values())  # three tests: 6 / 64
    fewer = by_label(compare_with_best(*frames(*records[:18])))
    assert not fewer["roaf"]["worse"]
    (roaf,) = compare_with_best(*frames(*records[:12])).to_dict("records")
    assert roaf["worse"]
