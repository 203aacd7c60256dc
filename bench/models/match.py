"""The width at which a model has about as many trainable parameters as another.

`python -m bench.models.match > bench/suites/widths.csv` makes the table that the suites read, which
import no torch. A test counts the parameters at every width of it.
"""

import csv
import sys

import torch

from bench.models import MODELS, build_model, trainable_parameters
from bench.records import RunSpec
from bench.suites.trials import LENGTH_ARGUMENTS
from bench.suites.widths import COLUMNS, REFERENCE, SHAPES
from bench.tasks import TASKS, Task

LARGEST = 256
"""A model that would need to be wider is as wide as this, and smaller."""


def parameters(model: str, task: Task, width: int) -> int:
    """Trainable numbers of the framed model at this width, with what it needs of the length."""
    entry = MODELS[model]
    args = dict(entry.defaults)
    if model in LENGTH_ARGUMENTS:
        args[LENGTH_ARGUMENTS[model]] = 784
    spec = RunSpec(
        suite="match",
        task="any",
        model=model,
        seed=0,
        width=width,
        learning_rate=1.0,
        batch_size=1,
        updates=1,
        model_args=args,
    )
    with torch.random.fork_rng():
        return trainable_parameters(build_model(entry, task, spec))


def matched_width(model: str, task: Task, wanted: int) -> int:
    """The width whose count is nearest, or the largest."""
    low, high = 1, LARGEST
    if parameters(model, task, REFERENCE) == wanted:
        return REFERENCE
    if parameters(model, task, high) < wanted:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if parameters(model, task, middle) <= wanted else (low, middle)
    return min(low, high, key=lambda k: abs(parameters(model, task, k) - wanted))


def main() -> None:
    """Writes the table: for each shape of task and each model its width."""
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(COLUMNS)
    for shape, task_id in SHAPES.items():
        task = TASKS[task_id]()
        wanted = parameters("roaf", task, REFERENCE)
        for model in (name for name, entry in MODELS.items() if entry.axis == "time"):
            width = matched_width(model, task, wanted)
            table.writerow((shape, model, width))


if __name__ == "__main__":
    main()
