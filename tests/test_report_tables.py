"""The tables of a report: their columns against numbers worked by hand, captions, and both ways."""

import csv
import math
from pathlib import Path

import pytest

from bench.records import Measurement, RunRecord, Status
from bench.report.boards import stack_boards
from bench.report.gather import Gathered, gather
from bench.report.latex import latex
from bench.report.leaderboard import task_facts
from bench.report.page import Board
from bench.report.render import csv_files
from bench.store import write_record
from tests.test_report import FACTS, record

ERROR = FACTS | {"metric": "mean squared error", "direction": "min", "solved": 0.1, "chance": 1.0}
TASK = "recall"
STACK = "cpu-torch2.13"


def scored(
    model: str,
    seed: int,
    score: float | None,
    looks: dict[int, float] | None = None,
    *more: Measurement,
    **changes,
) -> RunRecord:
    """A run that ends with the test score; validated at its end, or with a score at each look."""
    ending = {} if score is None else {10: score}
    found = [("test_score", ending), ("validation_score", ending if looks is None else looks)]
    rows = [Measurement(step, name, "all", x) for name, read in found for step, x in read.items()]
    rows += [Measurement(step, "step_seconds", "window", 0.5) for step in (1, 2)]
    fields = {"task": TASK, "task_args": {}, **changes}
    return record(model, seed, measurements=(*rows, *more), **fields)


def gathered(folder: Path, *records: RunRecord) -> Gathered:
    for each in records:
        write_record(each, folder)
    return gather("small", folder)


def rows(found: Gathered) -> dict[str, dict]:
    """The leaderboard's rows as the CSV file has them."""
    table = csv.DictReader(csv_files(found)["leaderboard.csv"].splitlines())
    return {row["label"]: row for row in table}


def boards(found: Gathered) -> dict[str, Board]:
    groups = found.runs.groupby("group", sort=False)
    facts = {str(group): task_facts(same) for group, same in groups}
    labels = list(found.runs["label"].unique())
    return {board.label: board for board in stack_boards(found, STACK, facts, labels)}


def texts(board: Board) -> dict[str, dict[str, str]]:
    return {row["model"]: row for row in board.table.to_dict("records")}


def bold(board: Board) -> list[str]:
    return [board.table.loc[place] for place in sorted(board.bold)]


def test_a_model_is_compared_with_the_reference_seed_by_seed(tmp_path):
    # Differences 0.1 ... 0.6 over six shared seeds: mean 0.35, s = 0.187083, half width
    # t(0.975, 5) s / sqrt(6) = 2.570582 * 0.187083 / 2.449490 = 0.196331; all signs agree, so that
    # p = 2 / 2^6 = 0.03125, of one test.
    runs = [scored("roaf", seed, 0.1) for seed in range(6)]
    runs += [scored("lstm", seed, 0.2 + seed / 10) for seed in range(6)]
    found = gathered(tmp_path, *runs)
    row = rows(found)["lstm"]
    assert (row["reference"], row["test"], row["pairs"]) == ("roaf", "paired permutation", "6")
    names = ("difference", "difference_low", "difference_high", "p", "p_holm")
    expected = (0.35, 0.35 - 0.196331, 0.35 + 0.196331, 0.03125, 0.03125)
    assert [float(row[name]) for name in names] == pytest.approx(expected, abs=1e-6)
    assert rows(found)["roaf"]["difference"] == ""
    board = boards(found)[TASK]
    shown = texts(board)
    assert shown["lstm"]["difference to roaf"] == "+35.00 (+15.37 to +54.63)"
    assert shown["lstm"]["Holm p"] == "0.0312"
    assert shown["roaf"]["difference to roaf"] == "reference"
    words = "paired permutation test over seeds, n = 6, two-sided, p by Holm for 1 test, alpha = "
    assert f"{words}0.05." in board.caption and "can reach" not in board.caption
    assert "Difference in percentage points to roaf, the ROAF model with the best" in board.caption


