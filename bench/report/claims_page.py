"""The page over all suites: what is claimed, what the records say, and which records those are."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.records import FAILED, RunRecord, Status
from bench.report.gather import NothingToReport
from bench.report.groups import labelled_measurements, labelled_runs, without_repeats
from bench.report.not_run import missing
from bench.report.page import all_claims, markdown_table
from bench.report.reliability import planted
from bench.report.speed import points
from bench.report.speed_targets import target_rows, target_table
from bench.report.statistics import OK
from bench.report.verdict_table import METHOD, verdict_boards
from bench.report.verdicts import UNTESTED, Verdict, verdicts
from bench.store import read_folder, record_path, slug
from bench.suites.claim import THIS_PROJECT
from bench.suites.setting import Suite

NAME = "README.md"
MARKS = "<!-- claims -->\n", "<!-- end of claims -->\n"
WORDS = ("holds", "holds partly", "does not hold here", UNTESTED)
SPEED = "speed"


@dataclass(frozen=True)
class Answered:
    """A suite with its records, each once, and the verdicts on its claims."""

    name: str
    suite: Suite
    records: Sequence[RunRecord]
    verdicts: Sequence[Verdict]


def claims_page(
    suites: Mapping[str, Suite], results: Path, out: Path, into: Path | None = None
) -> Path:
    """The page `out/README.md` from all records below `results`; the table of what the paper
    claims is put into the file `into` as well, between its two marks.

    NothingToReport without a record of these suites; a file without the marks raises ValueError.
    """
    records, _ = read_folder(results)
    found = answers(suites, records)
    if not any(each.records for each in found):
        raise NothingToReport(f"no records of any suite below {results}")
    path, links = out / NAME, Links(results, out)
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(all_claims(_values(found, links)), encoding="utf-8", newline="\n")
    if into is not None:
        put(into, opening(found, Links(results, into.parent)))
    return path


def answers(suites: Mapping[str, Suite], records: Iterable[RunRecord]) -> list[Answered]:
    """Every suite, in the order given, with what is recorded of it."""
    by_suite: dict[str, list[RunRecord]] = {}
    for record in records:
        by_suite.setdefault(record.spec.suite, []).append(record)
    return [_answered(name, suite, by_suite.get(name, [])) for name, suite in suites.items()]


def _answered(name: str, suite: Suite, records: Sequence[RunRecord]) -> Answered:
    own, _ = without_repeats(records)
    if not (own and suite.claims):
        untested = [Verdict(claim, "", {}, ()) for claim in suite.claims]
        return Answered(name, suite, own, untested)
    runs = labelled_runs(own)
    return Answered(
        name, suite, own, verdicts(suite.claims, runs, labelled_measurements(own, runs))
    )


@dataclass(frozen=True)
class Links:
    """How a page in a folder refers to what lies elsewhere."""

    results: Path
    folder: Path

    def to(self, path: Path) -> str:
        """The path from the page's folder, with forward slashes."""
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def to_records(self, verdict: Verdict, records: Sequence[RunRecord]) -> str:
        """The records that a verdict is of, each a link named by its seed."""
        used = [r for r in records if r.stack == verdict.stack and r.spec.run_id in verdict.run_ids]
        ours = [r for r in used if r.spec.model == verdict.claim.runs["model"]]
        order = sorted(used, key=lambda r: (r not in ours, r.spec.seed, r.spec.run_id))
        return " ".join(f"[{r.spec.seed}]({self.to(record_path(r, self.results))})" for r in order)


def opening(found: Sequence[Answered], links: Links) -> str:
    """What the paper claims and what was measured, as a table in Markdown."""
    theirs = [(a, v) for a in found for v in a.verdicts if not ours(v)]
    table = _table(theirs, links)[["claim", "asked", "mean", "95 % interval", "seeds", "verdict"]]
    return markdown_table(table) + "\n"


def ours(verdict: Verdict) -> bool:
    """Whether this project claims it, and not the paper."""
    return verdict.claim.source == THIS_PROJECT


