"""The figures of one stack: final scores, curves, gradient by distance, score by depth."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

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
from bench.report.sentences import left_out_sentence
from bench.report.statistics import CEILING, FLOOR, final_rows, finite_rows, relative_gradients

BAND = ("pi", 100)
"""seaborn's name for the band from the lowest seed to the highest."""
BAND_WORDS = "the band reaches from the lowest seed to the highest"
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

NO_SCORE: dict[str, Any] = {"color": "0.45", "fontsize": 7, "ha": "center", "va": "center"}


@dataclass(frozen=True)
class Scene:
    """What the figures of one stack are drawn from; the order of labels is the leaderboard's."""

    rows: pd.DataFrame
    board: pd.DataFrame
    facts: Mapping[str, Mapping[str, Any]]
    look: Mapping[str, Look]


def draw(scene: Scene, suffix: str) -> Iterator[Drawing]:
    """Every figure for which there is data; the names of the files end in the suffix."""
    figures = {
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
    groups, omitted = _groups(scene, rows)
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
        _lines(ax, of_task, "depth", scene.look, markers=True)
        _reference_lines(ax.axhline, facts)
        ax.set_xscale("log")
        score_axis(ax.yaxis, facts["metric"])
        ax.set(
            title=title(task), xlabel="depth", ylabel=plain(f"test {facts['metric'] or 'score'}")
        )
    groups = list(rows["group"].unique())
    legend_below(
        figure,
        entries(_labels(scene, rows), scene.look, marker=True) + _references(scene, groups),
    )
    caption = f"Final test score by depth: the mean over seeds; {BAND_WORDS}."
    return finish(figure, name, caption + left_out_sentence(left_out))


def learning_curves(scene: Scene, name: str) -> Drawing | None:
    """Training loss against updates, a panel a group."""
    rows, left_out = finite_rows(scene.rows, "train_loss")
    groups, omitted = _groups(scene, rows)
    if not groups:
        return None
    figure, axes = grid(len(groups), 3, 4.0, 3.0)
    for ax, group in zip(axes, groups, strict=True):
        of_group = rows[rows["group"] == group]
        _lines(ax, of_group, "step", scene.look)
        if (of_group["value"] > 0).any():
            ax.set_yscale("log")
        ax.set(title=title(group), xlabel="updates", ylabel="training loss")
    legend_below(figure, entries(_labels(scene, rows), scene.look))
    caption = (
        f"Training loss: the mean over seeds, of failed runs too as far as they came; {BAND_WORDS}."
    )
    return finish(figure, name, caption + left_out_sentence(left_out) + omitted)


def score_curves(scene: Scene, name: str) -> Drawing | None:
    """Validation score against updates as lines, test score as points."""
    rows, left_out = finite_rows(scene.rows, "validation_score")
    tests, tests_left_out = finite_rows(scene.rows, "test_score")
    groups, omitted = _groups(scene, rows)
    if not groups:
        return None
    figure, axes = grid(len(groups), 3, 4.0, 3.0)
    for ax, group in zip(axes, groups, strict=True):
        metric = scene.facts[group]["metric"]
        _lines(ax, rows[rows["group"] == group], "step", scene.look)
        _means(ax, tests[tests["group"] == group], scene.look)
        _reference_lines(ax.axhline, scene.facts[group])
        score_axis(ax.yaxis, metric)
        ax.set(title=title(group), xlabel="updates", ylabel=plain(metric or "score"))
    labels = entries(_labels(scene, rows), scene.look, marker=True)
    legend_below(figure, labels + _references(scene, groups))
    caption = f"Score while training. Lines: validation, the mean over seeds; {BAND_WORDS}. "
    caption += "Points: test, the mean over seeds."
    return finish(figure, name, caption + left_out_sentence(left_out + tests_left_out) + omitted)


def gradients(scene: Scene, name: str) -> Drawing | None:
    """Gradient norm against distance, before and after training, a row a group."""
    rows, left_out = relative_gradients(scene.rows)
    groups, omitted = _groups(scene, rows)
    if not groups:
        return None
    trained = (rows["first"] < rows["last"]).any()
    columns = ["first", "last"] if trained else ["first"]
    panels = [(group, column) for group in groups for column in columns]
    figure, axes = grid(len(panels), 2 if trained else 3, 5.0, 2.8)
    for ax, (group, column) in zip(axes, panels, strict=True):
        of_group = rows[rows["group"] == group]
        shown = of_group[of_group["step"] == of_group[column]]
        _lines(ax, shown, "distance", scene.look, estimator="median")
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xlim(left=-0.2)
        ax.set_yscale("log")
        ax.set(title=title(f"{group}: {_updates(shown)}"), xlabel="distance")
        ax.set(ylabel="gradient / that at distance 0")
    legend_below(figure, entries(_labels(scene, rows), scene.look))
    caption = (
        "Norm of the gradient of the loss with respect to the state so many steps back or layers "
        f"down, over the norm at distance 0: the median over seeds; {BAND_WORDS}. Below "
        f"{FLOOR:g} (zeros too) and above {CEILING:g} it is drawn at that bound."
    )
    return finish(figure, name, caption + left_out_sentence(left_out) + omitted)


def _lines(
    ax: Axes,
    rows: pd.DataFrame,
    x: str,
    look: Mapping[str, Look],
    estimator: str = "mean",
    markers: bool = False,
) -> None:
    """A line and a band a label. Scales are set afterwards: seaborn averages in the axis' scale."""
    labels = list(rows["label"].unique())
    sns.lineplot(
        rows,
        x=x,
        y="value",
        hue="label",
        style="label",
        hue_order=labels,
        style_order=labels,
        palette={label: look[label].colour for label in labels},
        dashes={label: look[label].dashes for label in labels},
        markers={label: look[label].marker for label in labels} if markers else None,
        estimator=estimator,
        errorbar=BAND,
        err_kws={"alpha": 0.15, "linewidth": 0},
        legend=False,
        ax=ax,
    )


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
        ax.text(0.5, place, "no score", transform=ax.get_yaxis_transform(), **NO_SCORE)
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


def _groups(scene: Scene, rows: pd.DataFrame) -> tuple[list[str], str]:
    """The groups that have rows, in the report's order, and a sentence on those not drawn."""
    present = set(rows["group"])
    groups = [group for group in scene.facts if group in present]
    further = len(groups) - MOST_GROUPS
    return groups[:MOST_GROUPS], f" {further} further settings are not drawn." * (further > 0)


def _labels(scene: Scene, rows: pd.DataFrame) -> list[str]:
    """The labels that have rows, in the order in which the report introduces them."""
    present = set(rows["label"])
    return [label for label in scene.look if label in present]


def _updates(rows: pd.DataFrame) -> str:
    first, last = rows["step"].min(), rows["step"].max()
    return f"after {first} updates" if first == last else f"after {first} to {last} updates"
