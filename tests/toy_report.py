"""Toy records of a small suite, with curves and gradients, for the tests of the page."""

from pathlib import Path
from unittest.mock import patch

from bench.records import Measurement, RunRecord, RunSpec, Status
from bench.report import render
from bench.report.panels import Drawing
from bench.store import write_record
from bench.suites import Suite

FACTS = {
    "question": "Is a symbol recalled after a gap?",
    "metric": "accuracy",
    "chance": 0.125,
    "chance_loss": 2.0,
    "solved": 0.8,
    "direction": "max",
    "permutation": "psmnist-92916",
    "parameters": 12345,
    "paper": "Somebody 2022",
    "year": 2022,
}
UPDATES = (0, 5, 10)
DISTANCES = (0, 1, 2, 4)


def measured(score: float, decay: float) -> tuple[Measurement, ...]:
    """A score that is reached in equal steps, a falling loss, and gradients that shrink by `decay`
    a step."""
    curves = [
        Measurement(step, quantity, "all", value)
        for step in UPDATES
        for quantity, value in (
            ("train_loss", 2.0 / (1 + step)),
            ("validation_score", score * step / 10),
            ("validation_loss", 1 - score),
        )
    ]
    gradients = [
        Measurement(step, "gradient_by_distance", str(distance), 0.5 * decay**distance)
        for step in (0, 10)
        for distance in DISTANCES
    ]
    ends = [("test_score", score), ("test_loss", 0.5)]
    return (*curves, *gradients, *(Measurement(10, name, "all", value) for name, value in ends))


def toy(
    model: str = "lstm",
    seed: int = 0,
    score: float = 0.5,
    decay: float = 0.1,
    only: tuple[str, ...] | None = None,
    **more,
) -> RunRecord:
    """A record of the suite `small`; `only` names the quantities that it has."""
    finished = more.get("status", Status.ok) is Status.ok
    rows = [m for m in measured(score, decay) if finished and (only is None or m.quantity in only)]
    return made(model, seed, tuple(rows), FACTS, **more)


def made(
    model: str,
    seed: int,
    measurements: tuple[Measurement, ...],
    usual: dict,
    status: Status = Status.ok,
    error: str | None = None,
    stack: str = "cpu-torch2.13",
    facts: dict | None = None,
    **spec,
) -> RunRecord:
    """A record of the suite `small` with these measurements, and the usual facts or others."""
    fields = {"task": "copy/urnn", "task_args": {"length": 200}, "width": 128, "updates": 10}
    fields |= {"learning_rate": 0.001, "batch_size": 32, **spec}
    return RunRecord(
        spec=RunSpec(suite="small", model=model, seed=seed, **fields),
        status=status,
        error=error,
        versions={"torch": "2.13"},
        environment={"stack": stack, "cpu": "a processor"},
        facts=usual if facts is None else facts,
        measurements=measurements,
    )


def report(folder: Path, *records: RunRecord, question: str = "") -> Path:
    """The folder of the report on the records, as HTML and Markdown; one drawing stands for all
    figures, which have tests of their own and take longer than the rest."""
    for each in records:
        write_record(each, folder / "results")
    with patch("bench.report.sections.draw", lambda scene, suffix: [drawing(suffix)]):
        return render(
            "small",
            folder / "results",
            folder / "out",
            definition=Suite(question=question, budget="", settings=()),
            formats=("html", "md"),
        )


def drawing(suffix: str) -> Drawing:
    """A figure with one line."""
    svg = '<?xml version="1.0"?><svg viewBox="0 0 9 9" width="700"><path d="M0 0 9 9"/></svg>'
    return Drawing(f"toy-{suffix}", "A line.", svg, png=b"", pdf=b"")