def put(path: Path, block: str) -> None:
    """Writes the block between the two marks of the file; without them it raises ValueError."""
    text = path.read_text(encoding="utf-8")
    first, last = MARKS
    if text.count(first) != 1 or text.count(last) != 1:
        raise ValueError(f"{path} has no place for the claims: {first.strip()} and {last.strip()}")
    before, _, rest = text.partition(first)
    after = rest.partition(last)[2]
    path.write_text(f"{before}{first}{block}{last}{after}", encoding="utf-8", newline="\n")


def _table(pairs: Sequence[tuple[Answered, Verdict]], links: Links) -> pd.DataFrame:
    """A row a verdict, with links to its records."""
    rows = []
    for answered, verdict in pairs:
        (board,) = verdict_boards([verdict], answered.records)
        row = board.table.iloc[0].to_dict()
        rows.append(row | {"records": links.to_records(verdict, answered.records)})
    return pd.DataFrame(rows, dtype=object)


def _values(found: Sequence[Answered], links: Links) -> dict[str, Any]:
    claimed = [each for each in found if each.verdicts]
    return {
        "method": METHOD,
        "counts": _counts(found),
        "claims": [_claims(each, links) for each in claimed],
        "speed": _speed(found),
        "speed_records": "".join(_folders(each, links) for each in found if each.name == SPEED),
        "speed_report": "".join(_report(each, links) for each in found if each.name == SPEED),
        "reliability": planted(links.folder / "reliability.json"),
        "suites": _suites(found, links),
        "example": _example(claimed, links),
        "stacks": sorted({r.stack for each in found for r in each.records}),
    }


def _counts(found: Sequence[Answered]) -> pd.DataFrame:
    told = [(v.word, ours(v)) for each in found for v in each.verdicts]
    counted = Counter(told)
    return pd.DataFrame(
        [
            {"claimed by": who, **{word: str(counted[word, own]) for word in WORDS}}
            for who, own in (("the paper", False), (THIS_PROJECT, True))
        ]
    )


def _claims(answered: Answered, links: Links) -> dict[str, Any]:
    table = _table([(answered, verdict) for verdict in answered.verdicts], links)
    return {"suite": answered.name, "table": table, "report": _report(answered, links)}


def _report(answered: Answered, links: Links) -> str:
    """The report of the suite, if it is there."""
    path = links.folder / slug(answered.name) / "report.md"
    return links.to(path) if path.exists() else ""


def _speed(found: Sequence[Answered]) -> pd.DataFrame | None:
    """The figures that ROAF's training step is to reach, on the stacks that were measured."""
    records = next((each.records for each in found if each.name == SPEED), ())
    if not records:
        return None
    runs = labelled_runs(records)
    rows = target_rows(points(runs, labelled_measurements(records, runs)))
    measured = [row for row in rows if row["stack"]]
    return target_table(measured) if measured else None


def _folders(answered: Answered, links: Links) -> str:
    """Where the suite's records lie, and which processor they name."""
    processors = sorted({str(r.environment.get("processor")) for r in answered.records})
    folders = sorted({record_path(r, links.results).parent for r in answered.records})
    told = ", ".join(f"[{links.to(folder)}]({links.to(folder)})" for folder in folders)
    return f"{told} ({', '.join(processors)})" if folders else ""


def _suites(found: Sequence[Answered], links: Links) -> pd.DataFrame:
    return pd.DataFrame([_suite(each, links) for each in found], dtype=object)


def _suite(answered: Answered, links: Links) -> dict[str, str]:
    well = sum(str(record.status) in OK for record in answered.records)
    report = _report(answered, links)
    lacking = missing(answered.suite.specs(answered.name), answered.records) if well else None
    return {
        "suite": f"[{answered.name}]({report})" if report else answered.name,
        "question": answered.suite.question,
        "ended well": str(well),
        "diverged": str(sum(r.status is Status.diverged for r in answered.records)),
        "failed": str(sum(r.status in FAILED for r in answered.records)),
        "not run here": "all" if lacking is None else str(len(lacking)),
    }


def _example(found: Sequence[Answered], links: Links) -> str:
    """The record of some claim, as the folder above the page's names it."""
    above = replace(links, folder=links.folder.parent)
    for each in found:
        for verdict in each.verdicts:
            for record in each.records:
                if record.spec.run_id in verdict.run_ids:
                    return above.to(record_path(record, links.results))
    return ""
