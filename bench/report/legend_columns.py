"""Which models are in colour together: all of a few, and of many some at a time."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D

from bench.report.panels import entries
from bench.report.proposed import is_lead
from bench.report.styles import THICK, THIN, Look

MOST_LINES = 12
"""So many models can be told apart in one panel."""
EVERYWHERE = 3
"""So many of the proposed models are in every column."""
MOST_COLUMNS = 4


def legends_of(
    panels: Mapping[Any, Collection[str]], ranked: Sequence[str]
) -> Iterator[tuple[list[Any], list[list[str]]]]:
    """The panels that have the same legends, and the labels of these in the order of their rank:
    one legend for all panels of few lines, several for crowded panels of much the same labels."""
    for keys in _alike(panels):
        union = {label for key in keys for label in panels[key]}
        labels = [label for label in ranked if label in union]
        yield keys, dealt(labels) if _is_crowded(panels[keys[0]]) else [labels]


def dealt(labels: Sequence[str]) -> list[list[str]]:
    """The labels by columns: some of the proposed ones in all, every other one in one of them."""
    everywhere = [label for label in labels if is_headline(label)][:EVERYWHERE]
    others = [label for label in labels if label not in everywhere]
    room = MOST_LINES - len(everywhere)
    size = math.ceil(len(others) / min(MOST_COLUMNS, math.ceil(len(others) / room)))
    return [everywhere + others[start : start + size] for start in range(0, len(others), size)]


def is_headline(label: str) -> bool:
    """Whether the label is that of a proposed model that is trained, and no control of another."""
    model, *settings = label.split(", ")
    return is_lead(model) and not any(text.startswith("frozen") for text in settings)


def legend_entries(
    labels: Sequence[str], look: Mapping[str, Look], marker: bool = False
) -> list[Line2D]:
    """A legend entry for each label, a proposed one thick."""
    found = entries(labels, look, marker)
    for line, label in zip(found, labels, strict=True):
        line.set_linewidth(THICK if is_headline(label) else THIN)
    return found


def _alike(panels: Mapping[Any, Collection[str]]) -> list[list[Any]]:
    """The keys, those together that share legends."""
    clusters: list[list[Any]] = []
    for key, labels in panels.items():
        known = (cluster for cluster in clusters if _share(labels, panels[cluster[0]]))
        cluster = next(known, None)
        if cluster is None:
            clusters.append([key])
        else:
            cluster.append(key)
    return clusters


def _share(labels: Collection[str], others: Collection[str]) -> bool:
    """Whether both are few, or both are many and most of the first are among the second."""
    if _is_crowded(labels) and _is_crowded(others):
        return 2 * len({*labels} & {*others}) > len(labels)
    return not (_is_crowded(labels) or _is_crowded(others))


def _is_crowded(labels: Collection[str]) -> bool:
    return len(labels) > MOST_LINES
