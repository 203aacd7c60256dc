"""How the time and the memory of a step grow with its length, its depth and its width.

Points that were timed give a line a network: the models as they are computed by default, and
torch's own beside them. Elsewhere the runs of one task at several lengths or depths give it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from bench.report.curves import own_looks, size_axis
from bench.report.log_axis import log_ticks
from bench.report.panel_pages import sheets
from bench.report.panels import Drawing
from bench.report.processors import on_the_usual_one
from bench.report.scene import Scene, lines, ranked_labels
from bench.report.speed import Point
from bench.report.styles import order

HEIGHT = 1.85
"""Inches: of a panel."""
MOST = 3
"""So many panels along the same size, those with the most networks."""
COSTS = {"seconds": "seconds a step", "megabytes": "peak MB"}
ALONG = {"steps": "time steps", "layers": "layers", "width": "width"}
COLUMNS = ["along", "setting", "label", "size", *COSTS]
TIMED = (
    "Time and memory of a training step, forward and backward, by size: medians over the rounds, "
    "both axes logarithmic. A line ends where nothing was measured."
)
TRAINED = (
    "Time and memory of the training runs by size: seconds an update and the process's peak, "
    "medians over the runs, both axes logarithmic. Runs share the machine: an indication. Only "
    "models whose runs were made on the processor that most of the task's were made on. A line "
    "ends where nothing was measured."
)


class Panel(NamedTuple):
    """A size that varies, what is the same meanwhile, and what it costs."""

    along: str
    setting: str
    cost: str


def scaling(scene: Scene, name: str) -> Iterator[Drawing]:
    """A row a size and setting, seconds on the left and memory on the right."""
    timed = bool(scene.points)
    table = timed_sizes(scene.points) if timed else trained_sizes(scene.board)
    tables = {panel: of_panel(table, panel) for panel in panels_of(table)}
    names = sorted(set(table["label"]), key=order)
    labels = names if timed else ranked_labels(scene, table)
    look = own_looks(scene, labels)
    shown = {panel: list(own["label"].unique()) for panel, own in tables.items()}
    for sheet in sheets(shown, labels, look, columns=2, height=HEIGHT):
        for cell in sheet.cells:
            lines(cell.ax, tables[cell.key], "size", cell.labels, look)
            _axes(cell.ax, sorted({int(size) for size in tables[cell.key]["size"]}))
            cell.name(cell.key.setting, ALONG[cell.key.along], COSTS[cell.key.cost])
            cell.ax.set_xlabel(ALONG[cell.key.along])
        yield sheet.finish(name, TIMED if timed else TRAINED)


def timed_sizes(points: Sequence[Point]) -> pd.DataFrame:
    """A row a contender, size that may vary, and point: its setting is every other size."""
    rows = []
    for point in points:
        sizes = {"layers" if point.deep else "steps": point.steps, "width": point.width}
        for label, contender in _contenders(point).items():
            costs = _costs(point, contender)
            for along, size in sizes.items():
                rest = [f"{ALONG[k]} {v:,}" for k, v in sizes.items() if k != along]
                setting = ", ".join([*rest, f"batch {point.batch}"])
                rows.append((along, setting, label, size, *costs))
    return pd.DataFrame(rows, columns=COLUMNS)


def trained_sizes(board: pd.DataFrame) -> pd.DataFrame:
    """The same of a leaderboard: a task's lengths along time, or its depths, on one processor."""
    rows = []
    usual = board[on_the_usual_one(board, "task")] if len(board) else board
    for row in usual.to_dict("records"):
        arguments = json.loads(row["task_args"] or "{}")
        deep, length = row["depth"] is not None, arguments.pop("length", None)
        size = row["depth"] if deep else length
        if size is not None:
            rest = [f"{name} {value}" for name, value in arguments.items()]
            setting = ", ".join([row["task"], *rest])
            costs = row["seconds_per_update"], row["peak_megabytes"]
            rows.append(("layers" if deep else "steps", setting, row["label"], size, *costs))
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COSTS, float))


def panels_of(table: pd.DataFrame) -> list[Panel]:
    """Along each size the settings in which it varies, those of the most networks first."""
    found = []
    for along in ALONG:
        rows = table[table["along"] == along]
        sizes = rows.groupby(["setting", "label"])["size"].nunique()
        varied = sizes[sizes > 1].groupby("setting").size()
        ordered = varied.sort_index().sort_values(ascending=False, kind="stable")
        for setting in ordered.index[:MOST]:
            own = rows[rows["setting"] == setting]
            panels = [Panel(along, str(setting), cost) for cost in COSTS]
            found += [panel for panel in panels if len(of_panel(own, panel))]
    return found


def of_panel(table: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """By label and size the median cost as `value`."""
    rows = table[(table["along"] == panel.along) & (table["setting"] == panel.setting)]
    costs = rows[rows[panel.cost] > 0].groupby(["label", "size"], sort=False)[panel.cost]
    table = costs.median().rename("value").reset_index().assign(n=1)
    return table[table.groupby("label")["size"].transform("nunique") > 1]


def _contenders(point: Point) -> dict[str, str]:
    """The point's model as it is computed by default, and those that are not the model, by name."""
    names = {point.model: point.chosen} | {peer: peer for peer in point.peers}
    return {name: contender for name, contender in names.items() if point.seconds(contender)}


def _costs(point: Point, contender: str) -> tuple[float, float | None]:
    size = point.value("peak_bytes", contender)
    seconds = pd.Series(point.seconds(contender)).median()
    return float(seconds), None if size is None else size / 1e6


def _axes(ax: Axes, sizes: Sequence[int]) -> None:
    """Both logarithmic, with the sizes as ticks."""
    size_axis(ax, sizes)
    ax.set_yscale("log")
    ax.autoscale_view()
    log_ticks(ax.yaxis)
