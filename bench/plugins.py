"""A user's own models, tasks and suites, without a fork.

Two doors: the entry-point groups `bench.models`, `bench.tasks` and `bench.suites` of an installed
package (the entry point's name is the key), and `--plugin my_model.py` for a quick try: a file with
a table `MODELS = {"mine": Entry(...)}`, `TASKS` or `SUITES`. Two things of one name are an error.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any


class PluginError(Exception):
    """A plug-in that cannot be used, in one sentence."""


EXPECTED = {"models": "an Entry", "tasks": "a Task", "suites": "a Suite"}


@dataclass(frozen=True)
class Table:
    """Entries by name, where each came from, and the sha256 of a plug-in's source."""

    entries: Mapping[str, Any]
    origins: Mapping[str, str]
    digests: Mapping[str, str]


def extended(
    kind: str,
    builtin: Mapping[str, Any],
    files: Sequence[Path] = (),
    wanted: Callable[[Any], bool] = callable,
) -> Table:
    """The built-in table of this kind ("models", "tasks" or "suites") with the plug-ins' added.

    `wanted` says whether a plug-in's entry is of the right type.
    """
    entries, digests = dict(builtin), {}
    origins = dict.fromkeys(builtin, f"bench.{kind}")
    for name, value, origin, digest in (*_installed(kind), *_from_files(kind, files)):
        if name in entries:
            raise PluginError(
                f"{kind[:-1]} {name!r} is defined twice, by {origins[name]} and by {origin}; "
                "rename one"
            )
        if not wanted(value):
            raise PluginError(f"{kind[:-1]} {name!r} of {origin} is not {EXPECTED[kind]}")
        entries[name], origins[name], digests[name] = value, origin, digest
    return Table(entries, origins, digests)


def _installed(kind: str) -> Iterator[tuple[str, Any, str, str]]:
    for point in entry_points(group=f"bench.{kind}"):
        try:
            value = point.load()
            source = sys.modules[point.module].__file__
        except (Exception, SystemExit) as error:  # whatever a stranger's import raises
            raise PluginError(f"plug-in {point.value} cannot be loaded: {_reason(error)}") from None
        yield point.name, value, point.value, _digest(Path(source or ""))


def _from_files(kind: str, files: Sequence[Path]) -> Iterator[tuple[str, Any, str, str]]:
    for file in files:
        table = vars(_module(file.resolve())).get(kind.upper(), {})
        if not isinstance(table, Mapping):
            raise PluginError(f"{kind.upper()} in plug-in {file} is not a dict of names to entries")
        for name, value in table.items():
            yield str(name), value, str(file), _digest(file)


def _module(file: Path) -> ModuleType:
    """The file's module, executed once a process."""
    name = f"bench_plugin_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise PluginError(f"plug-in {file} is not a Python file that can be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a plug-in must not end the driver
        del sys.modules[name]
        raise PluginError(f"plug-in {file} cannot be loaded: {_reason(error)}") from None
    if not {"MODELS", "TASKS", "SUITES"} & set(vars(module)):
        raise PluginError(f"plug-in {file} defines none of MODELS, TASKS and SUITES")
    return module


def _digest(source: Path) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest() if source.is_file() else ""


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
