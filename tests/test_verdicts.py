"""A claim is held against the numbers of its runs, and nothing else; and scores along the way."""

import math
from dataclasses import replace

import pytest

from bench.records import Measurement, RunRecord, Status
from bench.report.progress_table import norm_boards, progress_boards
from bench.report.verdict_table import verdict_boards, verdict_rows
from bench.report.verdicts import Verdict, verdicts
from bench.suites.claim import Claim
from tests.scored import ERROR, frames, record, several

ROAF = {"model": "roaf", "task": "copy/urnn"}


def claim(least: float | None = 0.9, **more) -> Claim:
    return Claim(says="it remembers", source="the paper", runs=ROAF, least=least, **more)


def judged(asked: Claim, *records) -> Verdict:
    (found,) = verdicts([asked], *frames(*records))
    return found


def test_a_claim_holds_where_the_whole_interval_is_on_its_side():
    # mean 0.95, s = 0.01, t(0.975, 2) = 4.3027: the interval ends at 0.95 - 0.024841 = 0.925159
    found = judged(claim(), *several("roaf", [0.94, 0.95, 0.96]))
    assert found.word == "holds"
    assert found.summary.low == pytest.approx(0.925159, abs=1e-6)
    assert judged(claim(0.93), *several("roaf", [0.94, 0.95, 0.96])).word == "holds partly"
    assert judged(claim(0.951), *several("roaf", [0.94, 0.95, 0.96])).word == "does not hold here"


def test_one_or_two_seeds_are_never_more_than_a_part():
    assert judged(claim(), record("roaf", test=0.99)).word == "holds partly"
    assert judged(claim(), *several("roaf", [0.99, 0.99])).word == "holds partly"
    assert judged(claim(), *several("roaf", [0.99] * 3)).word == "holds"


def test_a_failed_run_takes_the_claim_down_and_no_run_is_no_verdict():
    failed = record("roaf", seed=3, status=Status.diverged)
    found = judged(claim(), *several("roaf", [0.98, 0.99, 0.98]), failed)
    assert (found.word, found.failed) == ("holds partly", 1)
    assert judged(claim(), failed).word == "does not hold here"
    assert judged(claim(), record("lstm", test=0.99)).word == "not tested here"


def test_a_score_of_as_many_right_answers_as_are_asked_is_enough():
    assert judged(claim(0.99), *several("roaf", [0.9899999797] * 3)).word == "holds"


def test_an_advantage_is_of_the_same_seeds():
    asked = claim(0.0, rival={"model": "lstm"})
    ours = several("roaf", [0.5, 0.6, 0.9])
    found = judged(asked, *ours, *several("lstm", [0.4, 0.5]))
    assert found.values == pytest.approx({0: 0.1, 1: 0.1})
    assert found.word == "holds partly"
    assert len(found.run_ids) == 4
    assert judged(asked, *ours, record("lstm", status=Status.timeout)).word == "does not hold here"
    assert judged(asked, *ours).word == "not tested here"


def test_the_number_is_that_after_the_update_asked_for():
    rows = several("roaf", [0.2] * 3)
    asked = claim(0.5, quantity="validation_score", after=10)
    early = [record("roaf", seed, test=0.1, validation={10: 0.7, 30: 0.2}) for seed in range(3)]
    assert judged(asked, *early).word == "holds"
    assert judged(asked, *rows).word == "does not hold here"


def test_the_newest_version_of_task_and_model_decides():
    old = several("roaf", [0.1, 0.1, 0.1])
    new = several("roaf", [0.95, 0.95, 0.95], model_version=2)
    assert judged(claim(), *old, *new).word == "holds"


def test_of_a_mapping_the_claim_names_some_entries():
    known = [record("roaf", 0, 0.9, model_args={"alpha": a, "filter": "haar"}) for a in (0.1, 0.2)]
    asked = replace(claim(), runs=ROAF | {"model_args": {"alpha": 0.2}})
    found = judged(asked, *known)
    assert found.run_ids == (known[1].spec.run_id,)


