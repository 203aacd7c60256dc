"""A figure of small panels with one legend below them, and its files' bytes."""

import io
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from bench.report.formats import is_accuracy
from bench.report.looks import Look

MOST_GROUPS = 16
"""A figure shows so many groups; its caption names the number of further ones."""


@dataclass(frozen=True)
class Drawing:
    """A finished figure: the name of its files, its caption, and the bytes."""

    name: str
    caption: str
    svg: str
    png: bytes
    pdf: bytes | None = None


def grid(panels: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes, row by row; it belongs to no pyplot state."""
    columns, width = min(columns, panels), width * (1.6 if panels == 1 else 1)
    rows = math.ceil(panels / columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[panels:]:
        spare.set_axis_off()
    return figure, axes[:panels]


def title(text: str) -> str:
    """The title of a panel, wrapped to its width."""
    return textwrap.fill(plain(text), 44)


def plain(text: str) -> str:
    """The text as matplotlib shows it unchanged: a dollar opens no formula."""
    return text.replace("$", r"\$")


def entries(labels: Sequence[str], look: Mapping[str, Look], marker: bool = False) -> list[Line2D]:
    """A legend entry for each label."""
    return [
        Line2D(
            [],
            [],
            label=plain(label),
            color=look[label].colour,
            linestyle=(0, look[label].dashes) if look[label].dashes else "-",
            marker=look[label].marker if marker else "",
            markersize=4.5,
        )
        for label in labels
    ]


def legend_below(figure: Figure, handles: Sequence[Line2D]) -> None:
    """The legend under all panels, as many columns as fit, the figure grown by its height."""
    if not handles:
        return
    longest = max(len(str(handle.get_label())) for handle in handles)
    width, height = figure.get_size_inches()
    columns = max(1, min(len(handles), int(width / (0.7 + 0.07 * longest))))
    figure.set_size_inches(width, height + 0.25 + 0.19 * math.ceil(len(handles) / columns))
    place = {"loc": "outside lower center", "ncols": columns}
    figure.legend(handles=handles, handlelength=3, frameon=False, **place)


def score_axis(axis: Any, metric: str) -> None:
    """Percent on the axis of an accuracy."""
    if is_accuracy(metric):
        axis.set_major_formatter(PercentFormatter(xmax=1))


def finish(figure: Figure, name: str, caption: str, pdf: bool = False) -> Drawing:
    """The drawing: the same bytes each time, and no identifier that another drawing has. As PDF
    too where it is meant for a paper."""
    vector, raster = io.StringIO(), io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(vector, format="svg", metadata=nothing)
    figure.set_layout_engine("none")  # the layout is found once, for both files
    figure.savefig(raster, format="png", dpi=150, metadata={"Software": None})
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", vector.getvalue())
    return Drawing(name, caption, svg, raster.getvalue(), _pdf(figure) if pdf else None)


def _pdf(figure: Figure) -> bytes:
    printed = io.BytesIO()
    figure.savefig(printed, format="pdf", metadata={"CreationDate": None})
    return printed.getvalue()
