"""A record as text, and back: the header's line, then a line a measurement,
`[step, quantity, where, value]`. Standard library only.
"""

import json
import reprlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

from bench.header import header_line, parse_header
from bench.records import Measurement, RunRecord, Status, decode_number, encode
from bench.strict_json import DECODER, LARGEST, check_text, sentence
from bench.upgrade import Header


class Fault(NamedTuple):
    """What is wrong with a line, counted from 1."""

    line: int
    sentence: str


def record_lines(record: RunRecord) -> Iterator[str]:
    """The lines of the record's file."""
    yield header_line(record)
    yield from map(measurement_line, record.measurements)


def said(record: RunRecord) -> list[str]:
    """What the record says, as lines: all but when it was written."""
    return list(record_lines(replace(record, recorded_at=None)))


def measurement_line(row: Measurement) -> str:
    """The measurement as a line of a record."""
    values = [row.step, str(row.quantity), str(row.where), row.value]
    return json.dumps(encode(values), separators=(",", ":"), allow_nan=False)


def parse_record(text: str, most: int = 1) -> tuple[RunRecord | None, list[Fault]]:
    """The record that the text is and no faults, or None and the first `most` of its faults."""
    *lines, cut = text.split("\n")
    if not lines:
        return None, [Fault(1, CUT if cut else "the file is empty")]
    header, faults = None, []
    try:
        header = parse_header(lines[0])
    except (ValueError, RecursionError) as error:
        faults = [Fault(1, sentence(error))]
    rows, wrong = _rows(lines[1:], most)
    faults += wrong
    if cut:
        faults += [Fault(len(lines) + 1, f"{CUT}{_left(header, rows)}")]
    elif header is not None and not faults and (lack := _lack(header, rows)):
        faults += [Fault(len(lines), lack)]
    if header is None or faults:
        return None, faults[:most]
    kept = {name: header[name] for name in KEPT}
    return RunRecord(**kept, measurements=tuple(rows)), []


def parse_measurement(line: str) -> Measurement:
    """The measurement that the line is; `sentence` says of an error what it is not."""
    row = DECODER.decode(line)
    if not isinstance(row, list) or len(row) != 4:
        raise ValueError("a measurement is [step, quantity, where, value]")
    step, quantity, where, value = row
    if type(step) is not int or not 0 <= step <= LARGEST:
        raise ValueError(f"step {reprlib.repr(step)} is not a whole number from 0")
    if not isinstance(quantity, str) or not isinstance(where, str):
        raise ValueError("the quantity and the place of a measurement are strings")
    if type(value) is not float or not isfinite(value):
        value = decode_number(value)
    return Measurement(step, _name(quantity), _name(where), value)


CUT = "the file ends within this line"
KEPT = ("spec", "status", "error", "versions", "environment", "facts", "recorded_at")


def _rows(lines: Sequence[str], most: int) -> tuple[list[Measurement], list[Fault]]:
    rows, faults = [], []
    for number, line in enumerate(lines, start=2):
        try:
            rows.append(parse_measurement(line))
        except (ValueError, RecursionError) as error:
            faults.append(Fault(number, sentence(error)))
            if len(faults) == most:
                break
    return rows, faults


@lru_cache(maxsize=4096)
def _name(text: str) -> str:
    """The same text, one object for all measurements that share it."""
    check_text(text)
    return text


def _left(header: Header | None, rows: Sequence[Measurement]) -> str:
    """How much of the record comes before the cut."""
    if header is None or header["measurements"] is None:
        return f"; {len(rows)} measurements are left"
    return f"; {len(rows)} of {header['measurements']} measurements are left"


def _lack(header: Header, rows: Sequence[Measurement]) -> str | None:
    """What is missing after the last line, as far as the first one tells.

    A file of schema 1 does not say how many lines it had; but a run that was `ok` measured
    something after its last update.
    """
    written, updates = header["measurements"], header["spec"].updates
    if written is not None and written != len(rows):
        return f"{written} measurements were written, {len(rows)} are here"
    last = max((row.step for row in rows), default=0)
    if written is None and header["status"] is Status.ok and last < updates:
        return f"the measurements end at update {last} of a run that was ok after {updates}"
    return None
