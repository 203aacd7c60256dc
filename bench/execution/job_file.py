"""The launches of one job in a file, and which of them are still to do.

A record counts for a job if it is not older than the job's file and tells an end. So what is to be
done again is done again, and a job that its cluster starts twice does no run twice.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from bench.records import RunRecord, RunSpec, Status, encode, spec_from_json
from bench.store import BadRecord, read_record, slug
from bench.strict_json import parse


def write_launches(launches: Iterable[Sequence[RunSpec]], file: Path) -> None:
    """A JSON list of launches, each the list of its specs."""
    written = [[encode(spec.written()) for spec in launch] for launch in launches]
    file.write_text(json.dumps(written), encoding="utf-8")


def read_launches(file: Path) -> list[tuple[RunSpec, ...]]:
    """The launches in the file; anything else raises ValueError or OSError."""
    return _launches(parse(file.read_text(encoding="utf-8")))


def to_do(file: Path, results: Path) -> list[tuple[RunSpec, ...]]:
    """The launches in the file without the runs that have a record since it was written; or the
    run of the one spec that it holds. Anything else raises ValueError or OSError."""
    data = parse(file.read_text(encoding="utf-8"))
    if isinstance(data, dict):
        return [(spec_from_json(data),)]
    launches, written = _launches(data), file.stat().st_mtime
    found = recorded_since([(spec, written) for launch in launches for spec in launch], results)
    done = {record.spec.run_id for record in found.values()}
    left = [tuple(spec for spec in launch if spec.run_id not in done) for launch in launches]
    return [launch for launch in left if launch]


def recorded_since(runs: Iterable[tuple[RunSpec, float]], results: Path) -> dict[Path, RunRecord]:
    """By their files the records of these runs, on whatever stack, that tell an end and are not
    older than is said beside each."""
    since = {spec.run_id: (slug(spec.suite), seconds) for spec, seconds in runs}
    paths = [
        path
        for suite in sorted({suite for suite, _ in since.values()})
        for path in sorted((results / suite).glob("*/*.jsonl"))
    ]
    names = [(path, path.stem.rpartition("-")[2]) for path in paths]
    found = {path: ended(path, since[run][1]) for path, run in names if run in since}
    return {path: record for path, record in found.items() if record}


def ended(file: Path, since: float = 0.0) -> RunRecord | None:
    """The record in the file, if it is not older and tells an end. `lost` is none: who finds a run
    lost does it again."""
    with suppress(OSError, BadRecord):
        if file.stat().st_mtime >= since:
            record = read_record(file)
            return None if record.status is Status.lost else record
    return None


def _launches(data: object) -> list[tuple[RunSpec, ...]]:
    if not isinstance(data, list) or not all(isinstance(launch, list) for launch in data):
        raise ValueError("it is neither a spec nor a list of lists of specs")
    return [tuple(map(spec_from_json, launch)) for launch in data if launch]
