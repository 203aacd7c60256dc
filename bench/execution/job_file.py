"""The launches of one job in a file, and which of them are still to do.

A record counts for a job if it is not older than the job's file. So what is to be done again is
done again, and a job that its cluster starts twice does no run twice.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.records import RunSpec, encode, spec_from_json
from bench.store import slug
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
    done = set(map(run_of, found))
    left = [tuple(spec for spec in launch if spec.run_id not in done) for launch in launches]
    return [launch for launch in left if launch]


def recorded_since(runs: Iterable[tuple[RunSpec, float]], results: Path) -> list[Path]:
    """The records of these runs, on whatever stack, that are not older than is said beside each."""
    since = {spec.run_id: (slug(spec.suite), seconds) for spec, seconds in runs}
    paths = [
        path
        for suite in sorted({suite for suite, _ in since.values()})
        for path in sorted((results / suite).glob("*/*.jsonl"))
    ]
    own = [path for path in paths if run_of(path) in since]
    return [path for path in own if path.stat().st_mtime >= since[run_of(path)][1]]


def run_of(record: Path) -> str:
    """The run_id in the name of a record's file."""
    return record.stem.rpartition("-")[2]


def _launches(data: object) -> list[tuple[RunSpec, ...]]:
    if not isinstance(data, list) or not all(isinstance(launch, list) for launch in data):
        raise ValueError("it is neither a spec nor a list of lists of specs")
    return [tuple(map(spec_from_json, launch)) for launch in data if launch]
