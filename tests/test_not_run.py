"""What a suite asks for and nobody ran is a row, with its hours and the command that runs it."""

from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from bench.cli import main
from bench.cost import paces
from bench.records import Status
from bench.report.not_run import missing, not_run
from bench.suites import Setting, Suite
from bench.winners import Trial
from tests.scored import record

FOLDER = Path("results/mine")
TRIALS = {"lstm": (Trial(0.1, {"chrono_length": 9}), Trial(0.1))}
SETTING = Setting(
    task="copy/urnn",
    models=("lstm", "gru"),
    updates=30,
    batch_size=4,
    widths={"*": 8},
    trials=TRIALS,
)
SUITE = Suite(question="?", budget="", settings=(SETTING, SETTING), seeds=(0, 1))


def test_what_is_missing_is_counted_by_model_with_the_hours_of_what_was_timed():
    there = [
        record("lstm", 0, seconds=[60.0, 80.0]),
        record("lstm", 1, status=Status.timeout),
        record("gru", 0, learning_rate=0.001),
        record("gru", 1, learning_rate=0.1),  # another rate is another run
    ]
    rows = not_run(SUITE.specs("small"), there, "cpu", paces(there), FOLDER)
    command = "python -m bench run --suite small --tasks copy/urnn --models"
    assert rows.to_dict("records") == [
        {"task": "copy/urnn", "model": "lstm", "width": "8", "updates": "30", "runs": "2"}
        | {"hours": "1.2", "command": f"{command} lstm --seeds 0,1 --results results/mine"},
        {"task": "copy/urnn", "model": "gru", "width": "8", "updates": "30", "runs": "1"}
        | {"hours": "", "command": f"{command} gru --seeds 1 --results results/mine"},
    ]


def test_where_all_is_recorded_nothing_is_said():
    there = [record("gru", seed, learning_rate=0.001) for seed in (0, 1)]
    assert not_run(
        [s for s in SUITE.specs("small") if s.model == "gru"], there, "cpu", {}, FOLDER
    ).empty


def test_a_record_of_another_trial_hides_no_run_and_the_closest_is_taken_first():
    plain, chrono = (replace(record("lstm", 0).spec, model_args=a) for a in ({}, {"chrono": 9}))
    decayed = replace(plain, optimiser_args={"weight_decay": 0.1})
    there = [replace(record("lstm", 0), spec=spec) for spec in (chrono, plain)]
    assert missing([plain, chrono], there) == []
    assert missing([plain, chrono], there[1:]) == [chrono]
    assert missing([plain, decayed], there) == [decayed]


def test_the_command_is_one_that_bench_takes():
    words = ["run", "--suite", "psmnist", "--tasks", "psmnist-92916", "--models", "lem"]
    result = CliRunner().invoke(main, [*words, "--seeds", "0,1,2", "--dry-run"])
    assert result.exit_code == 0, result.output