def test_with_three_seeds_the_caption_says_that_no_difference_can_be_significant(tmp_path):
    runs = [scored("roaf", seed, 0.1 + seed / 100) for seed in range(3)]
    runs += [scored("lstm", seed, 0.5 + seed / 100) for seed in range(3)]
    board = boards(gathered(tmp_path, *runs))[TASK]
    assert "cannot give less than p = 0.25: no difference can reach 0.05." in board.caption
    assert "Bold: the best mean alone; no test could tell the others from it." in board.caption
    assert "Mean over n = 3 seeds, 95 % t interval of the mean. No run failed." in board.caption
    assert bold(board) == ["51.00 %"]


def test_one_test_of_unshared_seeds_does_not_hide_that_the_others_can_show_nothing(tmp_path):
    runs = [scored(m, seed, 0.1 + seed / 100) for m in ("roaf", "lstm") for seed in range(3)]
    runs += [scored("gru", 7 + seed, 0.5 + seed / 100) for seed in range(3)]
    caption = boards(gathered(tmp_path, *runs))[TASK].caption
    assert "less than p = 0.25: no difference over shared seeds can reach 0.05." in caption


def test_where_nothing_was_validated_the_caption_says_how_the_reference_was_chosen(tmp_path):
    runs = [scored(model, 0, 0.5, {}) for model in ("roaf", "lstm")]
    caption = boards(gathered(tmp_path, *runs))[TASK].caption
    assert "to roaf, the first ROAF model by name (nothing was validated)" in caption


def test_a_measured_loss_of_zero_is_known(tmp_path):
    found = gathered(tmp_path, scored("roaf", 0, 1.0, None, Measurement(10, "test_loss", "all", 0)))
    assert float(rows(found)["roaf"]["test_loss_over_chance"]) == 0


def test_bold_are_the_best_and_those_that_a_test_could_have_told_from_it(tmp_path):
    # Of eight pairs the least p is 2 / 2^8 = 0.0078, times two tests 0.0156: gru is worse at every
    # seed, lstm at every other one.
    flip = (0.01, -0.009)
    runs = [scored("roaf", seed, 0.8) for seed in range(8)]
    runs += [scored("lstm", seed, 0.8 - flip[seed % 2]) for seed in range(8)]
    runs += [scored("gru", seed, 0.7 + seed / 1000) for seed in range(8)]
    found = gathered(tmp_path, *runs)
    best = {label: row["best"] for label, row in rows(found).items()}
    assert best == {"roaf": "True", "lstm": "True", "gru": "False"}
    board = boards(found)[TASK]
    assert "the same test, against the best, does not find worse" in board.caption
    assert bold(board) == ["80.00 %", "79.95 %"]
    text = latex(board, "x")
    assert text.count(r"\textbf{") == 2 and r"roaf & \textbf{80.00 \%}" in text


def test_equal_means_share_the_first_place(tmp_path):
    runs = [scored(model, seed, 0.5) for model in ("roaf", "lstm") for seed in (0, 1)]
    board = boards(gathered(tmp_path, *runs, scored("gru", 0, 0.4, facts={})))[TASK]
    assert bold(board) == ["50.00 %"] * 2
    assert "Bold: the best mean, which 2 share; no test could tell" in board.caption


def test_failed_runs_count_as_the_worst_and_the_table_is_printed_both_ways(tmp_path):
    # chance 0.125 is worse than any score: lstm counts (0.9 + 0.125) / 2, so that roaf is first.
    runs = [scored("roaf", seed, 0.6 + seed / 10) for seed in range(2)]
    runs += [scored("lstm", 0, 0.9), scored("lstm", 1, None, status=Status.diverged)]
    found = gathered(tmp_path, *runs)
    row = rows(found)["lstm"]
    assert float(row["counted_mean"]) == pytest.approx(0.5125)
    assert float(row["counted_as"]) == 0.125
    assert float(row["excluded_mean"]) == float(row["score_mean"]) == 0.9
    counted, excluded = boards(found)[TASK], boards(found)[f"{TASK}: failures excluded"]
    assert list(texts(counted)) == ["roaf", "lstm"] and list(texts(excluded)) == ["lstm", "roaf"]
    assert [texts(each)["lstm"]["test accuracy"] for each in (counted, excluded)] == [
        "51.25 %",
        "90.00 %",
    ]
    assert [bold(each) for each in (counted, excluded)] == [["65.00 %"], ["90.00 %"]]
    lstm = texts(counted)["lstm"]
    assert (lstm["failures"], lstm["ok"], lstm["solved"]) == (
        "1 diverged",
        "1/2",
        "1/2 (9 to 91 %)",
    )
    assert "1 run failed and counts as unsolved, as the worst score (12.50 %)." in counted.caption
    assert "Without the 1 run that failed" in excluded.caption


