"""What a report says it found, and with which settings, from records worked by hand."""

from dataclasses import replace

from bench.records import RunRecord
from bench.report.findings import findings
from bench.report.groups import labelled_measurements, labelled_runs
from bench.report.leaderboard import leaderboard
from bench.report.page import Board
from bench.report.settings import models_table, settings_table
from tests.toy_report import toy


def found(*records: RunRecord) -> Board:
    """What is found of records of one stack."""
    runs = labelled_runs(records)
    rows = labelled_measurements(records, runs)
    (board,) = findings(runs, rows, leaderboard(runs, rows))
    return board


def test_trials_that_were_not_tested_are_ranked_by_their_validation_loss():
    trials = {0.001: 0.25, 0.01: 0.75}
    records = [
        toy(score=score, learning_rate=rate, only=("validation_loss",))
        for rate, score in trials.items()
    ]
    (row,) = found(*records).table.to_dict("records")
    assert (row["best trial"], row["validation loss"]) == ("lstm, learning rate 0.01", "0.25")
    assert row["trials"] == "2"


def test_without_a_score_it_is_said_in_how_many_models_the_gradient_arrives():
    # Over the largest distance, 4: 0.5 ** 4 = 0.06 arrives, 0.1 ** 4 = 1e-4 and 10 ** 4 do not.
    decays = {"roaf": 0.5, "lstm": 0.1, "gru": 10.0}
    records = [
        toy(name, decay=decay, only=("gradient_by_distance",)) for name, decay in decays.items()
    ]
    (row,) = found(*records).table.to_dict("records")
    assert (row["distance"], row["arrived"], row["arrived, of ROAF's"]) == ("4", "1/3", "1/1")
    assert (row["vanished"], row["exploded"]) == ("1", "1")


def test_a_gradient_that_was_first_read_after_training_does_not_arrive_before_it():
    read = toy(only=("gradient_by_distance",))
    after = tuple(measurement for measurement in read.measurements if measurement.step == 10)
    late = replace(toy("gru"), measurements=after)
    (row,) = found(read, late).table.to_dict("records")
    assert row["arrived"] == "0/1"


def test_budgets_permutations_and_versions_are_listed():
    runs = labelled_runs([toy(seed=0, model_args={"alpha": 0.5}), toy(seed=1), toy("gru", 0)])
    (budget,) = settings_table(runs).to_dict("records")
    assert (budget["updates"], budget["batch"], budget["seeds"]) == ("10", "32", "0; 1")
    assert budget["permutation"] == "psmnist-92916"
    rows = models_table(runs).to_dict("records")
    assert [(row["model"], row["arguments"]) for row in rows] == [
        ("gru", ""),
        ("lstm", "alpha 0.5"),
    ]
    assert rows[0]["paper"] == "Somebody 2022" and rows[0]["year"] == "2022"
