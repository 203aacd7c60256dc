"""A panel in which every model has a row: its name on the left, the best on top."""

from collections.abc import Collection, Sequence

from matplotlib.axes import Axes

from bench.report.legend_columns import is_headline
from bench.report.panels import COLUMN, LETTER, PAGE, plain

MOST_COLUMNS = 3


def row_columns(labels: Collection[str], narrowest: float) -> int:
    """How many panels stand side by side, of at least so many inches beside the longest name."""
    return max(1, min(MOST_COLUMNS, int(PAGE / (narrowest + _longest(labels)))))


def alone(labels: Collection[str], wide: float) -> float:
    """Inches: a figure of one panel that is so wide beside the longest name, within the page."""
    return min(PAGE, max(COLUMN, wide + _longest(labels)))


def _longest(labels: Collection[str]) -> float:
    return LETTER * max(map(len, labels))


def name_rows(ax: Axes, labels: Sequence[str]) -> None:
    """The labels from top to bottom, at 0, 1, 2 and so on, the proposed ones bold."""
    ax.set_yticks(range(len(labels)), [plain(label) for label in labels])
    for tick, label in zip(ax.get_yticklabels(), labels, strict=True):
        tick.set_fontweight("bold" if is_headline(label) else "normal")
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_ylabel("")
