"""Records on disk and back: one JSON-lines file a run, `<results>/<suite>/<stack>/<name>.jsonl`.

The first line is the record without its measurements; each further line is one measurement,
`[step, quantity, where, value]`. A file appears under its name only when it is whole.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from bench.records import (
    FINISHED,
    SCHEMA,
    Measurement,
    RunRecord,
    Status,
    decode_number,
    encode,
    spec_from_json,
)


class BadRecord(ValueError):
    """A file that is not a record; the message names the file, the line and what is wrong."""


def record_path(record: RunRecord, results: Path) -> Path:
    """Where the record belongs below the results folder; the name holds no other path."""
    spec = record.spec
    name = f"{slug(spec.task)}-{slug(spec.model)}-s{spec.seed}-{spec.run_id}.jsonl"
    return results / slug(spec.suite) / slug(record.stack) / name


def slug(name: str) -> str:
    """The name as a safe part of a file name: a slash becomes two underscores."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name.replace("/", "__"))[:60].lstrip(".") or "_"


def write_record(record: RunRecord, results: Path) -> Path:
    """The path written; the file is complete or absent, whatever happens meanwhile."""
    path = record_path(record, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in record_lines(record))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def keep_record(record: RunRecord, results: Path) -> Path:
    """Writes the record, unless it failed and a finished one of the same run stands there."""
    path = record_path(record, results)
    if record.status not in FINISHED and path.exists():
        with suppress(BadRecord):
            if read_record(path).status in FINISHED:
                return path
    return write_record(record, results)


def record_lines(record: RunRecord) -> Iterator[str]:
    """The lines of the record's file."""
    header = {
        "schema": SCHEMA,
        "run_id": record.spec.run_id,
        "spec": record.spec.written(),
        "status": str(record.status),
        "error": record.error,
        "versions": record.versions,
        "environment": record.environment,
        "facts": record.facts,
    }
    yield json.dumps(encode(header), sort_keys=True, allow_nan=False)
    for row in record.measurements:
        yield json.dumps(encode(list(row)), separators=(",", ":"), allow_nan=False)


def read_record(path: Path) -> RunRecord:
    """The record in the file; anything else raises BadRecord."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRecord(f"{path}: cannot be read ({error})") from None
    number = 1
    try:
        record = _header(lines[0] if lines else "")
        rows = []
        for number, line in enumerate(lines[1:], start=2):  # noqa: B007 (read in the except)
            rows.append(_measurement(line))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRecord(f"{path}, line {number}: {error}") from None
    return RunRecord(**record, measurements=tuple(rows))


def _header(line: str) -> dict:
    data = json.loads(line or "null")
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else None
        raise ValueError(f"schema {found!r} is not {SCHEMA}, the one this version reads")
    spec = spec_from_json(data["spec"])
    if spec.run_id != data["run_id"]:
        raise ValueError(f"run_id {data['run_id']!r} does not belong to its spec ({spec.run_id})")
    rest = {key: data[key] for key in ("error", "versions", "environment", "facts")}
    return {"spec": spec, "status": Status(data["status"]), **rest}


def _measurement(line: str) -> Measurement:
    step, quantity, where, value = json.loads(line)
    return Measurement(int(step), str(quantity), str(where), decode_number(value))


def record_files(folder: Path) -> list[Path]:
    """Every record file in the folder and below, sorted."""
    return sorted(path for path in folder.rglob("*.jsonl") if not path.name.startswith("."))


def read_folder(folder: Path) -> tuple[list[RunRecord], list[str]]:
    """The records below the folder, and a sentence for each file that is not one."""
    records, problems = [], []
    for path in record_files(folder):
        try:
            records.append(read_record(path))
        except BadRecord as error:
            problems.append(str(error))
    return records, problems


class Conflict(ValueError):
    """Two different records of one run on one stack; the message names both files."""


def merge(sources: Iterable[Path], out: Path) -> tuple[int, int]:
    """(records copied, records already there) after bringing the sources' records into `out`.

    Nothing is overwritten: a different record under one name raises Conflict before any copy.
    """
    copies, present = {}, 0
    for source in sources:
        if not source.is_dir():
            raise FileNotFoundError(f"{source} is not a results folder")
        for path in record_files(source):
            target = record_path(read_record(path), out)
            other = target if target.exists() else copies.get(target)
            if other is not None and other.read_bytes() != path.read_bytes():
                raise Conflict(f"{path} and {other} are different records of one run")
            present += other is not None
            copies.setdefault(target, path)
    new = {target: path for target, path in copies.items() if not target.exists()}
    for path in new.values():
        write_record(read_record(path), out)
    return len(new), present


def load(folder: Path | str) -> pd.DataFrame:
    """One row a measurement of every readable record below the folder, and a `status` row each.

    Columns: suite, stack, run_id, model, task, axis, seed, status, step, quantity, where, value,
    then the other fields of the spec.
    """
    return measurement_rows(read_folder(Path(folder))[0])


def measurement_rows(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a measurement, and for every record one row `status` whose value is null."""
    rows = []
    for record in records:
        keys = _keys(record)
        last = max((m.step for m in record.measurements), default=0)
        status = Measurement(last, "status", str(record.status), None)
        rows += [keys | m._asdict() for m in (*record.measurements, status)]
    return pd.DataFrame(rows, columns=[*LEADING, *Measurement._fields, *SPEC_COLUMNS])


def run_rows(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a record: the keys of `load`, the error, and every fact as a column of its own."""
    rows = [{**_keys(record), "error": record.error, **record.facts} for record in records]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*LEADING, *SPEC_COLUMNS, "error"])


LEADING = ["suite", "stack", "run_id", "model", "task", "axis", "seed", "status"]
SPEC_COLUMNS = [
    "width",
    "learning_rate",
    "batch_size",
    "updates",
    "depth",
    "task_args",
    "task_version",
    "model_args",
    "model_version",
    "output_scale",
    "optimiser",
    "optimiser_args",
    "rate_scales",
    "schedule",
    "gradient_clip",
    "validate_at",
    "test_at",
    "gradients_at",
    "precision",
    "threads",
    "plugin",
    "diagnostics",
    "frozen",
    "backend",
]


def _keys(record: RunRecord) -> dict:
    """The columns that all rows of a record share; mappings and tuples as JSON text."""
    spec = {
        name: value
        if isinstance(value, str | int | float | None)
        else json.dumps(encode(value), sort_keys=True)
        for name, value in asdict(record.spec).items()
    }
    extra = {
        "stack": record.stack,
        "run_id": record.spec.run_id,
        "status": str(record.status),
    }
    return spec | extra
