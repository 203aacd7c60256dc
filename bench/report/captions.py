"""What the caption of a leaderboard says, all of it from the data: what was averaged, tested and
matched, with what budget and on what machine."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.records import RunRecord
from bench.report.formats import is_accuracy, listed, number_text, score_text
from bench.report.leaderboard_columns import COUNTED, EXCLUDED, rows_of
from bench.report.leaderboard_text import reference
from bench.report.processors import CAUTION, are_unlike
from bench.report.statistics import ALPHA, smallest_p
from bench.report.statistics.intervals import BOOTSTRAP_FROM
from bench.report.statistics.pairs import PAIRED, WELCH

MATCHED = 0.05
"""Parameters are matched that differ by no more than this fraction."""
MOST_NAMES = 4
MOST_SEEDS = 10
TESTS = {
    PAIRED: "paired permutation test over seeds",
    WELCH: "Welch's test (no shared seeds)",
}

Row = Mapping[str, Any]


def leaderboard_caption(
    board: pd.DataFrame, facts: Mapping[str, Any], runs: pd.DataFrame, machine: str
) -> str:
    """The caption of one group's leaderboard, with failed runs counted."""
    rows = rows_of(board)
    parts = [mean_words(rows, COUNTED), failed_words(rows, facts)]
    parts += ["Solved: with Wilson's 95 % interval."] if _is_targeted(rows) else []
    parts += [difference_words(rows, facts["metric"]), bold_words(rows), target_words(rows)]
    parts += [gradient_words(rows)]
    parts += [budget_words(runs), matched_words(rows), selection_words(rows), machine]
    parts += [CAUTION] if are_unlike(rows) else []
    return " ".join(part for part in parts if part)


def excluded_caption(board: pd.DataFrame, metric: str) -> str:
    """The caption of the leaderboard without failed runs."""
    rows = rows_of(board)
    count = sum(row["counted_n"] - row["excluded_n"] for row in rows if row["counted_n"])
    gone = f"Without the {_counted(count, 'run')} that failed, of models of which others did not."
    parts = [gone, mean_words(rows, EXCLUDED), difference_words(rows, metric, EXCLUDED)]
    parts += [bold_words(rows, EXCLUDED)]
    return " ".join(part for part in parts if part)


def mean_words(rows: Sequence[Row], side: str) -> str:
    """Of how many seeds the mean is, and what interval it has."""
    counts = [row[f"{side}n"] for row in rows if row[f"{side}n"]]
    if not counts:
        return ""
    kinds = {"bootstrap (BCa)" if n >= BOOTSTRAP_FROM else "t" for n in counts if n > 1}
    span = f", 95 % {' or '.join(sorted(kinds))} interval of the mean" if kinds else ""
    return f"Mean over n = {_span(counts)} {'seed' if max(counts) == 1 else 'seeds'}{span}."


def failed_words(rows: Sequence[Row], facts: Mapping[str, Any]) -> str:
    """What failed runs count as, where any failed."""
    failed = sum(row["runs"] - row["ok"] for row in rows)
    failed += sum(row["score_n"] - row["excluded_n"] for row in rows if row["counted_n"])  # NaN
    values = {row["counted_as"] for row in rows} - {None}
    if not failed:
        return "No run failed." if any(row["runs"] for row in rows) else ""
    worst = [score_text(value, facts["metric"]) for value in values]
    as_score = f", as the worst score ({worst[0]})" if worst else ""
    verb = "counts" if failed == 1 else "count"
    return f"{_counted(failed, 'run')} failed and {verb} as unsolved{as_score}."


def difference_words(rows: Sequence[Row], metric: str, prefix: str = "") -> str:
    """How the others were compared with the reference, and what so many seeds can show."""
    other = reference(rows)
    if other is None:
        return ""
    unit = " in percentage points" if is_accuracy(metric) else ""
    chosen = f"Difference{unit} to {other}, {_choice(rows)}"
    tests = [row for row in rows if row[f"{prefix}p_holm"] is not None]
    if not tests:
        return f"{chosen}: not tested ({_reasons(rows, prefix)})."
    kinds = " or ".join(sorted({TESTS[row[f"{prefix}test"]] for row in tests}))
    pairs = _span([row[f"{prefix}pairs"] for row in tests])
    return (
        f"{chosen}: mean and 95 % interval, {kinds}, n = {pairs}, two-sided, p by Holm for "
        f"{_counted(len(tests), 'test')}, alpha = {ALPHA:g}.{_attainable(tests, prefix)}"
    )


def bold_words(rows: Sequence[Row], prefix: str = "") -> str:
    """What bold means: how many share the best place, and whether a test could tell."""
    bold = [row for row in rows if row[f"{prefix}best"]]
    if not bold:
        return ""
    least = next((row[f"{prefix}smallest_p_of_best"] for row in bold), None)
    if least is None or least >= ALPHA:
        shared = f", which {len(bold)} share" if len(bold) > 1 else " alone"
        return f"Bold: the best mean{shared}; no test could tell the others from it."
    return (
        "Bold: the best mean and every model that the same test, against the best, does not find "
        "worse."
    )


