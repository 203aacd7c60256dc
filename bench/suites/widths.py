"""The widths at which the models have the trainable parameters of a ROAF of 128 units.

`widths.csv` is made by `python -m bench.models.match`. A model that would need more than 256 units
has these, and fewer parameters. What a task feeds and reads decides: hence its shape.
"""

import csv
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("widths.csv")
COLUMNS = ("shape", "model", "width")
REFERENCE = 128
SHAPES = {
    "1 feature, 10 outputs": "psdigits",
    "2 features, 1 output": "adding",
    "10 features, 9 outputs": "copy/urnn",
    "96 features, 10 outputs": "ncifar10-fixed",
}
"""A task of each shape; the first count is that of the features a step, the second the outputs."""


def matched_widths(shape: str) -> dict[str, int]:
    """The width of every model for a task of that shape, and of one that is not in the table."""
    found = {row["model"]: int(row["width"]) for row in _rows() if row["shape"] == shape}
    return {"*": REFERENCE} | found


@cache
def _rows() -> list[dict[str, str]]:
    """The table, read once."""
    return list(csv.DictReader(TABLE.read_text().splitlines()))
