"""The verdicts as a table."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from bench.records import RunRecord
from bench.report.formats import interval_text, score_text
from bench.report.gains import signed, signed_span
from bench.report.page import Board
from bench.report.verdicts import FEWEST_SEEDS, Verdict

TITLE = "What is claimed, and what these runs say"
METHOD = (
    f"Verdicts: a claim holds where at least {FEWEST_SEEDS} seeds ended well and the whole 95 % "
    "interval of their mean is on its side, partly where the mean alone is, and does not where the "
    "mean is not, however wide its interval; an advantage over a rival is the difference of the "
    "same seeds. Many rows are asked at once, and no interval is widened for that: the tables of "
    "the reports, which correct for it, can find no difference with three seeds. Where an interval "
    "has the number that is asked inside, nothing is refuted. A budget, a width and a search other "
    "than the authors' can refute a claim here, and nowhere else."
)


def verdict_boards(found: Sequence[Verdict], records: Iterable[RunRecord]) -> list[Board]:
    """The table of the verdicts, if anything is claimed; records tell the scores of each task."""
    if not found:
        return []
    metrics = {r.spec.task: str(r.facts["metric"]) for r in records if "metric" in r.facts}
    rows = [_row(verdict, metrics.get(verdict.claim.runs["task"], "")) for verdict in found]
    return [Board(TITLE, "", pd.DataFrame(rows, dtype=object))]


def verdict_rows(found: Sequence[Verdict]) -> list[dict[str, Any]]:
    """A row a verdict at full precision, with the runs that it is of."""
    return [
        {
            "claim": verdict.claim.says,
            "source": verdict.claim.source,
            "stack": verdict.stack,
            **verdict.summary._asdict(),
            "failed": verdict.failed,
            "least": verdict.claim.least,
            "most": verdict.claim.most,
            "verdict": verdict.word,
            "run_ids": " ".join(verdict.run_ids),
        }
        for verdict in found
    ]


def _row(verdict: Verdict, metric: str) -> dict[str, str]:
    claim, found = verdict.claim, verdict.summary
    metric = metric if claim.quantity.endswith("_score") else ""  # a loss is no accuracy
    number, span = score_text(found.mean, metric), interval_text(found.low, found.high, metric)
    if claim.rival and found.mean is not None:
        number, span = signed(found.mean, metric), signed_span(found.low, found.high, metric)
    bound = (signed if claim.rival else score_text)(claim.bound, metric)
    seeds = f"{found.n}" + (f", {verdict.failed} failed" if verdict.failed else "")
    return {
        "claim": claim.says,
        "by": claim.source,
        "asked": f"{'≥' if claim.least is not None else '≤'} {bound}",
        "mean": number,
        "95 % interval": span.strip(" ()"),
        "seeds": seeds if verdict.values else "",
        "verdict": verdict.word,
    }
