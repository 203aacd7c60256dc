"""The figure a paper would open with: gradient against distance, and the Jacobian's spectrum.

A group is a block: on the left its gradients, those after training below, on the right a row a
model with its singular values, after training beside before. The rows are the lines' legend.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report.gradient_figure import (
    CLIPPED_WORDS,
    GRADIENT_WORDS,
    band_entry,
    gradient_axes,
    medians,
    shade,
)
from bench.report.legend_columns import is_headline
from bench.report.log_axis import set_ticks
from bench.report.panels import (
    PAGE,
    TALLEST,
    Drawing,
    finish,
    legend_below,
    numbered,
    title,
)
from bench.report.scene import Scene, lines, shown_groups, shown_labels, updates_text
from bench.report.sentences import (
    left_out_sentence,
    seeds_sentence,
    spectrum_sentence,
    theory_sentence,
)
from bench.report.signals import (
    SPECTRUM,
    STAGES,
    at_stage,
    bands,
    log_limits,
    powers,
    spectra,
)
from bench.report.spectra import mark_entries, name_rows, rows_height, spectrum_rows
from bench.report.statistics import relative_gradients

LEAST_HEIGHT, ROW_HEIGHT = 1.5, 0.145
"""Inches: of a gradient panel, of a model's row."""
ONE: dict[str, Any] = {"color": "0.35", "linewidth": 0.7, "zorder": 1}
"""The line at 1: what is there neither vanishes nor explodes."""


@dataclass(frozen=True)
class Block:
    """What is drawn of one group: gradients by distance, singular values, theory's bands."""

    group: str
    labels: list[str]
    gradient: pd.DataFrame
    spectrum: pd.DataFrame
    band: pd.DataFrame

    @property
    def stages(self) -> list[str]:
        """The start and the end of training, as far as anything was read there."""
        return [stage for stage in STAGES if len(at_stage(self.spectrum, stage))]

    @property
    def height(self) -> float:
        """Inches: of each stage's panels on the left, or of all rows on the right if they need
        more."""
        return max(LEAST_HEIGHT * len(self.stages), 0.6 + ROW_HEIGHT * rows_height(self.labels))

    def at(self, stage: str) -> "Block":
        """What was read at the stage."""
        gradient, spectrum, band = (
            at_stage(rows, stage) for rows in (self.gradient, self.spectrum, self.band)
        )
        return Block(self.group, self.labels, gradient, spectrum, band)


def signal_propagation(scene: Scene, name: str) -> Iterator[Drawing]:
    """Gradient by distance and the spectrum of the input-output Jacobian, a block a group."""
    measured = scene.rows.loc[scene.rows["quantity"] == SPECTRUM, "group"]
    rows = scene.rows[scene.rows["group"].isin(set(measured))]
    gradient, infinite = relative_gradients(rows)
    spectrum, undefined = spectra(rows)
    tables = gradient, spectrum, bands(rows)
    parts = _pages([_block(scene, group, *tables) for group in shown_groups(scene, spectrum)])
    for page, blocks in enumerate(parts):
        groups = [block.group for block in blocks]
        shown = [table[table["group"].isin(groups)] for table in tables]
        figure, axes = _canvas(blocks)
        for block in blocks:
            for stage in block.stages:
                _gradient_panel(axes[f"gradient {stage} {block.group}"], block, stage, scene)
                _spectrum_panel(axes[f"spectrum {stage} {block.group}"], block, stage, scene)
        legend_below(figure, mark_entries() + band_entry(scene, shown[-1]))
        caption = _caption(scene, *shown) + left_out_sentence(infinite + undefined)
        yield finish(figure, *numbered(name, caption, page, len(parts)))


def _block(scene: Scene, group: str, *tables: pd.DataFrame) -> Block:
    gradient, spectrum, band = (rows[rows["group"] == group] for rows in tables)
    labels = shown_labels(scene, pd.concat([gradient, spectrum]))
    return Block(group, labels, gradient, spectrum, band)


def _pages(blocks: Sequence[Block]) -> list[list[Block]]:
    """The blocks in order, on each page as many as it has room for, at least one."""
    found: list[list[Block]] = []
    for block in blocks:
        used = sum(each.height for each in found[-1]) if found else TALLEST
        if used + block.height > TALLEST - 0.3:
            found.append([])
        found[-1].append(block)
    return found


def _canvas(blocks: Sequence[Block]) -> tuple[Figure, dict[str, Axes]]:
    """The figure and its panels by kind, stage and group."""
    columns = max(len(block.stages) for block in blocks)
    mosaic, heights = [], []
    for block in blocks:
        row = [f"spectrum {stage} {block.group}" for stage in block.stages]
        row += ["."] * (columns - len(row))
        mosaic += [[f"gradient {stage} {block.group}", *row] for stage in block.stages]
        heights += [block.height / len(block.stages)] * len(block.stages)
    figure = Figure(figsize=(PAGE, sum(heights)), layout="constrained")
    ratios: dict[str, Any] = {"width_ratios": [1.5, *[1.0] * columns], "height_ratios": heights}
    return figure, figure.subplot_mosaic(mosaic, **ratios)


def _gradient_panel(ax: Axes, block: Block, stage: str, scene: Scene) -> None:
    """A line a model, the proposed ones in front; both stages on one scale."""
    read = block.at(stage)
    lines(ax, medians(read.gradient), "distance", block.labels, scene.look)
    gradient_axes(ax)
    shade(ax, read.band[read.band["label"].map(is_headline).astype(bool)], scene.look)
    limits = log_limits(block.gradient["value"], block.band)
    ax.axhline(1, **ONE)
    ax.set_ylim(limits)
    set_ticks(ax.yaxis, powers(*limits))
    ax.set_title(title(f"{block.group}: {updates_text(read.gradient)}", 2.2))
    ax.set_xlabel("distance" if stage == block.stages[-1] else "")
    ax.set_ylabel("gradient / at distance 0")


def _spectrum_panel(ax: Axes, block: Block, stage: str, scene: Scene) -> None:
    """A row a model; both stages on one scale, the names beside the first."""
    read = block.at(stage)
    spectrum_rows(ax, read.spectrum, read.band, block.labels, scene.look)
    whole = block.band[block.band["distance"] == block.band["distance"].max()]
    limits = log_limits(block.spectrum["value"], whole)
    ax.axvline(1, **ONE)
    ax.set_xlim(limits)
    set_ticks(ax.xaxis, _sparse(powers(*limits)))
    ax.set(title=updates_text(read.spectrum), xlabel="singular value")
    if stage == block.stages[0]:
        name_rows(ax, block.labels, scene.look)


def _sparse(ticks: list[float]) -> list[float]:
    """Every other tick, the one at 1 among them, where there are many for so narrow a panel."""
    return ticks if len(ticks) < 5 else ticks[ticks.index(1.0) % 2 :: 2]


def _caption(
    scene: Scene, gradient: pd.DataFrame, spectrum: pd.DataFrame, band: pd.DataFrame
) -> str:
    seeds = spectrum.groupby(["group", "label"])["seed"].nunique().tolist()
    lengths = sorted(set(gradient.groupby("group")["distance"].max().astype(int)))
    return (
        f"Signal propagation, {seeds_sentence(seeds)}. Left. {GRADIENT_WORDS} {CLIPPED_WORDS} The "
        "line beside a name is its line here, thick for a proposed model. "
        + spectrum_sentence(spectrum, lengths)
        + theory_sentence(shown_labels(scene, band))
    )
