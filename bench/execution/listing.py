"""The tables that `bench ls` prints."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.plugins import Table
from bench.published import Published, published
from bench.runner import Registry
from bench.suites import all_suites


def listing(kind: str, plugins: Sequence[Path]) -> pd.DataFrame:
    """One row a model, task or suite, and where it came from; or a row a published number."""
    if kind == "published":
        return pd.DataFrame([_published(result) for result in published()], dtype=object)
    registry = Registry(plugins)
    tables: dict[str, Table] = {
        "models": registry.models,
        "tasks": registry.tasks,
        "suites": all_suites(plugins),
    }
    table = tables[kind]
    rows = [
        {"name": name, **COLUMNS[kind](entry), "from": table.origins[name]}
        for name, entry in table.entries.items()
    ]
    return pd.DataFrame(rows)


def _model(entry: Any) -> dict[str, Any]:
    return {
        "axis": entry.axis,
        "year": entry.year,
        "paper": entry.paper,
        "parameters at width 128": _parameters(entry),
        "shown to equal": entry.proof,
        "computed by": entry.execution,
        "version": entry.version,
    }


def _parameters(entry: Any) -> int | str:
    """Of a body of 128 units that reads one feature, or of one layer of that width; blank where the
    model has no formula."""
    if entry.costs is None:
        return ""
    return entry.costs(*SIZES[entry.axis], **entry.defaults).parameters


def _task(factory: Any) -> dict[str, Any]:
    task = factory()
    return {
        "axis": task.axis,
        "length": task.length,
        "metric": task.metric,
        "chance": round(task.chance, 4),
        "question": task.question,
    }


def _suite(suite: Any) -> dict[str, Any]:
    models = {model for setting in suite.settings for model in setting.models}
    return {"models": len(models), "budget": suite.budget, "question": suite.question}


def _published(result: Published) -> dict[str, Any]:
    return {
        "model": result.model,
        "task": result.task,
        "arguments": json.dumps(result.task_args) if result.task_args else "",
        "quantity": result.quantity,
        "number": f"{result.relation} {result.number:f}".removeprefix("= "),
        "hidden": result.hidden or "",
        "parameters": result.parameters or "",
        "epochs": result.epochs or "",
        "permutation": result.permutation,
        "source": result.source,
        "provenance": result.provenance,
    }


COLUMNS = {"models": _model, "tasks": _task, "suites": _suite}
SIZES = {"time": (1, 128), "depth": (128, 1)}
