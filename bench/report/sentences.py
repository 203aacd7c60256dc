"""What a report says in words, from the data."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import number_text, score_text
from bench.report.statistics import CEILING, FLOOR, OK, failures
from bench.report.statistics.pairs import MOST_PAIRS

LEADERBOARD_METHOD = (
    "The unit of replication is the seed. Runs are averaged only where they agree in everything "
    "but the seed; stacks and versions of tasks and models are never pooled.",
    "Score: that of the last test. A run that diverged or failed, or whose score is no finite "
    "number, counts as the worst of its group (chance, or the worst score that any run ended with, "
    "whichever is worse) and as unsolved; a label of which every run failed has no mean. Where "
    "that changes a table, it is printed again with failed runs left out. An unsupported run is no "
    "run. Losses, seconds and bytes are over the runs that have them.",
    "Interval of the mean, below 20 seeds: mean ± t(0.975, n - 1) s / √n with the sample standard "
    "deviation s; from there the bias-corrected and accelerated bootstrap of 9,999 resamples. "
    "There is none for one seed and none where all seeds are equal; it may pass the bound of a "
    "bounded score. Solved: the runs whose test score reaches the task's threshold, of all runs, "
    "with Wilson's 95 % interval of the rate.",
    "Difference: every model against the ROAF model that has the best mean validation score, its "
    "controls apart; the test scores have no say in which. The mean over shared seeds with its 95 "
    "% interval, and the two-sided p of the paired permutation test of all sign flips (with fewer "
    "than two shared seeds Welch's test), corrected by Holm for all tests of the task. n pairs "
    f"cannot give less than p = 2 / 2^n (more of them no less than {MOST_PAIRS}: of their flips "
    f"2^{MOST_PAIRS} are drawn). Bold: the best mean, and every model that the same test against "
    "the best could have told from it and did not (p ≥ 0.05).",
    "To target: the first update after which the validation score, or where there is none the test "
    "score, is at or beyond the task's threshold, the median over runs by Kaplan and Meier; runs "
    "that do not get there, and failed runs, are censored at their budget. Seconds are these "
    "updates times the model's median seconds an update.",
    "Gradient: the norm of the loss's gradient with respect to the state at the largest distance "
    "(steps back from the last, layers down from the top) over that at distance 0, at the last "
    "look; the median over runs.",
    "Seconds an update: median over the windows of a run, without the first, then over runs. Runs "
    "go side by side, one a core, and share memory and cache: seconds are an indication. Peak MB: "
    "the process's largest memory in 10^6 bytes, evaluation and diagnostics included, median over "
    "runs. Loss / chance: the test loss over the loss of a guess that ignores the input.",
)


def group_sentence(facts: Mapping[str, Any]) -> str:
    """The task's question, how it is scored, what chance scores and what counts as solved."""
    metric, better = facts["metric"], "lower" if facts["direction"] == "min" else "higher"
    parts = [facts["question"].rstrip(".")]
    parts += [f"Score: {metric}, {better} is better"] if metric else []
    if facts["chance"] is not None:
        parts.append(f"Chance scores {score_text(facts['chance'], metric)}")
    if facts["chance_loss"] is not None:
        parts.append(f"Loss of chance: {number_text(facts['chance_loss'])}")
    if facts["solved"] is not None:
        bound = "at most" if facts["direction"] == "min" else "at least"
        parts.append(f"Solved means {bound} {score_text(facts['solved'], metric)} on the test set")
    parts += [f"Permutation: {facts['permutation']}"] if facts["permutation"] else []
    parts += [needed_words(facts)]
    return " ".join(part if part.endswith("?") else f"{part}." for part in parts if part)


def needed_words(facts: Mapping[str, Any]) -> str:
    """How deep the rule behind the task's targets is, where that is known."""
    needed = facts.get("depth_needed")
    return "" if needed is None else f"Depth needed: {number_text(needed)} layers (the task's own)"


def seeds_sentence(seeds: list[int]) -> str:
    """How many seeds a row has, and what so many allow one to say."""
    fewest, most = min(seeds), max(seeds)
    span = f"{fewest} to {most}" if fewest < most else f"{most}"
    verdict = (
        ": an indication"
        if fewest < 2
        else ": not for claims"
        if fewest < 5
        else ": exploratory"
        if fewest < 10
        else ""
    )
    return f"{span} {'seed' if most == 1 else 'seeds'}{verdict}"


def counts_sentence(runs: pd.DataFrame) -> str:
    """How many runs there are and how they ended."""
    ok = int(runs["status"].isin(OK).sum())
    outcomes = ", ".join(part for part in (f"{ok} ok", failures(runs["status"])) if part)
    return f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}: {outcomes}."


def left_out_sentence(count: int) -> str:
    """What a figure does not show."""
    values = "1 value that is" if count == 1 else f"{count} values that are"
    return f" Left out: {values} not finite." if count else ""


def theory_sentence(labels: Sequence[str]) -> str:
    """What the shaded band is, where some model has one."""
    if not labels:
        return ""
    return (
        f" Shaded: theory's bounds for {', '.join(labels)} (theorem T1), the products over so many "
        "steps or layers of α − βσ and α + βσ, where σ bounds the norm of the weights of that "
        "moment; a factor α − βσ below 0 counts as 0."
    )


def spectrum_sentence(shown: pd.DataFrame, distances: Sequence[int]) -> str:
    """What the marks of a spectrum are, and how many of them are drawn at a bound."""
    lengths = " or ".join(f"{distance:,}" for distance in distances)
    beyond = int((shown["bound"] != 0).sum())
    text = "Right. The singular values of the input-output Jacobian"
    text += f" over all {lengths} steps or layers" if lengths else ""
    text += ", a stroke each, a line from the least to the greatest, a point at the median."
    return text + (
        f" {beyond:,} of {len(shown):,} lie below {FLOOR:g} (zeros too) or above {CEILING:g} and "
        "are drawn there, as triangles."
        if beyond
        else ""
    )
