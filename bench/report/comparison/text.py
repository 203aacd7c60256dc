"""A comparison as a text to read, and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from tabulate import tabulate

from bench.records import encode
from bench.report.comparison.differences import Comparison, Row
from bench.report.comparison.pairs import Name
from bench.report.comparison.sides import Side
from bench.report.formats import is_accuracy, score_text
from bench.report.gains import signed

MOST = 10
"""So many lines are said of what one side has alone; the JSON has all."""


def as_text(found: Comparison) -> str:
    """A table a group, what one side has alone, the regressions and a sentence."""
    return "\n".join(_lines(found))


def as_json(found: Comparison) -> str:
    """All of it at full precision; null is unknown."""
    data = {
        "margin": found.margin,
        "a": _side_data(found.a),
        "b": _side_data(found.b),
        "rows": [_row_data(row) for row in found.rows],
        "only_a": [_alone_data(*item) for item in found.only_a.items()],
        "only_b": [_alone_data(*item) for item in found.only_b.items()],
        "regressions": len(found.regressions),
    }
    return json.dumps(encode(data), indent=1, allow_nan=False, ensure_ascii=False)


def _lines(found: Comparison) -> Iterator[str]:
    for letter, side in (("A", found.a), ("B", found.b)):
        yield _side_text(letter, side)
        yield from side.problems
    for place, rows in groupby(found.rows, key=lambda row: row.name[:3]):
        yield f"\n{place[0]}, {place[1]}: {place[2]}"
        yield _table(list(rows))
    yield ""
    if any(row.speed.n and not row.speed.counts for row in found.rows):
        yield "* another stack or processor: an indication only"
    yield from _alone("A", found.only_a)
    yield from _alone("B", found.only_b)
    if told := sorted({text for row in found.rows for text in row.versions}):
        yield f"versions differ: {'; '.join(told)}"
    for row in found.regressions:
        yield f"worse in B: {', '.join(row.name)}: {_reasons(row)}"
    yield _verdict(found)


def _side_text(letter: str, side: Side) -> str:
    torch = sorted({str(record.versions.get("torch", "unknown")) for record in side.records})
    return (
        f"{letter}: {side.name} ({side.source}): {len(side.records)} runs on "
        f"{', '.join(side.stacks)}, torch {', '.join(torch)}"
    )


def _table(rows: Sequence[Row]) -> str:
    """The rows of a group, without the columns that would be empty throughout."""
    texts = [_texts(row) for row in rows]
    shown = [name for name in texts[0] if any(text[name] for text in texts)]
    cells = [[text[name] for name in shown] for text in texts]
    return tabulate(cells, shown, disable_numparse=True)


def _texts(row: Row) -> dict[str, str]:
    scores, speed = row.scores, row.speed
    metric = scores.metric or "score"
    points = ", points" if is_accuracy(metric) else ""
    return {
        "model": row.name.label,
        "pairs": str(row.pairs),
        f"{metric} A": score_text(scores.mean_a, metric),
        "B": score_text(scores.mean_b, metric),
        f"B − A{points}": _signed(scores.difference, metric),
        "95 % interval": _span(_signed(scores.low, metric), _signed(scores.high, metric)),
        "allowed": "" if scores.allowed is None else f"± {_signed(scores.allowed, metric)[1:]}",
        "seconds B/A": _ratio(speed.ratio) + "*" * (speed.n > 0 and not speed.counts),
        "its interval": _span(_ratio(speed.low), _ratio(speed.high)),
        "outcomes": "; ".join(row.changes),
        "worse": ", ".join(row.worse),
    }


def _reasons(row: Row) -> str:
    """Why B is worse, with numbers."""
    scores, speed = row.scores, row.speed
    said = {
        "score": lambda: (
            f"{scores.metric or 'score'} {_signed(scores.difference, scores.metric)}, "
            f"more than {_signed(scores.allowed, scores.metric)[1:]} to the worse"
        ),
        "outcome": lambda: "; ".join(row.changes),
        "speed": lambda: f"{_ratio(speed.ratio)} times the seconds",
    }
    return "; ".join(said[name]() for name in row.worse)


def _verdict(found: Comparison) -> str:
    pairs, worse = sum(row.pairs for row in found.rows), len(found.regressions)
    many = {0: "no regression", 1: "1 regression"}.get(worse, f"{worse} regressions")
    return f"{pairs} pairs in {len(found.rows)} rows; {many} beyond a margin of {found.margin:g}"


def _alone(letter: str, names: Mapping[Name, Sequence[int]]) -> Iterator[str]:
    """What the side has alone."""
    runs = sum(map(len, names.values()))
    if runs:
        yield f"only in {letter}: {runs} {'run' if runs == 1 else 'runs'}"
    for name, seeds in list(names.items())[:MOST]:
        yield f"  {', '.join(name)}: seed {', '.join(map(str, seeds))}"
    if len(names) > MOST:
        yield f"  and {len(names) - MOST} more; --format json lists all"


def _signed(value: float | None, metric: str) -> str:
    return "" if value is None else signed(value, metric)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _span(low: str, high: str) -> str:
    return f"{low} to {high}" if low and high else ""


def _side_data(side: Side) -> dict[str, Any]:
    commits = {record.environment.get("commit") for record in side.records} - {None}
    return {
        "name": side.name,
        "source": side.source,
        "runs": len(side.records),
        "stacks": side.stacks,
        "commits": sorted(map(str, commits)),
        "problems": list(side.problems),
    }


def _row_data(row: Row) -> dict[str, Any]:
    parts = {"scores": asdict(row.scores), "speed": asdict(row.speed)}
    told = {name: list(getattr(row, name)) for name in ("changes", "versions", "worse")}
    return {**row.name._asdict(), "pairs": row.pairs, **parts, **told}


def _alone_data(name: Name, seeds: Sequence[int]) -> dict[str, Any]:
    return {**name._asdict(), "seeds": list(seeds)}