@pytest.mark.parametrize(
    ("quantity", "closed_form"),
    [("outside_band", 1.0), ("farthest_from_one", 8.0), ("gradient_decades", 3.0)],
)
def test_a_claim_may_be_about_what_follows_from_measurements(quantity, closed_form):
    rows = {("singular_value", str(k)): s for k, s in enumerate((0.125, 1.0, 2.0))}
    rows |= {("bound_lower", "4"): 0.25, ("bound_upper", "4"): 2.0, ("bound_upper", "1"): 0.5}
    rows |= {("gradient_by_distance", "0"): 4.0, ("gradient_by_distance", "4"): 0.004}
    measured = tuple(Measurement(10, *place, value) for place, value in rows.items())
    run = replace(record("roaf"), measurements=measured)
    found = judged(claim(None, most=1.0, quantity=quantity), run)
    assert found.values == {0: pytest.approx(closed_form)}


def test_two_runs_of_a_seed_are_not_averaged_in_silence():
    twice = [record("roaf", test=0.9), record("roaf", test=0.9, width=16)]
    with pytest.raises(ValueError, match="one run a seed, but these have more: roaf, width 8, roa"):
        judged(claim(), *twice)
    assert judged(claim(), twice[0]).values == {0: 0.9}


def test_a_claim_needs_one_bound_and_says_of_whom():
    with pytest.raises(ValueError, match="either `least` or `most`"):
        claim(least=None)
    with pytest.raises(ValueError, match="need a model"):
        Claim(says="it sings", source="us", runs={"task": "adding"}, least=0.0)
    assert claim(least=None, most=0.1).allows(0.1)
    assert not claim(least=None, most=0.1).allows(math.nan)


def test_the_table_says_claim_number_interval_seeds_and_verdict():
    runs = several("roaf", [0.94, 0.95, 0.96])
    found = verdicts([claim()], *frames(*runs))
    (board,) = verdict_boards(found, runs)
    assert board.table.to_dict("records") == [
        {
            "claim": "it remembers",
            "by": "the paper",
            "asked": "≥ 90.00 %",
            "mean": "95.00 %",
            "95 % interval": "92.52 to 97.48 %",
            "seeds": "3",
            "verdict": "holds",
        }
    ]
    (row,) = verdict_rows(found)
    assert len(row["run_ids"].split()) == 3
    loss = verdicts([claim(least=None, most=2.0, quantity="test_loss")], *frames(*runs))
    assert verdict_boards(loss, runs)[0].table["asked"].item() == "≤ 2"


def test_each_score_is_said_as_that_of_its_own_task():
    runs = [record("roaf", test=0.95), record("roaf", test=0.05, task="adding", facts=ERROR)]
    both = [claim(), replace(claim(None, most=0.1), runs=ROAF | {"task": "adding"})]
    (board,) = verdict_boards(verdicts(both, *frames(*runs)), runs)
    assert board.table["mean"].tolist() == ["95.00 %", "0.05"]


def test_scores_along_the_way_are_a_row_a_model_and_a_column_a_step():
    def tested(seed: int, first: float, last: float) -> RunRecord:
        kept = record("roaf", seed, test=last)
        return replace(
            kept, measurements=(Measurement(10, "test_score", "all", first), *kept.measurements)
        )

    _, rows = frames(tested(0, 0.5, 0.9), tested(1, 0.7, 0.9), record("lstm", test=0.4))
    (board,) = progress_boards("copy/urnn", "accuracy", rows, ["lstm", "roaf"])
    # mean 0.6, s = 0.1414214, t(0.975, 1) = 12.7062: half width 1.27062
    assert board.table.to_dict("records") == [
        {"model": "roaf", "10": "60.00 % (-67.06 to 187.06 %)", "30": "90.00 %"}
    ]
    assert progress_boards("copy/urnn", "accuracy", rows[rows["label"] == "lstm"], ["lstm"]) == []


def test_the_norms_of_the_weights_are_a_row_a_matrix():
    def grown(seed: int, end: float) -> RunRecord:
        norms = (Measurement(0, "weight_norm", "W", 1.0), Measurement(30, "weight_norm", "W", end))
        return replace(record("roaf", seed), measurements=norms)

    _, rows = frames(grown(0, 2.0), grown(1, 5.0), record("lstm", test=0.4))
    (board,) = norm_boards("copy/urnn", rows, ["lstm", "roaf"])
    assert board.table.to_dict("records") == [
        {"model": "roaf", "weight": "W", "0": "1", "30": "3.5"}
    ]
