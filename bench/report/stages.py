"""Values at the start and at the end of training, rung by rung, and the runs that have none."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.report.ladder import Rung
from bench.report.signals import STAGES, at_stage

COLUMNS = ["stage", "label", "depth", "value", "missing"]


def by_stage(rows: pd.DataFrame, rungs: Sequence[Rung]) -> pd.DataFrame:
    """A row a rung of every network that `rows`, those of `ends`, know, at each stage at which
    anything was read: the median over the runs that have a number, and whether fewer have one than
    were looked at (`missing`): a run that diverged has none at the end. Where at no stage anything
    was read of a rung, all its runs count as looked at."""
    networks = set(rows["label"])
    known = [rung for rung in rungs if rung["label"] in networks and rung["runs"]]
    found: list[dict[str, Any]] = []
    looks = [at_stage(rows, stage).groupby(["label", "depth"]).size() for stage in STAGES]
    looked: dict[Any, int] = pd.concat(looks).groupby(level=[0, 1]).max().to_dict()
    for stage in STAGES:
        read = at_stage(rows, stage).groupby(["label", "depth"])["value"]
        medians, counts = read.median().to_dict(), read.count().to_dict()
        for rung in known if medians else ():
            key = rung["label"], rung["depth"]
            missing = counts.get(key, 0) < (looked.get(key) or rung["runs"])
            found.append(dict(zip(COLUMNS, (stage, *key, medians.get(key), missing), strict=True)))
    table = pd.DataFrame(found, columns=COLUMNS)
    return table.astype({"depth": int, "value": float, "missing": bool})
