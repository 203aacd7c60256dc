"""The figures of one stack, and those of them that show scores and losses."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.depth_figure import depth
from bench.report.gradients import gradients
from bench.report.looks import Look, styled
from bench.report.panels import (
    MOST_GROUPS,
    Drawing,
    entries,
    finish,
    grid,
    legend_below,
    plain,
    score_axis,
    title,
)
from bench.report.roofline_figure import roofline
from bench.report.scene import (
    BAND_WORDS,
    NOTHING,
    Scene,
    lines,
    shown_groups,
    shown_labels,
)
from bench.report.sentences import left_out_sentence
from bench.report.signal_figure import signal_propagation
from bench.report.statistics import final_rows, finite_rows
from bench.report.used_depth_figure import used_depth

REFERENCES: dict[str, dict[str, Any]] = {
    "chance": {"label": "chance", "color": "0.35", "linestyle": "--", "linewidth": 1.1},
    "solved": {"label": "solved", "color": "0.35", "linestyle": ":", "linewidth": 1.4},
}
MEAN: dict[str, Any] = {
    "label": "mean",
    "color": "0.1",
    "marker": "|",
    "markersize": 13,
    "linestyle": "",
}


def draw(scene: Scene, suffix: str) -> Iterator[Drawing]:
    """Every figure for which there is data; the names of the files end in the suffix."""
    figures = {
        "depth": depth,
        "used-depth": used_depth,
        "roofline": roofline,
        "signal-propagation": signal_propagation,
        "test-score": final_scores,
        "score-by-depth": scores_by_depth,
        "learning-curves": learning_curves,
        "score-curves": score_curves,
        "gradient-by-distance": gradients,
    }
    for name, figure in figures.items():
        with styled():
            drawing = figure(scene, f"{name}-{suffix}")
        if drawing is not None:
            yield drawing


def final_scores(scene: Scene, name: str) -> Drawing | None:
    """The last test score of every seed, the models in the order of the leaderboard."""
    rows, left_out = final_rows(scene.rows)
    groups, omitted = shown_groups(scene, rows)
    if not groups:
        return None
    boards = {
        group: scene.board.loc[scene.board["group"] == group, "label"].tolist() for group in groups
    }
    most = max(map(len, boards.values()))
    figure, axes = grid(len(groups), 3, 4.0, 1 + 0.24 * most)
    for ax, group in zip(axes, groups, strict=True):
        _points(ax, rows[rows["group"] == group], boards[group], scene)
        ax.set_title(title(group))
    legend_below(figure, [Line2D([], [], **MEAN), *_references(scene, groups)])
    caption = "Final test score. A point is a seed; runs that did not end well have none."
    return finish(figure, name, caption + left_out_sentence(left_out) + omitted)


def scores_by_depth(scene: Scene, name: str) -> Drawing | None:
    """The final test score against depth, a panel for each task that has several depths."""
    rows, left_out = final_rows(scene.rows)
    rows = rows[rows.groupby("task_label")["depth"].transform("nunique") > 1]
    tasks = list(rows["task_label"].unique())[:MOST_GROUPS]
    if not tasks:
        return None
    figure, axes = grid(len(tasks), 3, 4.0, 3.0)
    for ax, task in zip(axes, tasks, strict=True):
        of_task = rows[rows["task_label"] == task]
        facts = scene.facts[of_task["group"].iloc[0]]
        lines(ax, of_task, "depth", scene.look, markers=True)
        _reference_lines(ax.axhline, facts)
        ax.set_xscale("log")
        score_axis(ax.yaxis, facts["metric"])
        ax.set(
            title=title(task), xlabel="depth", ylabel=plain(f"test {facts['metric'] or 'score'}")
        )
    groups = list(rows["group"].unique())
    legend_below(
        figure,
        entries(shown_labels(scene, rows), scene.look, marker=True) + _references(scene, groups),
    )
    caption = f"Final test score by depth: the mean over seeds; {BAND_WORDS}."
    return finish(figure, name, caption + left_out_sentence(left_out))


def learning_curves(scene: Scene, name: str) -> Drawing | None:
    """Training loss against updates, a panel a group."""
    rows, left_out = finite_rows(scene.rows, "train_loss")
    groups, omitted = shown_groups(scene, rows)
    if not groups:
        return None
    figure, axes = grid(len(groups), 3, 4.0, 3.0)
    for ax, group in zip(axes, groups, strict=True):
        of_group = rows[rows["group"] == group]
        lines(ax, of_group, "step", scene.look)
        if (of_group["value"] > 0).any():
            ax.set_yscale("log")
        ax.set(title=title(group), xlabel="updates", ylabel="training loss")
    legend_below(figure, entries(shown_labels(scene, rows), scene.look))
    caption = (
        f"Training loss: the mean over seeds, of failed runs too as far as they came; {BAND_WORDS}."
    )
    return finish(figure, name, caption + left_out_sentence(left_out) + omitted)


def score_curves(scene: Scene, name: str) -> Drawing | None:
    """Validation score against updates as lines, test score as points."""
    rows, left_out = finite_rows(scene.rows, "validation_score")
    tests, tests_left_out = finite_rows(scene.rows, "test_score")
    groups, omitted = shown_groups(scene, rows)
    if not groups:
        return None
    figure, axes = grid(len(groups), 3, 4.0, 3.0)
    for ax, group in zip(axes, groups, strict=True):
        metric = scene.facts[group]["metric"]
        lines(ax, rows[rows["group"] == group], "step", scene.look)
        _means(ax, tests[tests["group"] == group], scene.look)
        _reference_lines(ax.axhline, scene.facts[group])
        score_axis(ax.yaxis, metric)
        ax.set(title=title(group), xlabel="updates", ylabel=plain(metric or "score"))
    labels = entries(shown_labels(scene, rows), scene.look, marker=True)
    legend_below(figure, labels + _references(scene, groups))
    caption = f"Score while training. Lines: validation, the mean over seeds; {BAND_WORDS}. "
    caption += "Points: test, the mean over seeds."
    return finish(figure, name, caption + left_out_sentence(left_out + tests_left_out) + omitted)


def _means(ax: Axes, rows: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """A point for the mean over seeds at every step."""
    for label, points in rows.groupby("label"):
        means = points.groupby("step")["value"].mean()
        colour, _, marker = look[str(label)]
        ax.plot(means.index, means, color=colour, marker=marker, linestyle="", markersize=4.5)


def _points(ax: Axes, rows: pd.DataFrame, labels: list[str], scene: Scene) -> None:
    """A line of points for each label, also for one that has none."""
    facts = scene.facts[rows["group"].iloc[0]]
    colours = {label: scene.look[label].colour for label in labels}
    style = {"jitter": False, "size": 5, "alpha": 0.75, "legend": False, "orient": "h"}
    sns.stripplot(
        rows, x="value", y="label", hue="label", order=labels, palette=colours, ax=ax, **style
    )
    means = rows.groupby("label")["value"].mean()
    ax.plot(means, [labels.index(label) for label in means.index], **MEAN)
    _reference_lines(ax.axvline, facts)
    if facts["direction"] == "min" and rows["value"].min() > 0:
        ax.set_xscale("log")
    score_axis(ax.xaxis, facts["metric"])
    for place in sorted(set(range(len(labels))) - {labels.index(label) for label in means.index}):
        ax.text(0.5, place, "no score", transform=ax.get_yaxis_transform(), **NOTHING)
    ax.set_yticks(range(len(labels)), [plain(label) for label in labels])
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set(xlabel=plain(f"test {facts['metric'] or 'score'}"), ylabel="")


def _reference_lines(draw_line: Callable[..., Any], facts: Mapping[str, Any]) -> None:
    for fact, style in REFERENCES.items():
        if facts[fact] is not None and math.isfinite(facts[fact]):
            draw_line(facts[fact], zorder=1, **style)


def _references(scene: Scene, groups: list[str]) -> list[Line2D]:
    """Legend entries for the lines that any of the groups has."""
    return [
        Line2D([], [], **style)
        for fact, style in REFERENCES.items()
        if any(scene.facts[group][fact] is not None for group in groups)
    ]
