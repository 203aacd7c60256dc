"""What a score costs: against the seconds of training, and against the number of parameters.

A model is on the front where no other is at most as dear and better, or cheaper and as good. Only
models of which all runs ended well can be.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.leaderboard_text import score_column
from bench.report.log_axis import log_ticks
from bench.report.panels import (
    LINE,
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
from bench.report.processors import LEFT_OUT, on_the_usual_one
from bench.report.references import known_references, reference_entries, reference_lines
from bench.report.scene import Scene, hug, hug_log, shown_groups, shown_labels
from bench.report.sentences import left_out_sentence
from bench.report.statistics import RUN, final_rows

SECONDS, PARAMETERS = "seconds of training", "trainable parameters"
HEIGHT = 2.0
"""Inches: of a panel."""
SPREAD = 1.15
"""Costs within this factor are equal: parameters are matched to within 5 % on each side."""
FRONT: dict[str, Any] = {"color": "0.2", "linewidth": 0.9, "zorder": 2}
RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgecolor": "0.2",
    "markeredgewidth": 0.8,
}
CAPTION = (
    "Final test score against its cost: seconds of all updates, without evaluation and "
    "diagnostics, and trainable parameters, where they differ. Small marks: seeds that ended well. "
    "Large: their means, of seconds the median, hollow where another run of the model failed. Line "
    "and rings: the front, the models than which none is both cheaper and better; what has a "
    "failed run is not on it."
)


class Panel(NamedTuple):
    """A group and what its scores are held against."""

    group: str
    cost: str


def score_by_cost(scene: Scene, name: str) -> Iterator[Drawing]:
    """A panel a group and kind of cost."""
    final, left_out = final_rows(scene.rows)
    usual = on_the_usual_one(final, "group")
    spent = seconds(scene.rows, final).where(usual)
    rows = final.assign(**{SECONDS: spent, PARAMETERS: sizes(scene, final)})
    panels = [
        Panel(group, cost)
        for group in shown_groups(scene, rows)
        for cost in (SECONDS, PARAMETERS)
        if is_spread(rows.loc[rows["group"] == group, cost])
    ]
    columns = 2 if any(panel.cost == PARAMETERS for panel in panels) else 3
    labels = shown_labels(scene, rows)
    room = TALLEST - 0.3 - LINE * len(labels) / 3
    parts = pages(panels, columns * max(1, int(room / HEIGHT)))
    for page, part in enumerate(parts):
        figure, axes = grid(len(part), columns, HEIGHT)
        shown = [rows[rows["group"].eq(p.group) & rows[p.cost].notna()] for p in part]
        for ax, panel, own in zip(axes, part, shown, strict=True):
            _panel(ax, panel, own, scene)
        drawn = pd.concat(shown)
        legend_below(figure, _legend(scene, drawn, [panel.group for panel in part]))
        words = CAPTION + ("" if usual.all() else LEFT_OUT) + left_out_sentence(left_out)
        yield finish(figure, *numbered(name, words, page, len(parts)))


def seconds(measurements: pd.DataFrame, runs: pd.DataFrame) -> pd.Series:
    """The seconds of all updates of each run, a row of `runs` each; NaN where no time was kept."""
    read = measurements["quantity"].eq("step_seconds") & measurements["where"].eq("window")
    windows = measurements[read].sort_values("step", kind="stable")
    updates = windows["step"] - windows.groupby(RUN)["step"].shift(fill_value=0)
    total = (windows["value"] * updates).groupby([windows[key] for key in RUN]).sum()
    return pd.Series(runs.set_index(RUN).index.map(total.to_dict()), runs.index, dtype=float)


def sizes(scene: Scene, runs: pd.DataFrame) -> pd.Series:
    """The number of trainable parameters of each run's model, as the leaderboard has it."""
    board = scene.board.drop_duplicates(["group", "label"]).set_index(["group", "label"])
    known = board["parameters"].to_dict()
    keys = runs.set_index(["group", "label"]).index
    return pd.Series(keys.map(known), runs.index, dtype=float)


def is_spread(costs: pd.Series) -> bool:
    """Whether the costs are there and differ by more than they are matched."""
    known = costs.dropna()
    return bool(len(known) and known.min() > 0 and known.max() > SPREAD * known.min())


def front(means: pd.DataFrame, sign: int) -> pd.DataFrame:
    """The rows that no other is better than, by `cost` and `score`, the cheapest first."""
    ordered = means.assign(gain=sign * means["score"])
    ordered = ordered.sort_values(["cost", "gain"], ascending=[True, False], kind="stable")
    best = ordered["gain"].cummax().shift(fill_value=-float("inf"))
    return ordered[ordered["gain"] > best]


def _panel(ax: Axes, panel: Panel, rows: pd.DataFrame, scene: Scene) -> None:
    facts = scene.facts[panel.group]
    means = _means(rows, panel.cost, _lossless(scene, panel.group))
    for label, same in rows.sort_values("seed", kind="stable").groupby("label"):
        look = scene.look[str(label)]
        style = {"color": look.colour, "marker": look.marker, "linestyle": ""}
        ax.plot(same[panel.cost], same["value"], markersize=2.2, alpha=0.6, zorder=2.5, **style)
        mean = means[means.index == label]
        fill = look.colour if mean["lossless"].all() else "white"
        ax.plot(mean["cost"], mean["score"], markersize=5, markerfacecolor=fill, zorder=3, **style)
    sign = -1 if facts["direction"] == "min" else 1
    best = front(means[means["lossless"]], sign)
    ax.plot(best["cost"], best["score"], drawstyle="steps-post", **FRONT)
    ax.plot(best["cost"], best["score"], linestyle="", zorder=3.5, **RING)
    ax.set_xscale("log")
    log_ticks(ax.xaxis)
    if facts["direction"] == "min" and rows["value"].min() > 0:
        ax.set_yscale("log")
        hug_log(ax, pd.Series([*rows["value"], *known_references(facts)]))
    else:
        hug(ax, rows["value"], *known_references(facts))
    reference_lines(ax.axhline, facts)
    score_axis(ax.yaxis, facts["metric"])
    ax.set_title(title(panel.group, 2.2))
    ax.set(xlabel=panel.cost, ylabel=plain(score_column(facts["metric"])))


def _means(rows: pd.DataFrame, cost: str, lossless: set[str]) -> pd.DataFrame:
    """By label the mean `score`, the median `cost`, and whether it is `lossless`."""
    seeds = rows.sort_values("seed", kind="stable").groupby("label")
    table = pd.DataFrame({"cost": seeds[cost].median(), "score": seeds["value"].mean()})
    return table.assign(lossless=[label in lossless for label in table.index])


def _lossless(scene: Scene, group: str) -> set[str]:
    """The labels of which every run of the group ended well."""
    board = scene.board[scene.board["group"] == group]
    return set(board.loc[board["ok"] == board["runs"], "label"])


def _legend(scene: Scene, rows: pd.DataFrame, groups: Sequence[str]) -> list[Line2D]:
    """A mark a model, the front, and the lines of the tasks."""
    looks = {label: scene.look[label] for label in shown_labels(scene, rows)}
    marks = [
        Line2D([], [], label=plain(label), color=look.colour, marker=look.marker, linestyle="")
        for label, look in looks.items()
    ]
    for mark in marks:
        mark.set_markersize(4)
    front_entry = Line2D([], [], label="front", **{**FRONT, **RING, "markersize": 7})
    return [*marks, front_entry, *reference_entries(scene, groups)]
