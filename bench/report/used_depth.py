"""Whether the depth is used: what the diagnostics of `bench.diagnostics.use` found, run by run.

Values are read at step 0, the start, and at each run's last step after it, the end.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import number_text, without_empty
from bench.report.ladder import Ladder
from bench.report.signals import STAGES, at_stage
from bench.report.statistics import RUN, ends

PICARD, ABLATED, MOVEMENT = "picard_depth", "ablated_score", "weight_movement"
ERROR = "0.01"
"""The relative error of the Picard depth that is shown."""
SWEEPS = 32
"""A network that needs more has a Picard depth of infinity."""
EVENLY = 8
"""The movement is that of so many evenly spaced layers."""
QUANTITIES = (PICARD, ABLATED, MOVEMENT)
RUNG = ["depth", "label"]
COPIED = (*RUNG, "ok", "runs")
AT_OUTPUT = {"effective_rank": "effective rank", "state_cosine": "cosine"}
METHOD = (
    "Used depth: the Picard depth is the number of sweeps over all layers at once after which the "
    f"output is within a relative error of {ERROR} of the exact one; few say that the layers "
    f"hardly wait for each other. > {SWEEPS}: more than {SWEEPS} sweeps are needed; undefined: the "
    "state is zero or not finite. Effective rank and mean cosine of the batch's states at the "
    "output. Median movement: the norm of the change of a layer's matrices over their initial "
    f"norm, the median over {EVENLY} evenly spaced layers, at the distances depth × k / {EVENLY} "
    "from the end. All: the median over the seeds that have a number; a run that did not end well "
    "may have one at the start and none at the end. Start: before the first update; end: the last "
    "look after it.",
)


def picard(ladder: Ladder) -> pd.DataFrame:
    """The Picard depth at each run's first and last look: infinite where more than 32 sweeps are
    needed, NaN where it is undefined."""
    rows = ends(ladder.rows, PICARD)
    return rows[rows["where"] == ERROR]


def ablation(ladder: Ladder) -> pd.DataFrame:
    """What a layer's absence costs at the end, by `place`: 0 the first layer, 1 the last. Intact
    less ablated score, of opposite sign where a low score is good."""
    rows = _last(ladder, ABLATED)
    intact = rows[rows["where"] == "none"].set_index(RUN)["value"].rename("intact")
    rows = _placed(rows[rows["where"] != "none"]).join(intact, on=RUN)
    return rows.assign(value=ladder.sign * (rows["intact"] - rows["value"]))


def movement(ladder: Ladder) -> pd.DataFrame:
    """How far each layer's weights are from their start at the end, by `place`."""
    return _placed(_last(ladder, MOVEMENT))


def used_rows(ladder: Ladder) -> list[dict[str, Any]]:
    """One row a depth and network of which any of the three was read, or no run ended well; None
    where nothing is known."""
    rows = ladder.rows
    looked = rows[rows["quantity"].isin(QUANTITIES)]
    keys, labels = set(zip(looked["depth"], looked["label"], strict=True)), set(looked["label"])
    lost = {
        (rung["depth"], rung["label"])
        for rung in ladder.rungs
        if rung["label"] in labels and rung["runs"] and not rung["ok"]
    }
    layers = _even(movement(ladder)).groupby([*RUNG, *RUN])["value"].median().reset_index()
    tables = {PICARD: picard(ladder)}
    tables |= {name: ends(rows[rows["where"] == "0"], name) for name in AT_OUTPUT}
    medians = {
        f"{name}_{stage}": _medians(at_stage(table, stage))
        for name, table in tables.items()
        for stage in STAGES
    } | {"movement": _medians(layers)}
    return [
        {"stack": ladder.stack, "task": ladder.task}
        | {name: rung[name] for name in COPIED}
        | {name: found.get((rung["depth"], rung["label"])) for name, found in medians.items()}
        for rung in ladder.rungs
        if (rung["depth"], rung["label"]) in keys | lost
    ]


def used_text(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as text, without the columns that would be empty throughout."""
    return without_empty(pd.DataFrame([_texts(row) for row in rows], dtype=object))


def _medians(rows: pd.DataFrame) -> dict[Any, float]:
    """The median over seeds by depth and label."""
    return {} if rows.empty else rows.groupby(RUNG)["value"].median().to_dict()


def _last(ladder: Ladder, quantity: str) -> pd.DataFrame:
    return at_stage(ends(ladder.rows, quantity), "last")


def _placed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the layer's `distance` from the end, 1 for the last layer, and its `place`."""
    distance, depth = pd.to_numeric(rows["where"]), rows["depth"].astype(float)
    place = (depth - distance) / (depth - 1).clip(lower=1)
    return rows.assign(distance=distance, place=place)


def _even(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the evenly spaced layers."""
    spaced = {
        depth: {round(depth * k / EVENLY) for k in range(1, EVENLY + 1)}
        for depth in set(rows["depth"])
    }
    pairs = zip(rows["depth"], rows["distance"], strict=True)
    kept = [distance in spaced[depth] for depth, distance in pairs]
    return rows[pd.Series(kept, index=rows.index, dtype=bool)]


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    shown = {
        "depth": number_text(row["depth"]),
        "model": row["label"],
        "ok": f"{row['ok']}/{row['runs']}",
    }
    for name, head in {PICARD: "Picard depth", **AT_OUTPUT}.items():
        text = sweeps_text if name == PICARD else number_text
        for stage, when in zip(STAGES, ("start", "end"), strict=True):
            shown[f"{head}, {when}"] = text(row[f"{name}_{stage}"])
    return shown | {"median movement": number_text(row["movement"])}


def sweeps_text(depth: float | None) -> str:
    """The Picard depth in words where it is no number of sweeps."""
    if depth is not None and math.isnan(depth):
        return "undefined"
    return f"> {SWEEPS}" if depth == math.inf else number_text(depth)
