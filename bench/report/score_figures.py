"""Final test scores: every seed as a point, and against depth."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.averages import averages, band_words
from bench.report.curves import size_axis
from bench.report.leaderboard_text import score_column
from bench.report.log_axis import log_ticks
from bench.report.model_rows import alone, name_rows, row_columns
from bench.report.panel_pages import sheets
from bench.report.panels import (
    PAGE,
    TALLEST,
    Drawing,
    finish,
    grid,
    legend_below,
    numbered,
    pages,
    plain,
    score_axis,
    title,
)
from bench.report.references import known_references, reference_entries, reference_lines
from bench.report.scene import NOTHING, Scene, hug, lines, ranked_labels, shown_groups
from bench.report.sentences import left_out_sentence
from bench.report.statistics import final_rows

MEAN: dict[str, Any] = {
    "label": "mean",
    "color": "0.1",
    "marker": "|",
    "markersize": 9,
    "linestyle": "",
}
ROW, LOWEST, NARROWEST, ALONE = 0.135, 1.0, 1.2, 3.0
"""Inches: the height of a model's row, the least height and, without its names, width of a panel,
and the width of one that stands alone."""


def final_scores(scene: Scene, name: str) -> Iterator[Drawing]:
    """The last test score of every seed, the models in the order of the leaderboard."""
    rows, left_out = final_rows(scene.rows)
    groups = shown_groups(scene, rows)
    if not groups:
        return
    boards = {
        group: scene.board.loc[scene.board["group"] == group, "label"].tolist() for group in groups
    }
    names = {label for board in boards.values() for label in board}
    columns = row_columns(names, NARROWEST)
    heights = {group: max(LOWEST, 0.6 + ROW * len(own)) for group, own in boards.items()}
    rows_a_page = int((TALLEST - 0.3) / max(heights.values()))
    parts = pages(groups, columns * max(1, rows_a_page))
    caption = "Final test score. A point is a seed; runs that did not end well have none."
    for page, part in enumerate(parts):
        figure, axes = grid(
            len(part), columns, [heights[group] for group in part], alone(names, ALONE)
        )
        for ax, group in zip(axes, part, strict=True):
            own = rows[rows["group"] == group].sort_values(["label", "seed"], kind="stable")
            _points(ax, own, boards[group], scene)
            ax.set_title(title(group, PAGE / max(2, min(columns, len(part)))))
        legend_below(figure, [Line2D([], [], **MEAN), *reference_entries(scene, part)])
        words = caption + left_out_sentence(left_out)
        yield finish(figure, *numbered(name, words, page, len(parts)))


def scores_by_depth(scene: Scene, name: str) -> Iterator[Drawing]:
    """The final test score against depth, a panel for each task that has several depths."""
    rows, left_out = final_rows(scene.rows)
    rows = rows[rows.groupby("task_label")["depth"].transform("nunique") > 1]
    tasks = list(rows["task_label"].unique())
    if not tasks:
        return
    table = averages(rows, ["task_label", "label", "depth"])
    caption = f"Final test score by depth: the mean over seeds; {band_words(table)}."
    groups = {task: list(same["group"].unique()) for task, same in rows.groupby("task_label")}
    panels = {task: list(rows.loc[rows["task_label"] == task, "label"].unique()) for task in tasks}
    for sheet in sheets(panels, ranked_labels(scene, rows), scene.look, height=2.2):
        for cell in sheet.cells:
            facts = scene.facts[groups[cell.key][0]]
            shown = table[table["task_label"] == cell.key]
            lines(cell.ax, shown, "depth", cell.labels, scene.look)
            hug(
                cell.ax, rows.loc[rows["task_label"] == cell.key, "value"], *known_references(facts)
            )
            reference_lines(cell.ax.axhline, facts)
            size_axis(cell.ax, sorted({int(depth) for depth in shown["depth"]}))
            score_axis(cell.ax.yaxis, facts["metric"])
            cell.name(cell.key, "depth", score_column(facts["metric"]))
        drawn = [group for cell in sheet.cells for group in groups[cell.key]]
        words = caption + left_out_sentence(left_out)
        yield sheet.finish(name, words, *reference_entries(scene, drawn))


def _points(ax: Axes, rows: pd.DataFrame, labels: list[str], scene: Scene) -> None:
    """A line of points for each label, also for one that has none."""
    facts = scene.facts[rows["group"].iloc[0]]
    colours = {label: scene.look[label].colour for label in labels}
    style = {"jitter": False, "size": 3.5, "alpha": 0.75, "legend": False, "orient": "h"}
    sns.stripplot(
        rows, x="value", y="label", hue="label", order=labels, palette=colours, ax=ax, **style
    )
    means = rows.groupby("label")["value"].mean()
    places = {label: place for place, label in enumerate(labels)}
    ax.plot(means, [places[label] for label in means.index], **MEAN)
    reference_lines(ax.axvline, facts)
    if facts["direction"] == "min" and rows["value"].min() > 0:
        ax.set_xscale("log")
        log_ticks(ax.xaxis)
    score_axis(ax.xaxis, facts["metric"])
    for label in labels:
        if label not in means.index:
            ax.text(0.5, places[label], "no score", transform=ax.get_yaxis_transform(), **NOTHING)
    name_rows(ax, labels)
    ax.set_xlabel(plain(score_column(facts["metric"])))
