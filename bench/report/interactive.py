"""The data of the page's interactive part: curves over updates and gradients by distance.

A curve is a model's mean over the seeds that have a finite value at an update, with the lowest and
the highest of them, thinned to `MOST_POINTS`; numbers keep four digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from bench.report.embedding import json_text
from bench.report.formats import is_accuracy
from bench.report.leaderboard import task_facts
from bench.report.plotly_looks import plotly_look
from bench.report.scene import updates_text
from bench.report.signals import STAGES, at_stage
from bench.report.statistics import finite_rows, relative_gradients
from bench.report.statistics.rows import finite
from bench.report.styles import Look

QUANTITIES = ("validation_score", "test_score", "train_loss", "validation_loss", "test_loss")
MOST_POINTS = 200
"""So many points of a curve are kept, the first and the last among them."""
GROUP = ["stack", "group"]

Entry = dict[str, Any]


@dataclass(frozen=True)
class Interactive:
    """What can be explored: the models' looks, the updates that curves share (`grids`), and of each
    group its curves by quantity and its gradients by stage."""

    models: Sequence[Entry]
    grids: Sequence[Sequence[int]]
    groups: Sequence[Entry]

    @property
    def has_curves(self) -> bool:
        """Whether any group has a curve."""
        return any(group["curves"] for group in self.groups)

    @property
    def has_gradients(self) -> bool:
        """Whether gradients by distance are known of any group."""
        return any(group["gradients"] for group in self.groups)

    @property
    def most_points(self) -> int:
        """How many points a curve has at most."""
        return MOST_POINTS

    @property
    def json(self) -> Markup:
        """All of it as JSON for a script element."""
        stacks = len({group["stack"] for group in self.groups})
        content = {"models": self.models, "grids": self.grids, "groups": self.groups}
        return json_text(content | {"quantities": QUANTITIES, "stacks": stacks})


def interactive(
    runs: pd.DataFrame, drawn: pd.DataFrame, look: Mapping[str, Look]
) -> Interactive | None:
    """What can be explored of the measurements that the figures draw, in the figures' looks; None
    where there is neither a curve nor a gradient.

    `runs` are the labelled runs, for the facts of their tasks.
    """
    grids: dict[tuple[int, ...], int] = {}
    curves = _curves(drawn, list(look), grids)
    gradients = _gradients(drawn, list(look))
    parts = [
        ((str(stack), str(group)), same) for (stack, group), same in runs.groupby(GROUP, sort=False)
    ]
    groups = [
        _group(key, same, curves.get(key, {}), gradients.get(key, {}))
        for key, same in parts
        if key in curves or key in gradients
    ]
    models = [plotly_look(label, each) for label, each in look.items()]
    return Interactive(models, list(grids), groups) if groups else None


def thinned(count: int, most: int = MOST_POINTS) -> np.ndarray:
    """The places of at most so many of `count` points, evenly spread, both ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def _group(key: tuple[str, str], runs: pd.DataFrame, curves: Mapping, gradients: Mapping) -> Entry:
    """A group's entry; what a quantity is called depends on the task's metric."""
    facts = task_facts(runs)
    metric = facts["metric"] or "score"
    words = {name: name.replace("_", " ").replace("train ", "training ") for name in curves}
    return {
        "stack": key[0],
        "label": key[1],
        "percent": is_accuracy(metric),
        "words": {name: text.replace("score", metric) for name, text in words.items()},
        "curves": curves,
        "gradients": gradients,
        **{name: finite(facts[name]) for name in ("chance", "solved")},
    }


def _curves(
    drawn: pd.DataFrame, labels: Sequence[str], grids: dict[tuple[int, ...], int]
) -> dict[tuple[str, str], dict[str, list[Entry]]]:
    """By group and quantity a curve a model; a quantity that was read once is no curve."""
    found: dict[tuple[str, str], dict[str, list[Entry]]] = {}
    for quantity in QUANTITIES:
        rows, _ = finite_rows(drawn, quantity)
        values = rows.groupby([*GROUP, "label", "step"], sort=True)["value"]
        points = values.agg(["mean", "min", "max", "count"]).reset_index()
        for (stack, group), same in points.groupby(GROUP, sort=False):
            if same["step"].nunique() > 1:
                by_label = dict(iter(same.groupby("label", sort=False)))
                known = [label for label in labels if label in by_label]
                found.setdefault((str(stack), str(group)), {})[quantity] = [
                    _curve(labels.index(label), by_label[label], grids) for label in known
                ]
    return found


def _curve(model: int, points: pd.DataFrame, grids: dict[tuple[int, ...], int]) -> Entry:
    """A model's thinned curve; without a band where there is one seed."""
    kept = points.iloc[thinned(len(points))]
    grid = grids.setdefault(tuple(int(step) for step in kept["step"]), len(grids))
    counts = [int(count) for count in kept["count"]]
    several = max(counts) > 1
    band = {"low": _short(kept["min"]), "high": _short(kept["max"])} if several else {}
    seeds = counts if len(set(counts)) > 1 else counts[0]
    return {"model": model, "grid": grid, "mean": _short(kept["mean"]), "seeds": seeds, **band}


def _gradients(drawn: pd.DataFrame, labels: Sequence[str]) -> dict[tuple[str, str], Entry]:
    """By group and stage the models, the distances and log10 of the median relative norms."""
    rows, _ = relative_gradients(drawn)
    rows = rows.dropna(subset=["distance"])
    found: dict[tuple[str, str], Entry] = {}
    for stage in STAGES:
        for (stack, group), same in at_stage(rows, stage).groupby(GROUP, sort=False):
            key = str(stack), str(group)
            found.setdefault(key, {})[stage] = _map(same, labels)
    return found


def _map(rows: pd.DataFrame, labels: Sequence[str]) -> Entry:
    """A row a model and a column a distance; None where nothing was read."""
    norms = rows.pivot_table(index="label", columns="distance", values="value", aggfunc="median")
    known = [label for label in labels if label in norms.index]
    logs = np.log10(norms.loc[known].to_numpy())
    return {
        "words": updates_text(rows),
        "distances": [int(distance) for distance in norms.columns],
        "models": [labels.index(label) for label in known],
        "values": [[finite(round(float(value), 4)) for value in row] for row in logs],
    }


def _short(values: pd.Series) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
