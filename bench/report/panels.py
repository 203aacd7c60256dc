"""A figure of small panels as wide as paper, its legend below them, and its files' bytes."""

import io
import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter
from matplotlib.transforms import Bbox

from bench.report.formats import is_accuracy
from bench.report.styles import Look

PAGE, COLUMN, TALLEST = 7.0, 3.4, 9.0
"""Inches: the width of a page's text and of one of its two columns, and the height of a page."""
LETTER = 0.052
"""Inches: the mean width of a letter of 7 points."""
LINE = 0.138
"""Inches: the height of a legend's line."""
DPI = 200


@dataclass(frozen=True)
class Drawing:
    """A finished figure: the name of its files, its caption, and the bytes."""

    name: str
    caption: str
    svg: str
    png: bytes
    pdf: bytes


def grid(
    panels: int, columns: int, height: float | Sequence[float], alone: float = COLUMN
) -> tuple[Figure, list[Axes]]:
    """A figure with so many axes, row by row, of one height or each of its own; it belongs to no
    pyplot state. One panel alone takes a column of a page unless told, more of them a page."""
    columns = min(columns, panels)
    heights = [height] * panels if isinstance(height, float | int) else list(height)
    rows = [max(heights[start : start + columns]) for start in range(0, panels, columns)]
    width = alone if panels == 1 else PAGE
    figure = Figure(figsize=(width, sum(rows)), layout="constrained")
    axes = list(figure.subplots(len(rows), columns, squeeze=False, height_ratios=rows).flat)
    for spare in axes[panels:]:
        spare.set_axis_off()
    return figure, axes[:panels]


def title(text: str, inches: float = COLUMN) -> str:
    """The title of a panel, wrapped to its width."""
    return textwrap.fill(plain(text), max(12, int(inches / LETTER)))


def plain(text: str) -> str:
    """The text as matplotlib shows it unchanged: a dollar opens no formula."""
    return text.replace("$", r"\$")


def pages(items: Sequence[Any], most: int) -> list[Sequence[Any]]:
    """The items in order, at most so many on a page and about equally many on each."""
    count = math.ceil(len(items) / most)
    size = math.ceil(len(items) / count) if count else 1
    return [items[start : start + size] for start in range(0, len(items), size)]


def numbered(name: str, caption: str, page: int, count: int) -> tuple[str, str]:
    """The name and the caption of one of several pages; the first keeps the name."""
    if count == 1:
        return name, caption
    return name if page == 0 else f"{name}-{page + 1}", f"{caption} Page {page + 1} of {count}."


def entries(labels: Sequence[str], look: Mapping[str, Look], marker: bool = False) -> list[Line2D]:
    """A legend entry for each label."""
    return [
        Line2D(
            [],
            [],
            label=plain(label),
            color=look[label].colour,
            linestyle=look[label].linestyle,
            marker=look[label].marker if marker else "",
            markersize=4,
        )
        for label in labels
    ]


def legend_below(
    figure: Figure, handles: Sequence[Line2D], columns: Sequence[Sequence[Line2D]] = ()
) -> None:
    """The legend under all panels, and above it one a column, the figure grown by their height."""
    width, height = figure.get_size_inches()
    across, rows = _arranged(handles, width)
    own = max((sum(map(_lines, column)) for column in columns), default=0)
    low, high = (0.12 * bool(lines) + LINE * lines for lines in (rows, own))
    whole = height + low + high
    figure.set_size_inches(width, whole)
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, (low + high) / whole, 1, height / whole))
    style: dict[str, Any] = {"frameon": False, "handlelength": 2.5}
    if handles:
        figure.legend(
            handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0), ncols=across, **style
        )
    for number, column in enumerate(columns):
        place = ((number + 0.5) / len(columns), (low + high) / whole)
        figure.legend(handles=column, loc="upper center", bbox_to_anchor=place, **style)


def _arranged(handles: Sequence[Line2D], width: float) -> tuple[int, int]:
    """The columns and rows of a legend that is so wide: as many columns as fit."""
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    most = max(1, int(width / (0.55 + LETTER * longest)))
    rows = math.ceil(len(handles) / most)
    return math.ceil(len(handles) / max(1, rows)), rows


def _lines(handle: Line2D) -> int:
    return 1 + str(handle.get_label()).count("\n")


def score_axis(axis: Any, metric: str) -> None:
    """Percent on the axis of an accuracy."""
    if is_accuracy(metric):
        axis.set_major_formatter(PercentFormatter(xmax=1))


def finish(figure: Figure, name: str, caption: str) -> Drawing:
    """The drawing: the same bytes each time, and no identifier that another drawing has."""
    vector, raster, printed = io.StringIO(), io.BytesIO(), io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    _settle(figure)
    FigureCanvasSVG(figure).print_svg(vector, metadata=nothing)  # savefig draws everything twice
    FigureCanvasPdf(figure).print_pdf(printed, metadata={"CreationDate": None})
    figure.set_dpi(DPI)
    FigureCanvasAgg(figure).print_png(raster, metadata={"Software": None})
    short = re.sub(r' d="[^"]*"', _shortened, vector.getvalue())
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", short)
    return Drawing(name, caption, svg, raster.getvalue(), printed.getvalue())


def _settle(figure: Figure) -> None:
    """Finds the layout, once for all files. The solver's last digits depend on addresses."""
    figure.set_dpi(DPI)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")
    for ax in figure.axes:
        ax.set_position(Bbox(ax.get_position().get_points().round(6)))


def _shortened(path: re.Match[str]) -> str:
    """The path with coordinates to a hundredth of a point, for a smaller page."""
    return re.sub(r"(\.\d\d)\d+", r"\1", path[0])
