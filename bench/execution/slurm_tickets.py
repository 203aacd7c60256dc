"""The runs that jobs were sent for, and the record of each, or that of its loss."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.environment import versions
from bench.execution import lease
from bench.execution.job_file import read_launches, recorded_since
from bench.execution.order import Order
from bench.execution.slurm_array import FOLDER
from bench.execution.slurm_queue import Job, Sight
from bench.execution.supervisor import inherit
from bench.records import RunRecord, RunSpec, Status
from bench.store import keep_record, record_path

LOST_SECONDS = 90.0
"""Longer than a network file system may hide a new file."""
NEW_LINE = "\n"
UNKNOWN = "unknown"
"""The stack of nodes of which nothing is known."""


@dataclass(frozen=True)
class Ticket:
    """A run that a job was sent for; a record not older than `since` is its."""

    spec: RunSpec
    job: Job
    since: float


def tickets_of(folders: Iterable[Path]) -> dict[str, Ticket]:
    """The runs that the arrays of these folders were sent for, by run_id."""
    return {
        spec.run_id: Ticket(spec, (folder.name, int(file.stem)), file.stat().st_mtime)
        for folder in folders
        for file in folder.glob("*.json")
        for launch in read_launches(file)
        for spec in launch
    }


def arrived(tickets: Iterable[Ticket], results: Path) -> Iterator[RunRecord]:
    """The records that jobs have written. One of a loss is not among them: its job goes on with the
    run, or is gone some time."""
    runs = [(ticket.spec, ticket.since) for ticket in tickets]
    for record in recorded_since(runs, results).values():
        _forget_loss(record, results)
        yield record


def losses(tickets: Iterable[Ticket], seen: Sight, order: Order) -> Iterator[RunRecord]:
    """The records, written, of the runs whose jobs have been gone for long enough and which no one
    else does."""
    since = seen.at - LOST_SECONDS
    gone = [ticket for ticket in tickets if seen.missed.get(ticket.job, seen.at) < since]
    others = lease.under_way(order.results) if gone else ()
    alive = {run_id for _, run_id, is_alive in others if is_alive}
    for ticket in gone:
        if ticket.spec.run_id not in alive:
            yield _record_loss(ticket, order)


def _record_loss(ticket: Ticket, order: Order) -> RunRecord:
    """The record, written, of a run whose job is over, with what is left of its measurements."""
    folders = order.results.glob(f"{lease.FOLDER}/*/{ticket.spec.run_id}")
    held = next(filter(None, map(lease.take_over, folders)), None)
    if held is None:
        record = RunRecord(
            spec=ticket.spec, status=Status.lost, versions=versions(), environment=order.told
        )
    else:
        record = inherit(ticket.spec, held, order)
        lease.give_back(held)
    if record.status is not Status.lost:
        return record
    said = _log_tail(order.results / FOLDER / ticket.job[0], ticket.job[1])
    why = f"its SLURM job left no record: {said.rpartition(NEW_LINE)[2] or 'it said nothing'}"
    record = replace(record, error=NEW_LINE.join(filter(None, (why, record.error, said))))
    keep_record(record, order.results)
    return record


def _forget_loss(record: RunRecord, results: Path) -> None:
    """Removes what was written of the run before any stack of the nodes was known."""
    if record.stack != UNKNOWN:
        nowhere = replace(record, environment={"stack": UNKNOWN})
        record_path(nowhere, results).unlink(missing_ok=True)


def _log_tail(folder: Path, place: int, characters: int = 2000) -> str:
    """The end of what the job printed; submitit's names are <id>[_<place>]_<task>_log.out."""
    logs = folder.glob("*_log.out")
    own = [log for log in logs if log.name.split("_")[1:-2] in ([], [str(place)])]
    text = "".join(log.read_text(errors="replace")[-characters:] for log in own)
    lines = [line for line in text.splitlines() if not line.startswith("submitit ")]
    return NEW_LINE.join(lines).strip()
