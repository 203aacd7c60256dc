"""Along the way: test scores, which no choice reads, and the norms of the weights."""

from collections.abc import Sequence

import pandas as pd

from bench.report.formats import mean_text, short_text
from bench.report.page import Board
from bench.report.statistics import finite_rows, summarise

SENTENCE = (
    "The test score after so many updates: the mean over seeds of the runs that came so far, and "
    "its 95 % interval. The test set chose nothing, neither a run nor a moment."
)

NORM = "weight_norm"
NORMS = (
    "The largest singular value of each weight matrix after so many updates, the mean over seeds. "
    "That of a ROAF's weight_hh is the norm of W in theory's band."
)


def progress_boards(
    group: str, metric: str, measurements: pd.DataFrame, labels: Sequence[str]
) -> list[Board]:
    """A row a label of the group that was tested more than once, a column a step."""
    rows, _ = finite_rows(measurements[measurements["group"] == group], "test_score")
    often = rows.groupby("label")["step"].transform("nunique") > 1
    rows = rows[often]
    if rows.empty:
        return []
    values = {key: same["value"].tolist() for key, same in rows.groupby(["label", "step"])}
    steps = sorted(rows["step"].unique())
    table = [
        {"model": label}
        | {f"{step:,}": _cell(values.get((label, step), []), metric) for step in steps}
        for label in labels
        if (rows["label"] == label).any()
    ]
    return [Board(f"{group}: along the way", SENTENCE, pd.DataFrame(table, dtype=object))]


def norm_boards(group: str, measurements: pd.DataFrame, labels: Sequence[str]) -> list[Board]:
    """A row a label of the group and weight matrix, a column a step: the mean over seeds of its
    largest singular value."""
    rows = measurements[measurements["group"].eq(group) & measurements["quantity"].eq(NORM)]
    if rows.empty:
        return []
    means = rows.groupby(["label", "where", "step"])["value"].mean()
    steps = sorted(rows["step"].unique())
    pairs = rows.groupby("label")["where"].unique()
    table = [
        {"model": label, "weight": where}
        | {f"{step:,}": short_text(means.get((label, where, step))) for step in steps}
        for label in labels
        if label in pairs.index
        for where in pairs[label]
    ]
    return [Board(f"{group}: norms of the weights", NORMS, pd.DataFrame(table, dtype=object))]


def _cell(values: list[float], metric: str) -> str:
    found = summarise(values)
    return mean_text(found.mean, found.low, found.high, metric)
