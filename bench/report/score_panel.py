"""The panel of final scores against depth: trained and frozen networks, chance, shallow ones."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from bench.report.curves import curve, depth_axis, edge_marks, offset, own_look, point_marks
from bench.report.ladder import SHALLOW, Ladder, best_shallows, is_lead
from bench.report.looks import Look
from bench.report.panels import plain, score_axis, title
from bench.report.scene import Scene

CHANCE: dict[str, Any] = {"label": "chance", "color": "0.35", "linestyle": "--", "linewidth": 1.1}
BEST_SHALLOW: dict[str, Any] = {
    "label": "best shallow network",
    "color": "0.1",
    "linestyle": "-.",
    "linewidth": 1.1,
}
EQUAL_SHALLOW: dict[str, Any] = {
    "label": "shallow, parameters of a plain stack",
    "color": "0.1",
    "marker": "_",
    "markersize": 18,
    "markeredgewidth": 1.6,
    "linestyle": "",
}
BLACK = Look((0.1, 0.1, 0.1), "", "_")
CAPTION = (
    "Above: the final test score, a point the mean over the seeds that ended well, a stroke from "
    "the lowest to the highest, × on a point where not all runs ended well, × at the edge where "
    "none did; dotted and hollow, the same network with a frozen core. "
)


def score_panel(ax: Axes, ladder: Ladder, scene: Scene) -> None:
    """Trained and frozen networks, chance, and the shallow ones as marks."""
    facts = ladder.facts
    if ladder.sign < 0 and min(ladder.scores) > 0:
        ax.set_yscale("log")
    rungs = pd.DataFrame([r for r in ladder.rungs if r["model"] != SHALLOW], dtype=object)
    for label, same in rungs.groupby("label", sort=False) if len(rungs) else ():
        _network(ax, same, scene, offset(str(label), scene))
    if facts["chance"] is not None:
        ax.axhline(facts["chance"], zorder=1, **CHANCE)
    for shallow in best_shallows(ladder):
        ax.axhline(shallow["score_mean"], zorder=1, **BEST_SHALLOW)
    if ladder.shallow:
        _equal_shallow(ax, pd.DataFrame(ladder.shallow, dtype=object))
    depth_axis(ax, ladder)
    score_axis(ax.yaxis, facts["metric"])
    ax.set(title=title(ladder.task), xlabel="depth")
    ax.set_ylabel(plain(f"test {facts['metric'] or 'score'}"))


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


def _equal_shallow(ax: Axes, rungs: pd.DataFrame) -> None:
    """The networks of one hidden layer, each at the depth whose parameters it has."""
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
    lost = rungs.loc[~rungs.index.isin(scored.index) & (rungs["runs"] > 0), "depth"]
    edge_marks(ax, lost * shift, "x", look)
