"""Records on disk and back: one JSON-lines file a run, `<results>/<suite>/<stack>/<name>.jsonl`.

A file appears under its name only when it is whole. What is not a whole record is never taken for
one: reading it raises BadRecord, reading its folder names it and goes on. Hidden files and folders
are not looked into. Nothing that is read is executed.
"""

import errno
import hashlib
import os
import re
import stat
import tempfile
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.header import now
from bench.record_text import parse_record, record_lines
from bench.records import FINISHED, RunRecord, Status
from bench.rows import SPEC_COLUMNS as SPEC_COLUMNS
from bench.rows import measurement_rows as measurement_rows
from bench.rows import run_rows as run_rows

LARGEST_FILE = 2**28
"""Bytes; a record of 10,000 distances at a hundred looks has a tenth of it."""


class BadRecord(ValueError):
    """A file that is not a record; the message names the file, the line and what is wrong."""


def load(folder: Path | str) -> pd.DataFrame:
    """One row a measurement of every record below the folder, and a `status` row each.

    A file that is not a record is missing in the table, after a warning that names it.
    """
    records, problems = read_folder(Path(folder))
    for problem in problems:
        warnings.warn(f"not in the table: {problem}", stacklevel=2)
    return measurement_rows(records)


def read_folder(folder: Path) -> tuple[list[RunRecord], list[str]]:
    """The records below the folder, and a sentence for each file that is not one."""
    records, problems = [], []
    for path in record_files(folder):
        try:
            records.append(read_record(path))
        except BadRecord as error:
            problems.append(str(error))
    return records, problems


def read_record(path: Path) -> RunRecord:
    """The record in the file; anything else raises BadRecord."""
    record, faults = parse_record(read_text(path))
    if record is None:
        raise BadRecord(f"{shown(path)}, line {faults[0].line}: {faults[0].sentence}")
    return record


def read_text(path: Path) -> str:
    """The file's text, where bytes that are none stand as surrogates; BadRecord if it has none."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BadRecord(f"{shown(path)}: cannot be read (it is not a plain file)")
        if found.st_size > LARGEST_FILE:
            raise BadRecord(f"{shown(path)}: cannot be read (over {LARGEST_FILE:,} bytes)")
        return path.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise BadRecord(f"{shown(path)}: cannot be read ({error.strerror})") from None


def record_files(folder: Path) -> list[Path]:
    """Every record file in the folder and below, sorted.

    A folder that cannot be looked into is among them, so that whoever reads the files says so.
    """
    return survey(folder)[0]


def survey(folder: Path) -> tuple[list[Path], list[Path]]:
    """The record files in the folder and below, and the hidden files and folders, each sorted."""
    records, hidden, folders = [], [], [folder]
    while folders:
        here = folders.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        hidden.append(Path(entry))
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry))
                    elif entry.name.endswith(".jsonl"):
                        records.append(Path(entry))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            records.append(here)
    return sorted(records, key=_replicates_last), sorted(hidden)


def _replicates_last(path: Path) -> tuple[Path, int]:
    """A record before those that `merge --keep both` set beside it as `-r2`, `-r3` and so on."""
    found = re.search(r"(?<=.)-r([0-9]+)$", path.stem)
    return (path.with_stem(path.stem[: found.start()]), int(found[1])) if found else (path, 1)


def record_path(record: RunRecord, results: Path) -> Path:
    """Where the record belongs below the results folder; the name holds no other path."""
    spec = record.spec
    name = f"{slug(spec.task)}-{slug(spec.model)}-s{spec.seed}-{spec.run_id}.jsonl"
    return results / slug(spec.suite) / slug(record.stack) / name


def slug(name: str) -> str:
    """The name as a safe part of a file name: a slash becomes two underscores, and what is too long
    ends in a digest of the whole, so that two never meet."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name.replace("/", "__"))
    if len(safe) > LONGEST:
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
        safe = f"{safe[: LONGEST - 9]}-{digest}"
    return safe.lstrip(".") or "_"


LONGEST = 60
"""So much of a name goes into that of a file or a folder."""


def shown(path: Path) -> str:
    """The path as a sentence can hold it: what cannot be printed is escaped."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def keep_record(record: RunRecord, results: Path, drafts: Path | None = None) -> Path:
    """Writes the record, unless it failed and a finished one of the same run stands there, or the
    run was lost and the one there has more measurements."""
    path = record_path(record, results)
    if record.status not in FINISHED and path.exists():
        with suppress(BadRecord):
            there = read_record(path)
            has_more = len(there.measurements) > len(record.measurements)
            if there.status in FINISHED or (record.status is Status.lost and has_more):
                return path
    return write_record(record, results, drafts)


def write_record(record: RunRecord, results: Path, drafts: Path | None = None) -> Path:
    """The path written; the file is complete or absent, whatever happens meanwhile.

    It says when, unless the record does already. It is written in the folder for drafts, by default
    its own, where a writer that is killed leaves what it had.
    """
    path = record_path(record, results)
    dated = record if record.recorded_at else replace(record, recorded_at=now())
    write_whole(path, (f"{line}\n".encode() for line in record_lines(dated)), results, drafts)
    return path


def write_whole(
    path: Path, content: Iterable[bytes], results: Path, drafts: Path | None = None
) -> None:
    """Writes the file, complete or not at all.

    A folder that leads out of the results folder, by a link, raises PermissionError.
    """
    if not path.parent.resolve().is_relative_to(results.resolve()):
        sentence = f"leads out of the results folder {shown(results)}"
        raise PermissionError(errno.EPERM, sentence, str(path.parent))
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=WRITING, dir=drafts or path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        _to_disk(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _to_disk(folder: Path) -> None:
    """What was renamed in the folder is so after a loss of power, too, where its file system can
    promise that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


WRITING = ".writing-"
"""How the name of a file begins that is being written."""
