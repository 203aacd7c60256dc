"""The panels of final scores against depth: the networks, and the proposed ones' controls."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from bench.report.curves import curve, depth_axis, edge_marks, offset, own_look, point_marks
from bench.report.ladder import SAME_BETA, Ladder, Rung, best_shallows
from bench.report.leaderboard_text import score_column
from bench.report.log_axis import log_ticks
from bench.report.panels import plain, score_axis, title
from bench.report.proposed import IDENTITY, SIGNED, is_lead
from bench.report.references import REFERENCES
from bench.report.scene import Scene
from bench.report.styles import Look
from bench.suites.names import SHALLOW

BEST_SHALLOW: dict[str, Any] = {
    "label": "best shallow network",
    "color": "0.1",
    "linestyle": "-.",
    "linewidth": 0.9,
}
EQUAL_SHALLOW: dict[str, Any] = {
    "label": "shallow, equal parameters",
    "color": "0.1",
    "marker": "_",
    "markersize": 12,
    "markeredgewidth": 1.4,
    "linestyle": "",
}
BLACK = Look((0.1, 0.1, 0.1), "", "_")
CAPTION = (
    "Above: the final test score, a point the mean over the seeds that ended well, a stroke from "
    "the lowest to the highest, × on a point where not all runs ended well, × at the edge where "
    "none did; first of the networks, then of the proposed ones beside their controls, with the "
    "same network of a frozen core dotted and hollow. "
)


def score_panel(ax: Axes, ladder: Ladder, scene: Scene) -> None:
    """The trained networks, or without a second panel all there are."""
    if has_controls(ladder):
        _panel(ax, ladder, scene, lambda rung: not (_is_control(rung) or rung["frozen"]))
    else:
        _panel(ax, ladder, scene, lambda rung: True)
        _shallow(ax, ladder)


def control_panel(ax: Axes, ladder: Ladder, scene: Scene) -> None:
    """The proposed networks, and what each of them is held against."""
    _panel(ax, ladder, scene, lambda rung: is_lead(rung["model"]) or _is_control(rung))
    _shallow(ax, ladder)


def has_controls(ladder: Ladder) -> bool:
    """Whether there is anything that a proposed network is held against but shallow ones."""
    proposed = any(is_lead(rung["model"]) for rung in ladder.climbers)
    held = (_is_control(rung) or rung["frozen"] for rung in ladder.rungs)
    return proposed and any(held)


def _is_control(rung: Rung) -> bool:
    return rung["model"].endswith((IDENTITY, SIGNED)) or rung["model"] in SAME_BETA.values()


def _panel(ax: Axes, ladder: Ladder, scene: Scene, is_shown: Callable[[Rung], bool]) -> None:
    """The networks that are shown, with chance and the best shallow network as lines."""
    facts = ladder.facts
    if ladder.sign < 0 and min(ladder.scores) > 0:
        ax.set_yscale("log")
    shown = [rung for rung in ladder.rungs if rung["model"] != SHALLOW and is_shown(rung)]
    rungs = pd.DataFrame(shown, dtype=object)
    for label, same in rungs.groupby("label", sort=False) if len(rungs) else ():
        _network(ax, same, scene, offset(str(label), scene))
    if facts["chance"] is not None:
        ax.axhline(facts["chance"], zorder=1, **REFERENCES["chance"])
    for shallow in best_shallows(ladder):
        ax.axhline(shallow["score_mean"], zorder=1, **BEST_SHALLOW)
    depth_axis(ax, ladder)
    score_axis(ax.yaxis, facts["metric"])
    if ax.get_yscale() == "log":
        log_ticks(ax.yaxis)
    ax.set_title(title(ladder.task, 2.2))
    ax.set(xlabel="depth", ylabel=plain(score_column(facts["metric"])))


def _network(ax: Axes, rungs: pd.DataFrame, scene: Scene, shift: float) -> None:
    """Means with the range of the seeds, and marks where not all runs ended well."""
    model, label, frozen = rungs[["model", "label", "frozen"]].iloc[0]
    look = own_look(scene, model if frozen else label)
    scored = _scored(rungs)
    curve(ax, scored["depth"], scored["score_mean"], look, is_lead(model), frozen)
    for place, scores in zip(scored["depth"], scored["scores"], strict=True):
        ends = min(scores.values()), max(scores.values())
        ax.plot([place, place], ends, color=look.colour, linewidth=0.6)
    _lost(ax, rungs, look, shift)


def _shallow(ax: Axes, ladder: Ladder) -> None:
    """The networks of one hidden layer, each at the depth whose parameters it has."""
    if not ladder.shallow:
        return
    rungs = pd.DataFrame(ladder.shallow, dtype=object)
    scored = _scored(rungs)
    if len(scored):
        ax.plot(scored["depth"], scored["score_mean"], zorder=1.5, **EQUAL_SHALLOW)
    _lost(ax, rungs, BLACK, 1.0)


def _scored(rungs: pd.DataFrame) -> pd.DataFrame:
    return rungs[rungs["score_mean"].astype(float).abs() < float("inf")]


def _lost(ax: Axes, rungs: pd.DataFrame, look: Look, shift: float) -> None:
    """A mark on each mean that lacks runs, and one at the edge where there is no mean."""
    scored = _scored(rungs)
    partly = scored[scored["ok"] < scored["runs"]]
    point_marks(ax, partly["depth"], partly["score_mean"], look)
    lost = rungs.loc[~rungs.index.isin(scored.index) & (rungs["ok"] < rungs["runs"]), "depth"]
    edge_marks(ax, lost * shift, "x", look)