def test_a_score_that_is_no_number_counts_as_a_failure(tmp_path):
    runs = [scored("roaf", 0, 0.5), scored("lstm", 0, 0.75), scored("lstm", 1, math.nan)]
    found = gathered(tmp_path, *runs)
    assert float(rows(found)["lstm"]["counted_mean"]) == pytest.approx((0.75 + 0.125) / 2)
    shown = texts(boards(found)[f"{TASK}: failures excluded"])
    assert shown["lstm"]["test accuracy"] == "75.00 %"
    assert "1 run failed and counts as unsolved" in boards(found)[TASK].caption


def test_without_failures_there_is_one_table(tmp_path):
    runs = [scored(model, seed, 0.5) for model in ("roaf", "lstm") for seed in (0, 1)]
    assert list(boards(gathered(tmp_path, *runs))) == [TASK]


def test_the_solve_rate_has_wilsons_interval(tmp_path):
    # 2 of 3: (2/3 + z^2/6 +- z sqrt(2/27 + z^2/36)) / (1 + z^2/3), z = 1.959964: 0.2077, 0.9385.
    runs = [scored("roaf", seed, score) for seed, score in enumerate((0.9, 0.9, 0.1))]
    found = gathered(tmp_path, *runs)
    ends = [float(rows(found)["roaf"][f"solve_rate_{end}"]) for end in ("low", "high")]
    assert ends == pytest.approx([0.2077, 0.9385], abs=1e-4)
    assert texts(boards(found)[TASK])["roaf"]["solved"] == "2/3 (21 to 94 %)"


def test_the_time_to_the_target_is_the_first_look_that_is_good_enough(tmp_path):
    climbs = {0: {4: 0.1, 6: 0.85, 10: 0.9}, 1: {4: 0.85, 6: 0.2, 10: 0.9}, 2: {4: 0.1, 10: 0.9}}
    runs = [scored("roaf", seed, 0.9, looks) for seed, looks in climbs.items()]
    runs += [scored("lstm", seed, 0.3) for seed in range(3)]
    found = gathered(tmp_path, *runs)
    roaf, lstm = (rows(found)[label] for label in ("roaf", "lstm"))
    assert [float(roaf[f"{unit}_to_target"]) for unit in ("updates", "seconds")] == [6, 3]
    assert lstm["updates_to_target"] == "inf"
    shown = texts(boards(found)[TASK])
    assert (shown["roaf"]["updates to target"], shown["roaf"]["seconds to target"]) == ("6", "3")
    assert shown["lstm"]["seconds to target"] == "not reached"


def test_the_gradient_ratio_is_of_the_largest_distance_at_the_last_look(tmp_path):
    norms = {0: {0: 1.0, 64: 0.5}, 9: {0: 2.0, 8: 7.0, 64: 1e-3}}
    looks = [
        Measurement(step, "gradient_by_distance", str(distance), norm)
        for step, read in norms.items()
        for distance, norm in read.items()
    ]
    found = gathered(tmp_path, scored("roaf", 0, 0.5, None, *looks))
    row = rows(found)["roaf"]
    assert [float(row[f"gradient_{n}"]) for n in ("ratio", "distance", "step")] == [5e-4, 64, 9]
    board = boards(found)[TASK]
    assert texts(board)["roaf"]["gradient, distance 64 / 0"] == "0.0005"
    said = "64 steps or layers before the last over that at the last, after 9 updates"
    assert said in board.caption


