"""The tables of a suite that was timed: for the page, and as CSV at full precision."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import pandas as pd

from bench.report import roofline, speed_targets
from bench.report.formats import csv_text, number_text, without_empty
from bench.report.page import Board
from bench.report.roofline import Mark, roofline_sentence, roofline_table
from bench.report.speed import QUANTITIES, REFERENCE, Point, reasons
from bench.report.speed_targets import target_rows, target_table

METHOD = (
    "Seconds: all contenders of a point take turns in one process, so that a machine's pace is the "
    "same for all; the first round is not counted. A ratio is taken within a round; shown are the "
    "median over the rounds and, in brackets, the lowest and the highest. Forward and backward are "
    "of the body alone, from a given gradient of every output; torch's networks are called with "
    'batch_first, as ROAF is. * is what backend "auto" takes there.',
    "Peak MB: of two training steps, weights, gradients and Adam's moments included. Errors: "
    "relative to the definition in float64, in the norm of all parameters' gradients.",
)
Cell = Callable[[Point, str], str]


def speed_boards(points: Sequence[Point], found: Sequence[Mark], stack: str) -> list[Board]:
    """What was timed on the stack, as the page shows it."""
    own = [point for point in points if point.stack == stack]
    if not own:
        return []
    boards = [Board("figures to reach", TARGET_SENTENCE, target_table(_targets(points, stack)))]
    looped = [point for point in own if not point.deep and REFERENCE in point.ways]
    if looped:
        boards += [Board("not slower than the reference loop", LOOP_SENTENCE, loop_table(looped))]
    for deep, axis in ((False, "time"), (True, "depth")):
        along = [point for point in own if point.deep == deep]
        boards += [
            Board(f"{title}, along {axis}", _said(title, along), grid(along, cell))
            for title, cell in CELLS.items()
            if along
        ]
    marks = [mark for mark in found if mark.point.stack == stack]
    if marks:
        said = roofline_sentence(marks[0].machine)
        boards.append(Board("roofline", said, roofline_table(marks)))
    return boards


def speed_files(points: Sequence[Point], found: Sequence[Mark]) -> dict[str, str]:
    """The text of the CSV files by name."""
    if not points:
        return {}
    tables = {
        "speed.csv": [row for point in points for row in speed_rows(point)],
        "figures-to-reach.csv": target_rows(points),
        "roofline.csv": roofline.roofline_rows(found),
    }
    return {
        name: csv_text(pd.DataFrame(rows, dtype=object)) for name, rows in tables.items() if rows
    }


def speed_method(points: Sequence[Point]) -> tuple[str, ...]:
    """How the tables are to be read, where there are any."""
    return (*METHOD, *roofline.METHOD) if points else ()


def speed_rows(point: Point) -> list[dict[str, Any]]:
    """A row a contender at full precision; of what was read once or several times the median."""
    return [
        {
            "stack": point.stack,
            "model": point.model,
            "axis": "depth" if point.deep else "time",
            "steps": point.steps,
            "width": point.width,
            "batch": point.batch,
            "filter": point.filter,
            "contender": name,
            "chosen": name == point.chosen,
            "rounds": len(point.seconds(name)),
            "seconds": median(point.seconds(name)),
            "seconds_low": min(point.seconds(name)),
            "seconds_high": max(point.seconds(name)),
            "over_chosen": median(point.ratios(name, point.chosen)),
            **{quantity: point.value(quantity, name) for quantity in QUANTITIES},
        }
        for name in point.contenders
    ]


def loop_table(points: Sequence[Point]) -> pd.DataFrame:
    """How much faster than the reference loop "auto" is at each point along time."""
    return pd.DataFrame([_loop(point) for point in points if not point.deep], dtype=object)


def grid(points: Sequence[Point], cell: Cell) -> pd.DataFrame:
    """A row a point, a column a contender; empty where it was not timed."""
    names = dict.fromkeys(name for point in points for name in (*point.ways, *point.peers))
    rows = [
        {"point": point.shape, "filter": point.filter}
        | {name: cell(point, point.ways.get(name, name)) for name in names}
        for point in points
    ]
    return without_empty(pd.DataFrame(rows, dtype=object))


def _loop(point: Point) -> dict[str, str]:
    way, reference = point.chosen, point.ways[REFERENCE]
    ratios = point.ratios(reference, way)
    middle = median(ratios)
    return {
        "point": point.shape,
        "filter": point.filter,
        "computed by": way.removeprefix(f"{point.model}/"),
        "ms": _milliseconds(point.seconds(way)),
        "reference, ms": _milliseconds(point.seconds(reference)),
        "reference / ROAF": f"{middle:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        "not slower": "yes" if middle >= 1 else "no",
    }


def _targets(points: Sequence[Point], stack: str) -> list[dict[str, Any]]:
    """The figures of the stack, and those that no stack has."""
    return [row for row in target_rows(points) if row["stack"] in (stack, None)]


def _step_text(point: Point, name: str) -> str:
    star = " *" if name == point.chosen else ""
    return _milliseconds(point.seconds(name)) + star if point.seconds(name) else ""


def _read(quantity: str, unit: float) -> Cell:
    def cell(point: Point, name: str) -> str:
        value = point.value(quantity, name)
        return "" if value is None else number_text(float(f"{value / unit:.3g}"))

    return cell


def _milliseconds(seconds: Sequence[float]) -> str:
    return number_text(float(f"{1e3 * median(seconds):.3g}"))


def _said(title: str, points: Sequence[Point]) -> str:
    """What the table shows, how often, and which backends could not."""
    if title != STEP_TITLE:
        return SENTENCES[title]
    rounds = [len(point.seconds(point.chosen)) for point in points]
    span = f"{min(rounds)} to {max(rounds)}" if min(rounds) < max(rounds) else f"{max(rounds)}"
    star = 'is what "auto" takes' if points[0].picked else "is the fastest"
    said = f"Medians over {span} rounds; * {star}."
    refused = "; ".join(reasons(points))
    return f"{said} Not timed: {refused}." if refused else said


STEP_TITLE = "milliseconds of forward and backward"
CELLS: Mapping[str, Cell] = {
    STEP_TITLE: _step_text,
    "milliseconds of Adam's update": _read("update_seconds", 1e-3),
    "peak MB of two training steps": _read("peak_bytes", 1e6),
    "relative error of the gradient": _read("gradient_error", 1.0),
}
SENTENCES: Mapping[str, str] = {
    "milliseconds of Adam's update": "Medians over the rounds.",
    "peak MB of two training steps": "Each contender alone, before any round.",
    "relative error of the gradient": "Against the definition in float64, from the same weights.",
}
TARGET_SENTENCE = (
    f"Forward and backward at {speed_targets.LENGTH} steps and one input: how many times ROAF's "
    "seconds torch's network of as many units takes, of how many it is to take. The figures were "
    "set before the backends were written."
)
LOOP_SENTENCE = (
    'What backend "auto" takes against the loop over time steps under autograd, which defines the '
    "model."
)
