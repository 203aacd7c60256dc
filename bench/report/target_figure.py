"""How soon the runs of each model solve their task, and how good they are over all tasks."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.ticker import PercentFormatter

from bench.report.curves import own_looks
from bench.report.panel_pages import Cell, sheets
from bench.report.panels import Drawing
from bench.report.scene import Scene, labels_of, lines, ranked_labels, shown_groups
from bench.report.styles import order

REACHED = (
    "Time to target: the part of the runs whose validation score has reached the task's target by "
    "so many updates (Kaplan and Meier's estimate). A failed run never does. A model without a "
    "line, and a task without a panel, is one of which no run gets there."
)
PROFILE = (
    "Performance profile: the part of all runs on all tasks that score above each threshold, on a "
    "scale from 0, chance, to 1, the score that solves the task (the best there is where a task "
    "names none). A failed run counts as 0."
)


def time_to_target(scene: Scene, name: str) -> Iterator[Drawing]:
    """The share of solved runs against updates, a panel for each group with any."""
    if scene.targets.empty:
        return
    best = scene.targets.groupby(["group", "label"])["share"].transform("max")
    rows = scene.targets[best > 0]
    groups = shown_groups(scene, rows)
    tables = {group: stairs(rows[rows["group"] == group]) for group in groups}
    for sheet in sheets(labels_of(rows, groups), ranked_labels(scene, rows), scene.look):
        for cell in sheet.cells:
            lines(cell.ax, tables[cell.key], "step", cell.labels, scene.look)
            _shares(cell, "updates", "runs that solve it")
        yield sheet.finish(name, REACHED)


def performance_profile(scene: Scene, name: str) -> Iterator[Drawing]:
    """The share of runs above each threshold, over all tasks of the stack."""
    rows = scene.profile
    if rows.empty:
        return
    table = rows.rename(columns={"share": "value"}).assign(n=1)
    labels = list(dict.fromkeys(table["label"]))
    look = own_looks(scene, sorted(labels, key=order))
    for sheet in sheets({"all tasks": labels}, labels, look, height=2.6):
        for cell in sheet.cells:
            lines(cell.ax, table, "threshold", cell.labels, look)
            _shares(cell, "score, 0 chance, 1 solved", "runs above it")
        yield sheet.finish(name, PROFILE)


def stairs(rows: pd.DataFrame) -> pd.DataFrame:
    """The corners of each label's staircase, from no run at step 0 to the last share."""
    found = []
    for label, same in rows.groupby("label", sort=False):
        steps = [0.0, *same["steps"].repeat(2)]
        before = same["share"].shift(fill_value=0.0)
        shares = [0.0, *(x for pair in zip(before, same["share"], strict=True) for x in pair)]
        found.append(pd.DataFrame({"label": label, "step": steps, "value": shares, "n": 1}))
    return pd.concat(found, ignore_index=True)


def _shares(cell: Cell, along: str, above: str) -> None:
    cell.ax.set(ylim=(-0.04, 1.04))
    cell.ax.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    cell.name(cell.key, along, above)
