"""What a run goes on from: its state between two updates, on disk and back.

The batches are not in it, since the stream of a seed is the same each time: as many are drawn and
dropped. Nor is what can be computed again. All else that decides a later number is: weights and
buffers, the optimiser's moments, torch's own random numbers, the unfinished window's sum, and every
measurement so far. On a CPU a run that goes on gives the numbers, bit for bit, of one that was
never stopped.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.records import Measurement

CHECKPOINT_SECONDS = 600.0


@dataclass(frozen=True, eq=False)
class Progress:
    """A run after `done` updates. It refers to what goes on changing, and holds no copy.

    `total` is the sum of the losses of the unfinished window, `start` the weights before the first
    update where a diagnostic compares with them.
    """

    done: int
    model: nn.Module
    optimiser: torch.optim.Optimizer
    total: Tensor
    start: Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Saved:
    """A checkpoint that was read: tensors by name, and the measurements made before it."""

    done: int
    state: Mapping[str, Any]
    measurements: list[Measurement] = field(default_factory=list)


def save(
    file: Path, draft: Path, code: str, progress: Progress, measurements: Iterable[Measurement]
) -> None:
    """Writes the checkpoint; the file is this one or the one before, whatever happens meanwhile.

    It is written as `draft` first, of which nothing stays. `code` names the run and the code that
    does it: to another the file is of no use.
    """
    content = {
        "code": code,
        "done": progress.done,
        "measurements": [tuple(measurement) for measurement in measurements],
        "model": progress.model.state_dict(),
        "optimiser": progress.optimiser.state_dict(),
        "total": progress.total,
        "start": dict(progress.start),
        "random": random_states(progress.total.device),
    }
    try:
        with draft.open("wb") as out:
            torch.save(content, out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def load(file: Path, code: str) -> Saved | None:
    """The checkpoint in the file, if it is one of this run and code. Nothing in it is executed."""
    if not file.exists():
        return None
    with suppress(Exception):  # whatever a file that is no checkpoint makes torch raise
        content = torch.load(file, map_location="cpu", weights_only=True)
        if content["code"] == code:
            rows = [Measurement(*row) for row in content["measurements"]]
            return Saved(int(content["done"]), content, rows)
    return None


def restore(saved: Saved, progress: Progress) -> dict[str, Tensor]:
    """Makes what `progress` refers to what it was, in place; the weights before the first update,
    where they were kept."""
    state = saved.state
    progress.model.load_state_dict(state["model"])
    progress.optimiser.load_state_dict(state["optimiser"])
    progress.total.copy_(state["total"])
    device = progress.total.device
    torch.set_rng_state(state["random"]["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["random"]["cuda"], device)
    return {name: tensor.to(device) for name, tensor in state["start"].items()}


def random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's own random numbers, from which a model may draw."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states
