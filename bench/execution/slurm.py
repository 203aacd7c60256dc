"""The SLURM engine: launches become the jobs of an array, and the records say what is finished.

A job does the launches of a file in `<results>/.slurm/<array>/` by `exec-run`, so the results
folder has to lie where all nodes see it. Of the scheduler one thing is asked: which of these jobs
are in its queue. A run whose job left the queue without a record is `lost`.
"""

import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from bench.environment import stack
from bench.execution.job_file import recorded_since
from bench.execution.local import Fingerprints, fingerprints
from bench.execution.order import Order
from bench.execution.plan import seconds_known
from bench.execution.say import say
from bench.execution.slurm_array import FOLDER, Launch, bundles, submit
from bench.execution.slurm_queue import Job, Sight, ask_queue, look
from bench.execution.slurm_request import Request
from bench.execution.slurm_tickets import UNKNOWN, Ticket, arrived, losses, tickets_of
from bench.records import RunRecord

POLL_SECONDS = 2.0
KEPT_SECONDS = 7 * 86400.0
"""For so long the files and logs of jobs that are over stay."""


def for_nodes(order: Order, device: str, request: Request) -> Order:
    """The order as the cluster's nodes will carry it out, as far as that is known before."""
    device = request.device if device == "auto" else device
    code = {name: order.told.get(name) for name in ("commit", "changed")}
    nodes = {"stack": node_stack(device, order.results), **code}
    return replace(order, device=device, environment=nodes)


def node_stack(device: str, results: Path) -> str:
    """The stack of the nodes: of those with GPUs, which this machine need not have, that of the
    newest folder of records that this torch made on one."""
    if device == "cpu":
        return stack(device)
    release = stack("cpu").removeprefix("cpu-")
    folders = sorted(results.glob(f"*/*-{release}-cu*"), key=lambda path: path.stat().st_mtime)
    return folders[-1].name if folders else UNKNOWN


def run_launches(
    launches: Iterable[Launch], order: Order, cap: int, request: Request, seen: Fingerprints
) -> Iterator[RunRecord]:
    """The records, each as it appears. What jobs of an earlier driver will do is waited for; what
    they had done when the records were `seen` is sent again.

    Leaving the iteration leaves the jobs where they are.
    """
    launches = list(launches)
    wanted = {spec.run_id for launch in launches for spec in launch}
    queue = ask_queue()
    _tidy(order.results / FOLDER, {name for name, _ in queue})
    sent = standing(queue.keys(), order, seen)
    tickets = {run_id: sent[run_id] for run_id in wanted & sent.keys()}
    if tickets:
        say(f"{len(tickets)} runs are with SLURM already")
    left = [tuple(spec for spec in launch if spec.run_id not in tickets) for launch in launches]
    tickets |= _send([launch for launch in left if launch], order, cap, request)
    yield from _watch(tickets, order)


def standing(queue: Collection[Job], order: Order, seen: Fingerprints) -> dict[str, Ticket]:
    """What the jobs in the queue will do, or have done since the records were seen, by run_id."""
    sent = tickets_of(order.results / FOLDER / name for name in {name for name, _ in queue})
    due = {run_id: ticket for run_id, ticket in sent.items() if ticket.job in queue}
    now = fingerprints([ticket.spec for ticket in due.values()], order)
    done = recorded_since([(ticket.spec, ticket.since) for ticket in due.values()], order.results)
    known = {
        record.spec.run_id
        for path, record in done.items()
        if path in seen and seen[path] == now.get(path)
    }
    return {run_id: ticket for run_id, ticket in due.items() if run_id not in known}


def _send(
    launches: Sequence[Launch], order: Order, cap: int, request: Request
) -> dict[str, Ticket]:
    """What was submitted, by run_id."""
    if not launches:
        return {}
    runs = [spec for launch in launches for spec in launch]
    jobs = bundles(launches, seconds_known(runs, order.results, order.told["stack"]))
    folders = submit(jobs, order, cap, request)
    tickets = tickets_of(folders)
    names = ", ".join(folder.name for folder in folders)
    say(f"{len(tickets)} runs went to SLURM in {len(jobs)} jobs, {names}")
    return tickets


def _watch(tickets: Mapping[str, Ticket], order: Order) -> Iterator[RunRecord]:
    """The records of these runs, each as it appears or as its job is gone without it."""
    waiting, seen = dict(tickets), Sight(at=time.monotonic())
    try:
        while waiting:
            lost = losses(waiting.values(), seen, order)
            for record in chain(arrived(waiting.values(), order.results), lost):
                if waiting.pop(record.spec.run_id, None):
                    order = replace(order, environment=record.environment)
                    yield record
            before, seen = seen, look({ticket.job for ticket in waiting.values()}, seen)
            if seen.why not in ("", before.why):
                say(seen.why)
            time.sleep(POLL_SECONDS if waiting else 0.0)
    finally:
        if waiting:
            _say_how_to_go_on(waiting.values())


def _tidy(folder: Path, queued: set[str]) -> None:
    """Removes what jobs that are over have left, after a while."""
    for array in folder.glob("*"):
        if array.name not in queued and time.time() - array.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(array, ignore_errors=True)


def _say_how_to_go_on(tickets: Iterable[Ticket]) -> None:
    tickets = list(tickets)
    names = ",".join(sorted({ticket.job[0] for ticket in tickets}))
    say(
        f"{len(tickets)} runs stay with SLURM; the same command goes on with them, "
        f"`scancel --name={names}` ends them"
    )
