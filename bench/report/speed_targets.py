"""The figures that ROAF's training step is to reach beside torch's own networks.

Forward and backward of a training step at 784 steps and one input: how many times ROAF's seconds
the others take. They were set before the backends were written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import pandas as pd

from bench.report.formats import number_text
from bench.report.speed import REFERENCE, Point

LENGTH = 784
PEERS = ("nn.RNN", "nn.LSTM", "nn.GRU", REFERENCE)
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Target:
    """What is to be reached at a shape, over whom; by the backend of "auto" or the one named."""

    device: str
    width: int
    batch: int
    filter: str
    figures: Mapping[str, float | int]
    backend: str = "auto"

    def meets(self, point: Point) -> bool:
        """Whether the point is the one that is meant."""
        own = LENGTH, self.width, self.batch, self.filter, self.device
        found = point.steps, point.width, point.batch, point.filter, device_of(point.stack)
        return not point.deep and own == found


def over_torch(*figures: float | int) -> dict[str, float | int]:
    """Over nn.RNN, nn.LSTM and, where there are three, nn.GRU."""
    return dict(zip(PEERS, figures, strict=False))


SHAPES_OF_A_GPU = tuple((width, batch) for width in (128, 256) for batch in (32, 128))
LOOP = {REFERENCE: 20.0}
TARGETS = (
    Target("cpu", 64, 32, "haar", over_torch(4, 3.5, 12)),
    Target("cpu", 128, 32, "haar", over_torch(2.5, 2.7, 7)),
    Target("cpu", 128, 32, "rotations", over_torch(3.5, 4, 10)),
    Target("cpu", 256, 32, "haar", over_torch(1.5, 2.3, 4.5)),
    Target("cpu", 256, 32, "rotations", over_torch(2.2, 3.5, 7)),
    Target("cpu", 128, 1, "haar", over_torch(12, 3.5, 30)),
    Target("cpu", 128, 1, "rotations", over_torch(20, 6, 50)),
    Target("cpu", 1024, 1, "rotations", over_torch(8, 10), backend="parallel"),
    *(Target("cuda", *shape, "rotations", over_torch(2, 3, 3) | LOOP) for shape in SHAPES_OF_A_GPU),
    *(Target("cuda", *shape, "haar", LOOP) for shape in SHAPES_OF_A_GPU),
)


def device_of(stack: str) -> str:
    """ "cpu" or "cuda"."""
    return "cpu" if stack.startswith("cpu") else "cuda"


def target_rows(points: Sequence[Point]) -> list[dict[str, Any]]:
    """A row a figure, and a stack that has the point; one without a stack where none has."""
    return [row for target in TARGETS for row in _rows(target, points)]


def _rows(target: Target, points: Sequence[Point]) -> Iterator[dict[str, Any]]:
    own = [point for point in points if target.meets(point)]
    for point in own or (None,):
        for peer, figure in target.figures.items():
            yield {
                "stack": None if point is None else point.stack,
                "device": target.device,
                "steps": LENGTH,
                "width": target.width,
                "batch": target.batch,
                "filter": target.filter,
                "backend": _backend(target, point),
                "peer": peer,
                "figure": figure,
                **_measured(target, point, peer),
            }


def _backend(target: Target, point: Point | None) -> str:
    if target.backend != "auto" or point is None:
        return target.backend
    return point.chosen.removeprefix(f"{point.model}/")


def _measured(target: Target, point: Point | None, peer: str) -> dict[str, Any]:
    """The median ratio and its range over the rounds, and whether the figure is reached."""
    ratios: tuple[float, ...] = ()
    if point is not None:
        own = point.ways.get(_backend(target, point))
        over = point.ways.get(peer, peer)
        ratios = point.ratios(over, own) if own else ()
    if not ratios:
        return dict.fromkeys(("ratio", "ratio_low", "ratio_high", "rounds", "reached"))
    middle = median(ratios)
    return {
        "ratio": middle,
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "rounds": len(ratios),
        "reached": middle >= target.figures[peer],
    }


def target_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows of `target_rows` as text, a line a point: of each peer the ratio and the figure."""
    lines: dict[tuple, dict[str, str]] = {}
    for row in rows:
        key = tuple(
            row[name] for name in ("stack", "device", "width", "batch", "filter", "backend")
        )
        line = lines.setdefault(key, _line(row))
        line[f"{row['peer']} / ROAF"] = _ratio_text(row)
        line["reached"] = _verdict(line["reached"], row)
    table = pd.DataFrame(list(lines.values()), dtype=object).fillna("")
    return table[[*(name for name in table if name != "reached"), "reached"]]


def _line(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "stack": row["stack"] or {"cpu": "a CPU", "cuda": "a GPU"}[row["device"]],
        "units": number_text(row["width"]),
        "batch": number_text(row["batch"]),
        "filter": row["filter"],
        "computed by": row["backend"],
        "rounds": "" if row["rounds"] is None else str(row["rounds"]),
        "reached": "",
    }


def _ratio_text(row: Mapping[str, Any]) -> str:
    wanted = f"of {row['figure']:g}"
    if row["ratio"] is None:
        return f"{NOT_MEASURED} {wanted}"
    return f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) {wanted}"


def _verdict(so_far: str, row: Mapping[str, Any]) -> str:
    """ "yes" where every figure is reached, else over whom it is not."""
    if row["ratio"] is None:
        return NOT_MEASURED
    if so_far in ("", "yes") and row["reached"]:
        return "yes"
    missed = [so_far.removeprefix("not over ")] if so_far.startswith("not over") else []
    return "not over " + ", ".join([*missed, *([] if row["reached"] else [row["peer"]])])