def test_the_caption_says_budget_machine_and_what_is_matched(tmp_path):
    sizes = {"roaf": 1000, "lstm": 1040, "urnn": 500}
    known = {model: FACTS | {"parameters": size} for model, size in sizes.items()}
    runs = [scored(m, 0, 0.5, facts=known[m], width=sizes[m], batch_size=16) for m in sizes]
    caption = boards(gathered(tmp_path / "matched", *runs))[TASK].caption
    assert "Budget: 10 updates of 16 samples; seed 0." in caption
    assert "Matched: parameters, 1,000 within 5 %; not urnn (500)." in caption
    assert "Hardware: cpu-torch2.13, 1 thread a run." in caption
    assert "not tested (one seed)" in caption
    wide = [scored(model, 0, 0.5, facts=known[model]) for model in sizes]
    caption = boards(gathered(tmp_path / "wide", *wide))[TASK].caption
    assert "Matched: equal width, 128 (parameters: 500 to 1,040)." in caption
    bare = [scored(model, 0, 0.5, facts={}) for model in sizes]
    assert "Matched: equal width, 128." in boards(gathered(tmp_path / "bare", *bare))[TASK].caption


def test_six_tasks_make_a_table_over_all_tasks(tmp_path):
    # roaf solves all (0.8 is enough), lstm is at chance: IQM 1 and 0. The ranks 1, 2, 3 on each of
    # six tasks make Friedman's statistic 12, of 2 degrees of freedom: p = exp(-6) = 0.0025.
    scores = {"roaf": (0.8, 0.85, 0.9), "lstm": (0.125, 0.125, 0.125), "gru": (0.3, 0.4, 0.35)}
    runs = [
        scored(model, seed, score, task=f"task{k}")
        for k in range(6)
        for model, own in scores.items()
        for seed, score in enumerate(own)
    ]
    found = gathered(tmp_path / "six", *runs)
    board = boards(found)["all tasks"]
    shown = texts(board)
    assert list(shown) == ["roaf", "gru", "lstm"]
    assert [row["mean rank"] for row in shown.values()] == ["1", "2", "3"]
    assert [row["IQM"] for row in shown.values()][::2] == ["1", "0"]
    assert [row["solved settings"] for row in shown.values()] == ["6/6", "0/6", "0/6"]
    assert "Friedman's test on the ranks: p = 0.0025." in board.caption
    table = csv.DictReader(csv_files(found)["all-tasks.csv"].splitlines())
    counted = {row["label"]: row for row in table if row["failures"] == "counted"}
    assert float(counted["roaf"]["friedman_p"]) == pytest.approx(math.exp(-6))
    few = gathered(tmp_path / "five", *[run for run in runs if run.spec.task != "task5"])
    assert "all tasks" not in boards(few) and "all-tasks.csv" not in csv_files(few)


def test_an_error_is_compared_and_ranked_in_its_own_direction(tmp_path):
    runs = [scored("roaf", seed, 0.6 + seed / 10, facts=ERROR) for seed in range(2)]
    runs += [scored("lstm", 0, 0.05, facts=ERROR)]
    runs += [scored("lstm", 1, None, status=Status.timeout, facts={})]
    found = gathered(tmp_path, *runs)
    assert list(rows(found)) == ["lstm", "roaf"]
    assert float(rows(found)["lstm"]["counted_mean"]) == pytest.approx((0.05 + 1.0) / 2)
    assert float(rows(found)["lstm"]["difference"]) == pytest.approx((0.05 + 1.0) / 2 - 0.65)


def test_a_model_of_which_every_run_failed_has_no_mean(tmp_path):
    runs = [scored("roaf", seed, 0.5) for seed in range(2)]
    runs += [scored("lstm", seed, None, status=Status.killed) for seed in range(2)]
    found = gathered(tmp_path, *runs)
    assert rows(found)["lstm"]["counted_mean"] == ""
    shown = texts(boards(found)[TASK])["lstm"]
    assert (shown["test accuracy"], shown["solved"]) == ("", "0/2 (0 to 66 %)")


def test_trials_without_a_test_have_a_caption_and_no_comparison(tmp_path):
    measured = (Measurement(10, "validation_loss", "all", 0.5),)
    runs = [record("roaf", learning_rate=rate, measurements=measured) for rate in (0.1, 0.2)]
    runs += [record("lstm", status=Status.diverged, measurements=())]
    (board,) = boards(gathered(tmp_path, *runs)).values()
    assert list(board.table)[:4] == ["model", "validation loss", "ok", "failures"]
    assert board.caption.startswith("1 run failed and counts as unsolved. Budget: 10 updates")
    assert "The test set was not looked at." in board.caption and not board.bold
