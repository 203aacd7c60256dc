"""The two sides of a comparison: the records of a folder, as of a commit, or of a stack.

    FOLDER       a results folder, all below it
    COMMIT       the folder that --results names, as git has it at that commit
    STACK        what that folder holds of that stack
    SIDE@STACK   of a folder or a commit the records of one stack

What could be two of these is the first that there is.
"""

import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.records import RunRecord
from bench.report.groups import without_repeats
from bench.store import read_folder


class Unusable(ValueError):
    """Something that cannot be compared, in one sentence."""


@dataclass(frozen=True)
class Side:
    """Records, each run once on a stack, where they are from, and what is wrong with some files."""

    name: str
    source: str
    records: Sequence[RunRecord]
    problems: Sequence[str] = ()

    @property
    def stacks(self) -> list[str]:
        """The stacks there are."""
        return sorted({record.stack for record in self.records})


def find_side(text: str, results: Path, suite: str | None = None) -> Side:
    """What the text names, of one suite or of all; Unusable where it names nothing."""
    place, at, stack = text.rpartition("@")
    found = _whole(text, results)
    if found is None and at and (whole := _whole(place, results)):
        found = _of_stack(whole, stack)
    if found is None:
        raise Unusable(
            f"{text!r} is no results folder, no commit that git knows and no stack in {results} "
            f"({_listed(results)})"
        )
    records = [r for r in found.records if suite is None or r.spec.suite == suite]
    if not records:
        raise Unusable(f"{text} ({found.source}) has no records{_of(suite)}")
    kept, repeated = without_repeats(records)
    return Side(text, found.source, kept, (*found.problems, *repeated))


def _whole(name: str, results: Path) -> Side | None:
    """All records of the folder, commit or stack of that name; None where there is none."""
    if name and Path(name).is_dir():
        return Side(name, "folder", *read_folder(Path(name)))
    if (side := _at_commit(name, results)) is not None:
        return side
    records, problems = read_folder(results)
    same = [record for record in records if record.stack == name]
    return Side(name, f"stack in {results}", same, problems) if same else None


def _of_stack(side: Side, stack: str) -> Side:
    """What the side has of the stack."""
    same = [record for record in side.records if record.stack == stack]
    if not same:
        there = ", ".join(side.stacks) or "none"
        raise Unusable(f"{side.name} has no records of the stack {stack!r}; there are: {there}")
    return replace(side, source=f"{side.source}, stack {stack}", records=same)


def _at_commit(name: str, results: Path) -> Side | None:
    """The folder's records as of the commit; None where git knows no such commit."""
    folder = results.resolve()
    here = next(path for path in (folder, *folder.parents) if path.is_dir())
    try:
        top = Path(_git(here, "rev-parse", "--show-toplevel")).resolve()
        commit = _git(top, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    inside = folder.relative_to(top)
    with TemporaryDirectory() as room:
        packed, unpacked = Path(room) / "records.zip", Path(room) / "records"
        try:
            _git(top, "archive", "--format=zip", "-0", f"--output={packed}", commit, str(inside))
        except subprocess.CalledProcessError:
            raise Unusable(f"commit {name} has no folder {inside}") from None
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(unpacked)  # a link of the commit becomes a plain file
        records, problems = read_folder(unpacked)
    told = [text.replace(f"{unpacked}/", f"{name}:") for text in problems]
    return Side(name, f"{inside} at commit {commit[:12]}", records, told)


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _listed(results: Path) -> str:
    stacks = {record.stack for record in read_folder(results)[0]}
    return f"there are: {', '.join(sorted(stacks))}" if stacks else "which has no records"


def _of(suite: str | None) -> str:
    return "" if suite is None else f" of the suite {suite!r}"
