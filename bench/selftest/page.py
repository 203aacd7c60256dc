"""The table of a selftest, in Markdown, from its record alone."""

from collections.abc import Mapping
from typing import Any

from bench.selftest.tally import COLUMNS

HEADER = (
    "scenario",
    "what was planted",
    "how often",
    "runs",
    "lost",
    "twice",
    "torn",
    "wrong status",
    "numbers changed",
    "left behind",
)
INTRODUCTION = """\
# Reliability

What `python -m bench selftest` planted in real runs of the command line, and what came of it. After
each fault the same command was typed again until all runs were finished. Then were counted:

* lost: planned runs without a record;
* twice: runs that came to their end more than once, or that two processes did at once, by a log
  that the runs themselves keep outside of the results folder;
* torn: files in the results folder that are not whole records;
* wrong status: records of another status than expected, of runs that no one had asked for, or a
  second one of a run; exit codes and sentences other than expected;
* numbers changed: finished runs that measured anything else than the undisturbed run of that seed,
  times and memory aside;
* left behind: processes still alive, leases, in-flight folders, checkpoints and half-written files.

Every one of these numbers must be 0.
"""


def page(record: Mapping[str, Any]) -> str:
    """The page of a selftest's record."""
    return "\n".join(
        [INTRODUCTION, *table(record["rows"]), "", *wrong(record["rows"]), facts(record)]
    )


def table(rows: list[Mapping[str, Any]]) -> list[str]:
    """A line a scenario; one that was skipped has its reason in it."""
    right = ["---:"] * (len(HEADER) - 2)
    lines = [list(HEADER), ["---", "---", *right], *map(_cells, rows)]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def _cells(row: Mapping[str, Any]) -> list[str]:
    planted = row["planted"]
    if row["skipped"]:
        return [row["scenario"], f"{planted}: skipped, {row['skipped']}", *[""] * 8]
    counts = [row["times"], row["runs"], *(row["found"][name] for name in COLUMNS)]
    return [row["scenario"], planted, *(f"{count:,}" for count in counts)]


def wrong(rows: list[Mapping[str, Any]]) -> list[str]:
    """What is not as it must be, sentence by sentence."""
    lines = [f"* {row['scenario']}: {text}" for row in rows for text in row["sentences"]]
    return ["What is wrong:", "", *lines, ""] if lines else []


def facts(record: Mapping[str, Any]) -> str:
    """What it ran on, and for how long."""
    told, versions = record["environment"], record["versions"]
    changed = " with changes" if told["changed"] else ""
    packages = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return (
        f"Stack {told['stack']}, commit {told['commit'] or 'unknown'}{changed}; {told['system']}, "
        f"{told['cores']} cores; {packages}; {record['seconds']:,} seconds.\n"
    )
