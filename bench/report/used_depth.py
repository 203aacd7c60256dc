"""Whether the depth is used: what the diagnostics of `bench.diagnostics.use` found, run by run.

Values are read at each run's first and last step that has any, its start and its end.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import number_text
from bench.report.ladder import Ladder
from bench.report.signals import STAGES, at_stage
from bench.report.statistics import RUN, ends

PICARD, ABLATED, MOVEMENT = "picard_depth", "ablated_score", "weight_movement"
ERROR = "0.01"
"""The relative error of the Picard depth that is shown."""
QUANTITIES = (PICARD, ABLATED, MOVEMENT)
RUNG = ["depth", "label"]
AT_OUTPUT = {"effective_rank": "effective rank", "state_cosine": "cosine"}
METHOD = (
    "Used depth: the Picard depth is the number of sweeps over all layers at once after which the "
    f"output is within a relative error of {ERROR} of the exact one; few say that the layers "
    "hardly wait for each other; none: not within the 32 sweeps tried. Effective rank and mean "
    "cosine of the batch's states at the output. Movement: the norm of the change of a layer's "
    "matrices over their initial norm, median over the layers read. All: median over seeds.",
)


def picard(ladder: Ladder) -> pd.DataFrame:
    """The Picard depth at each run's first and last look; infinite beyond the sweeps tried."""
    rows = ends(ladder.rows, PICARD)
    return rows[rows["where"] == ERROR].fillna({"value": math.inf})


def ablation(ladder: Ladder) -> pd.DataFrame:
    """What a layer's absence costs at the run's last look, by `place`: 0 the first layer, 1 the
    last. Intact less ablated score, of opposite sign where a low score is good."""
    rows = _last(ladder, ABLATED)
    intact = rows[rows["where"] == "none"].set_index(RUN)["value"].rename("intact")
    rows = _placed(rows[rows["where"] != "none"]).join(intact, on=RUN)
    return rows.assign(value=ladder.sign * (rows["intact"] - rows["value"]))


def movement(ladder: Ladder) -> pd.DataFrame:
    """How far each layer's weights are from their start at the run's last look, by `place`."""
    return _placed(_last(ladder, MOVEMENT))


def used_rows(ladder: Ladder) -> list[dict[str, Any]]:
    """One row a depth and network of which any of the three was read; None where one was not."""
    rows = ladder.rows
    looked = rows[rows["quantity"].isin(QUANTITIES)]
    keys = set(zip(looked["depth"], looked["label"], strict=True))
    layers = movement(ladder).groupby([*RUNG, *RUN])["value"].median().reset_index()
    tables = {PICARD: picard(ladder)}
    tables |= {name: ends(rows[rows["where"] == "0"], name) for name in AT_OUTPUT}
    medians = {
        f"{name}_{stage}": _medians(at_stage(table, stage))
        for name, table in tables.items()
        for stage in STAGES
    } | {"movement": _medians(layers)}
    return [
        {"stack": ladder.stack, "task": ladder.task, "depth": key[0], "label": key[1]}
        | {name: found.get(key) for name, found in medians.items()}
        for key in ((rung["depth"], rung["label"]) for rung in ladder.rungs)
        if key in keys
    ]


def used_text(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as text, without the columns that would be empty throughout."""
    table = pd.DataFrame([_texts(row) for row in rows], dtype=object)
    return table.loc[:, (table != "").any()]


def _medians(rows: pd.DataFrame) -> dict[Any, float]:
    """The median over seeds by depth and label."""
    return {} if rows.empty else rows.groupby(RUNG)["value"].median().to_dict()


def _last(ladder: Ladder, quantity: str) -> pd.DataFrame:
    rows = ends(ladder.rows, quantity)
    return rows[rows["step"] == rows["last"]]


def _placed(rows: pd.DataFrame) -> pd.DataFrame:
    distance = pd.to_numeric(rows["where"])
    return rows.assign(
        place=1 - distance / distance.groupby([rows[k] for k in RUN]).transform("max")
    )


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    shown = {"depth": number_text(row["depth"]), "model": row["label"]}
    for name, head in {PICARD: "Picard depth", **AT_OUTPUT}.items():
        for stage, when in zip(STAGES, ("start", "end"), strict=True):
            shown[f"{head}, {when}"] = _number(row[f"{name}_{stage}"])
    return shown | {"median movement": _number(row["movement"])}


def _number(value: float | None) -> str:
    return "none" if value == math.inf else number_text(value)
