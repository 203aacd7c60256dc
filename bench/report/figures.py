"""The figures of one stack: learning curves, gradient by distance, final scores, score by depth."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report import panels
from bench.report.panels import Drawing, Look, finish, grid, legend_below, score_axis
from bench.report.sentences import left_out_sentence
from bench.report.statistics import CEILING, FLOOR, finite_rows, relative_gradients

BAND = ("pi", 100)
"""seaborn's name for the band from the lowest seed to the highest."""
CHANCE = {"color": "0.35", "linestyle": "--", "linewidth": 1}
SOLVED = {"color": "0.35", "linestyle": ":", "linewidth": 1.2}


@dataclass(frozen=True)
class Scene:
    """What the figures of one stack are drawn from; `facts` and `board` by group."""

    rows: pd.DataFrame
    facts: Mapping[str, Mapping[str, Any]]
    boards: Mapping[str, pd.DataFrame]
    look: Mapping[str, Look]


def draw(scene: Scene, suffix: str) -> Iterator[Drawing]:
    """Every figure for which there is data; file names end in the suffix."""
    figures: dict[str, Callable[[Scene, str], Drawing | None]] = {
        "test-score": final_scores,
        "learning-curves": learning_curves,
        "score-curves": score_curves,
        "gradient-by-distance": gradients,
        "score-by-depth": scores_by_depth,
    }
    for name, figure in figures.items():
        with panels.styled():
            drawing = figure(scene, f"{name}-{suffix}")
        if drawing is not None:
            yield drawing


def learning_curves(scene: Scene, name: str) -> Drawing | None:
    """Training loss against updates, a panel a group."""
    rows, left_out = finite_rows(scene.rows, "train_loss")
    groups = _groups(scene, rows)
    if not groups:
        return None
    figure, axes = grid(len(groups), 3, 4, 3)
    for ax, group in zip(axes, groups, strict=True):
        _lines(ax, rows[rows["group"] == group], "step", scene.look)
        _logarithmic(ax, rows.loc[rows["group"] == group, "value"])
        ax.set(title=_title(group), xlabel="updates", ylabel="training loss")
    legend_below(figure, panels.handles(_labels(rows, groups), scene.look, marker=False))
    caption = "Training loss. Line: mean over seeds; band: from the lowest seed to the highest."
    return finish(figure, name, caption + left_out_sentence(left_out) + _omitted(rows, groups))


def score_curves(scene: Scene, name: str) -> Drawing | None:
    """Validation score against updates as lines, test score as points."""
    rows, left_out = finite_rows(scene.rows, "validation_score")
    tests, tests_left_out = finite_rows(scene.rows, "test_score")
    groups = _groups(scene, rows)
    if not groups:
        return None
    figure, axes = grid(len(groups), 3, 4, 3)
    for ax, group in zip(axes, groups, strict=True):
        facts = scene.facts[group]
        _lines(ax, rows[rows["group"] == group], "step", scene.look)
        _means(ax, tests[tests["group"] == group], scene.look)
        chance = _mark(ax.axhline, facts["chance"], CHANCE)
        score_axis(ax.yaxis, facts["metric"])
        ax.set(title=_title(group), xlabel="updates", ylabel=facts["metric"] or "score")
    entries = panels.handles(_labels(rows, groups), scene.look, marker=True)
    legend_below(figure, [*entries, Line2D([], [], label="chance", **CHANCE)])
    caption = (
        "Score while training. Line: validation, mean over seeds; band: from the lowest seed to "
        "the highest; points: test, mean over seeds."
    )
    left_out += tests_left_out
    return finish(figure, name, caption + left_out_sentence(left_out) + _omitted(rows, groups))