def target_words(rows: Sequence[Row]) -> str:
    """What the time to the target is, and how exactly it is known."""
    gaps = [row["resolution"] for row in rows if row["resolution"] is not None]
    if not any(row["updates_to_target"] is not None for row in rows):
        return ""
    every = f" (one every {_span([int(gap) for gap in gaps])} updates)" if gaps else ""
    return (
        f"To target: the first look{every} at which the validation score is good enough, the "
        "median over runs; not reached: by fewer than half."
    )


def gradient_words(rows: Sequence[Row]) -> str:
    """Where and when the gradient ratio was read."""
    known = [row for row in rows if row["gradient_ratio"] is not None]
    if not known:
        return ""
    steps = _span([row["gradient_step"] for row in known])
    far = _span([row["gradient_distance"] for row in known])
    return (
        f"Gradient: the norm of the loss's gradient {far} steps or layers before the last over "
        f"that at the last, after {steps} updates, the median over runs."
    )


def budget_words(runs: pd.DataFrame) -> str:
    """Updates, batch and seeds."""
    updates, batch = (_span(runs[name].tolist()) for name in ("updates", "batch_size"))
    seeds = listed([str(seed) for seed in sorted(set(runs["seed"].tolist()))], MOST_SEEDS)
    noun = "seed" if runs["seed"].nunique() == 1 else "seeds"
    return f"Budget: {updates} updates of {batch} samples; {noun} {seeds}."


def matched_words(rows: Sequence[Row]) -> str:
    """Which models are as large as which: of equal width, or of as many parameters."""
    if len(rows) < 2:
        return ""
    widths = {row["width"] for row in rows}
    known = [row for row in rows if row["parameters"]]
    base = next((row for row in known if row["label"] == reference(rows)), None)
    if len(widths) == 1:
        sizes = [row["parameters"] for row in known]
        said = f" (parameters: {_span(sizes)})" if sizes else ""
        return f"Matched: equal width, {number_text(widths.pop())}{said}."
    if base is None:
        return ""
    others = [row for row in known if not _is_near(row["parameters"], base["parameters"])]
    if 2 * len(others) >= len(known):
        return "Neither width nor parameters are matched."
    but = f"; not {_named(others)}" if others else ""
    size = number_text(base["parameters"])
    return f"Matched: parameters, {size} within {100 * MATCHED:g} %{but}."


def selection_words(rows: Sequence[Row]) -> str:
    """What was chosen by what."""
    if all(row["score_mean"] is None for row in rows):
        return "The test set was not looked at."
    return "Validation scores alone choose; the test set chooses nothing."


def hardware_sentences(records: Iterable[RunRecord]) -> dict[str, str]:
    """By stack: on what its runs were made."""
    found: dict[str, set[str]] = {}
    for record in records:
        processor = record.environment.get("processor")
        said = f"{processor}, " if processor else ""
        threads = _counted(record.spec.threads, "thread")
        found.setdefault(record.stack, set()).add(f"{said}{threads} a run")
    return {
        stack: f"Hardware: {stack}, {listed(sorted(kinds), MOST_NAMES)}."
        for stack, kinds in found.items()
    }


def _choice(rows: Sequence[Row]) -> str:
    """How the reference was chosen."""
    if all(row["validation_score"] is None for row in rows):
        return "the first ROAF model by name (nothing was validated)"
    return "the ROAF model with the best validation score"


def _attainable(tests: Sequence[Row], prefix: str) -> str:
    """That no paired test could show anything, where that is so; Welch's have no least p."""
    paired = [row[f"{prefix}pairs"] for row in tests if row[f"{prefix}test"] == PAIRED]
    least = smallest_p(max(paired), len(paired)) if paired else 0.0
    if least < ALPHA:
        return ""
    of = "" if len(paired) == len(tests) else " over shared seeds"
    return (
        f" So few seeds cannot give less than p = {least:.2g}: no difference{of} can reach "
        f"{ALPHA:g}."
    )


def _reasons(rows: Sequence[Row], prefix: str) -> str:
    reasons = [row[f"{prefix}no_test"] for row in rows if row[f"{prefix}no_test"]]
    return ", ".join(dict.fromkeys(reasons))


def _named(rows: Sequence[Row]) -> str:
    sizes = [f"{row['label']} ({number_text(row['parameters'])})" for row in rows]
    return listed(sizes, MOST_NAMES)


def _is_near(size: float | int, other: float | int) -> bool:
    return abs(size - other) <= MATCHED * other


def _is_targeted(rows: Sequence[Row]) -> bool:
    return any(row["solve_rate_low"] is not None and row["score_n"] for row in rows)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _span(values: Sequence[float | int]) -> str:
    low, high = number_text(min(values)), number_text(max(values))
    return low if low == high else f"{low} to {high}"
