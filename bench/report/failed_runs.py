"""Every run that did not end well: its cause, and the command that runs it again."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.records import RunRecord
from bench.report.leaderboard import first_line
from bench.report.statistics import OK
from bench.store import record_path

FOLDER = Path("RESULTS")
"""What stands for a results folder whose place is this machine's own."""


def failed_runs(runs: pd.DataFrame, records: Sequence[RunRecord], results: Path) -> pd.DataFrame:
    """A row a run that is not ok, in the order of the labelled runs, with the first line of its
    error and, under `again`, the command to be typed at the root of the repository."""
    known = {(record.stack, record.spec.run_id): record for record in records}
    failed = runs[~runs["status"].isin(OK)]
    keys = zip(failed["stack"], failed["run_id"], strict=True)
    columns = {name: failed[name] for name in ("stack", "group", "label", "seed", "status")}
    told = {
        "what happened": failed["error"].map(first_line),
        "again": [again(known[key], results) for key in keys],
    }
    table = pd.DataFrame(columns | told).astype(str).reset_index(drop=True)
    return table.rename(columns={"group": "task", "label": "model"})


def shown_folder(results: Path) -> Path:
    """The folder as a page names it: RESULTS stands for one named from the machine's root."""
    return FOLDER if results.is_absolute() else results


def again(record: RunRecord, results: Path) -> str:
    """The command that runs the record's run again; PLUGIN stands for the file that a plug-in came
    from."""
    words = ["python", "-m", "bench", "exec-run", record_path(record, shown_folder(results))]
    words += ["--plugin", "PLUGIN"] if record.spec.plugin else []
    return shlex.join(map(str, words))
