"""The first line of a record: what it holds, and how it is read. Standard library only.

`measurements` counts the lines that follow, so that a file that lost its end is noticed;
`recorded_at` is when the record was written, in UTC.
"""

import json
import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bench.records import SCHEMA, RunRecord, Status, encode, spec_from_json
from bench.strict_json import parse
from bench.upgrade import Header, upgraded

FIELDS: Mapping[str, tuple[type, ...]] = {
    "schema": (int,),
    "run_id": (str,),
    "spec": (dict,),
    "status": (str,),
    "error": (str, type(None)),
    "versions": (dict,),
    "environment": (dict,),
    "facts": (dict,),
    "measurements": (int, type(None)),
    "recorded_at": (str, type(None)),
}
TIME = "%Y-%m-%dT%H:%M:%SZ"


def header_line(record: RunRecord) -> str:
    """The record without its measurements, as a line."""
    header = {
        "schema": SCHEMA,
        "run_id": record.spec.run_id,
        "spec": record.spec.written(),
        "status": str(record.status),
        "error": record.error,
        "versions": record.versions,
        "environment": record.environment,
        "facts": record.facts,
        "measurements": len(record.measurements),
        "recorded_at": record.recorded_at,
    }
    return json.dumps(encode(header), sort_keys=True, allow_nan=False)


def parse_header(line: str) -> Header:
    """The fields of the line, of the newest schema, with its spec and status as values."""
    header = parse(line)
    if not isinstance(header, dict):
        raise ValueError("a record begins with a JSON object that holds its schema and its spec")
    header = upgraded(header)
    _check_fields(header)
    spec = spec_from_json(header["spec"])
    if spec.run_id != header["run_id"]:
        found = reprlib.repr(header["run_id"])
        raise ValueError(f"run_id {found} does not belong to its spec ({spec.run_id})")
    return {**header, "spec": spec, "status": _status(header["status"])}


def now() -> str:
    """The time of day in UTC, as a record holds it."""
    return datetime.now(UTC).strftime(TIME)


def _check_fields(header: Mapping[str, Any]) -> None:
    if unknown := sorted(set(header) - set(FIELDS)):
        raise ValueError(f"the field {reprlib.repr(unknown[0])} is unknown")
    for name, types in FIELDS.items():
        if name not in header:
            raise ValueError(f"the field {name!r} is missing")
        if not isinstance(header[name], types) or isinstance(header[name], bool):
            raise ValueError(f"the field {name!r} cannot be {reprlib.repr(header[name])}")
    if not isinstance(header["environment"].get("stack", ""), str):
        raise ValueError("the stack in 'environment' is not a string")
    if header["recorded_at"] is not None:
        _check_time(header["recorded_at"])


def _check_time(text: str) -> None:
    try:
        written = datetime.strptime(text, TIME).strftime(TIME)
    except ValueError:
        written = None
    if written != text:
        raise ValueError(f"recorded_at {reprlib.repr(text)} is no time like 2026-01-31T23:59:59Z")


def _status(text: str) -> Status:
    if text not in list(Status):
        known = ", ".join(Status)
        raise ValueError(f"status {reprlib.repr(text)} is unknown; there are: {known}")
    return Status(text)
