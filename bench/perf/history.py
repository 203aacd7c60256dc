"""The history: what commits measured, kept in `results/asv` for asv's tools and for the page."""

import json
import math
import platform
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.perf.asv import measure, this_machine
from bench.perf.project import Project

Row = list[Any]
PYTHON = ".".join(platform.python_version_tuple()[:2])
ENVIRONMENT = f"existing-python{PYTHON}"
"""asv names both after the interpreter's path, which is another one in another clone."""


def record(project: Project, commits: Sequence[str], select: str, rounds: int) -> Path:
    """Measures the commits in turns, a round after the other; the folder with the machine's files.

    What a commit has from earlier and is not measured now stays. What was measured before a
    stop is kept.
    """
    hashes = list(dict.fromkeys(project.commit(name) for name in commits))
    machine = this_machine()
    with TemporaryDirectory() as folder, ExitStack() as open_trees:
        room = Path(folder)
        trees = {c: open_trees.enter_context(project.tree(c, room / c)) for c in hashes}
        for number in range(rounds):
            for commit in hashes if number % 2 == 0 else reversed(hashes):
                measure(project, trees[commit], commit, machine, select, room / "results")
                keep(room / "results", project.results, machine.name)
    return project.results / machine.name


def keep(measured: Path, history: Path, machine: str) -> None:
    """Adds asv's files of a machine to the history, under names that hold in every clone."""
    benchmarks, facts = "benchmarks.json", f"{machine}/machine.json"
    _write(history / benchmarks, _read(history / benchmarks) | _read(measured / benchmarks))
    _write(history / facts, _read(measured / facts))
    for file in (measured / machine).glob("*-*.json"):
        new = _placeless(_read(file))
        kept = history / machine / f"{new['commit_hash'][:8]}-{ENVIRONMENT}.json"
        _write(kept, _joined(_read(kept), new))


def _placeless(content: dict[str, Any]) -> dict[str, Any]:
    """The content without the path of the interpreter."""
    params = content["params"] | {"python": PYTHON}
    return content | {"env_name": ENVIRONMENT, "python": PYTHON, "params": params}


def _joined(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new content with the values that only the old has, if both have the same columns."""
    if old.get("result_columns") != new["result_columns"]:
        return new
    rows = {
        name: _joined_row(old["results"].get(name), row) for name, row in new["results"].items()
    }
    return new | {"results": old["results"] | rows}


def _joined_row(old: Row | None, new: Row) -> Row:
    """The new row of a benchmark, with the old cells of parameters that were not measured now.

    The first three columns are the values, the parameters and the version; a column of values has
    as many as there are combinations of parameters.
    """
    if not old or old[1:3] != new[1:3] or not old[0] or not new[0]:
        return new
    unmeasured = [value is None or math.isnan(value) for value in new[0]]
    joined = list(new)
    for place in {0, *range(3, len(new))} & {*range(len(old))}:
        if _has_cells(old[place], unmeasured) and _has_cells(new[place], unmeasured):
            cells = zip(unmeasured, old[place], new[place], strict=True)
            joined[place] = [before if keep else now for keep, before, now in cells]
    return joined


def _has_cells(column: Any, unmeasured: list[bool]) -> bool:
    return isinstance(column, list) and len(column) == len(unmeasured)


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.exists() else {}


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, sort_keys=True) + "\n")
