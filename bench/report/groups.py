"""Which runs are compared with which.

A group is one task at one setting (arguments, version, depth, updates) on one stack; a label is one
configuration of a model within it: everything that decides the numbers except the seed. Runs are
averaged only where stack, group and label agree, so neither stacks nor versions are ever pooled.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.record_text import said
from bench.records import RunRecord
from bench.report.processors import COLUMN as PROCESSOR
from bench.store import SPEC_COLUMNS, run_rows

SETTING = ["task", "task_version", "task_args", "depth"]
LOOKS = ["gradients_at", "diagnostics"]
"""What is looked at on the way, which changes no number of the run."""
CONFIGURATION = ["model", *(n for n in SPEC_COLUMNS if n not in (*SETTING, *LOOKS))]
FOLLOWING = ("validate_at", "test_at", "output_scale", "optimiser", "optimiser_args")
"""These follow from the updates, from alpha and from each other, most of the time."""
CORE = '["body.*"]'
"""The column `frozen` of a run of which only what is around the body is trained."""
DIGITS = 4, 10, 17
"""Of a fraction in a label; more where fewer do not tell two settings apart."""
MEASURED = ["stack", "run_id", "step", "quantity", "where", "value"]


def without_repeats(records: Sequence[RunRecord]) -> tuple[list[RunRecord], list[str]]:
    """One record a run and stack, and a sentence for each further one that differs from it."""
    kept: dict[tuple[str, str], RunRecord] = {}
    problems = []
    for record in records:
        key = record.stack, record.spec.run_id
        first = kept.setdefault(key, record)
        if first is not record and said(first) != said(record):
            spec = record.spec
            problems.append(
                f"two different records of run {spec.run_id} ({spec.task}, {spec.model}, seed "
                f"{spec.seed}) on {record.stack}: the first is reported"
            )
    return list(kept.values()), problems


def labelled_runs(records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run with its `task_label`, `group` and `label`, in the order of the report."""
    named = [record.environment.get(PROCESSOR) for record in records]
    runs = run_rows(records).assign(**{PROCESSOR: pd.Series(named, dtype=object)})
    versions = runs.groupby("task")["task_version"].nunique()
    several = set(versions[versions > 1].index)
    runs["task_label"] = [_task(run, several) for run in runs.to_dict("records")]
    runs["group"] = runs["task_label"] + runs["depth"].map(_depth) + _budgets(runs)
    runs["label"] = names(runs)
    runs["label"] = _told_apart(runs)
    keys = [_order(run) for run in runs.to_dict("records")]
    return runs.iloc[sorted(range(len(runs)), key=keys.__getitem__)].reset_index(drop=True)


def names(runs: pd.DataFrame) -> pd.Series:
    """The model of each run, and what of it is not trained."""
    return runs["model"] + runs["frozen"].map(_frozen)


def labelled_measurements(records: Sequence[RunRecord], runs: pd.DataFrame) -> pd.DataFrame:
    """One row a measurement with the group and label of its run; a null value is NaN."""
    names = ["stack", "run_id", "task_label", "group", "depth", "label", "seed", "status"]
    keys = runs[[*names, PROCESSOR]]
    return narrow_measurements(records).merge(keys, on=["stack", "run_id"])


def narrow_measurements(records: Iterable[RunRecord]) -> pd.DataFrame:
    """One row a measurement, known by stack and run_id alone, and a row `status` for every record,
    so that one without measurements is there too; a null value is NaN."""
    rows: list[tuple] = []
    for record in records:
        key = record.stack, record.spec.run_id
        rows += [(*key, *measurement) for measurement in record.measurements]
        rows.append((*key, 0, "status", str(record.status), None))
    return pd.DataFrame(rows, columns=MEASURED).astype({"value": float})


def arguments_text(arguments: str, digits: int = DIGITS[0]) -> str:
    """The JSON object as words: `{"length": 200}` becomes `length 200`, fractions with 4 digits."""
    return ", ".join(
        f"{_words(name)} {value:.{digits}g}"
        if isinstance(value, float)
        else f"{_words(name)} {value}"
        for name, value in json.loads(arguments).items()
    )


def natural(text: str) -> list[str | float]:
    """A sort key under which `length 200` comes before `length 1000`, and 0.001 before 0.01."""
    parts = re.split(r"([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)", text)
    return [float(part) if place % 2 else part for place, part in enumerate(parts)]


def _told_apart(runs: pd.DataFrame) -> pd.Series:
    """The labels, with what differs between those of one name in a group."""
    keys = ["stack", "group", "label"]
    texts = runs[CONFIGURATION].apply(_texts)
    several = texts.groupby([runs[key] for key in keys]).nunique().gt(1).to_dict("index")
    labels = runs["label"].to_dict()
    for key, same_model in runs.groupby(keys):
        differing = _telling([name for name in CONFIGURATION if several[key][name]], same_model)
        labels |= _variants(differing, same_model) if differing else {}
    return pd.Series(labels)


def _variants(differing: list[str], namesakes: pd.DataFrame) -> dict[Any, str]:
    """The label of each run, its fractions with as many digits as tell all kinds apart."""
    kinds, found = _kinds(namesakes, differing), {}
    for digits in DIGITS:
        for index, run in namesakes.to_dict("index").items():
            found[index] = _variant(run, differing, namesakes, digits)
        if len(set(found.values())) == kinds:
            break
    return found


def _telling(differing: list[str], namesakes: pd.DataFrame) -> list[str]:
    """What tells the runs apart, without what follows from other fields and adds nothing."""
    kinds, telling = _kinds(namesakes, differing), differing
    for name in FOLLOWING:
        fewer = [other for other in telling if other != name]
        telling = fewer if fewer and _kinds(namesakes, fewer) == kinds else telling
    return telling


def _kinds(runs: pd.DataFrame, fields: list[str]) -> int:
    """How many kinds of run there are by these fields."""
    return len(runs[fields].map(str).drop_duplicates())


def _task(run: dict, several_versions: set) -> str:
    parts = [run["task"], arguments_text(run["task_args"])]
    parts += [f"version {run['task_version']}"] if run["task"] in several_versions else []
    return ", ".join(part for part in parts if part)


def _budgets(runs: pd.DataFrame) -> pd.Series:
    """The updates, where runs of one task and depth have several budgets: they do not compare."""
    same = runs.groupby(["stack", "task_label", "depth"], dropna=False)["updates"]
    return runs["updates"].map(", {} updates".format).where(same.transform("nunique") > 1, "")


def _depth(depth: float | int | None) -> str:
    return "" if pd.isna(depth) else f", depth {int(depth)}"


def _frozen(patterns: str) -> str:
    """What is not trained, as it is said after the model's name."""
    if patterns == CORE:
        return ", frozen core"
    globs = json.loads(patterns)
    return f", frozen {' '.join(globs)}" if globs else ""


def _variant(
    run: Mapping[Any, Any], differing: list[str], namesakes: pd.DataFrame, digits: int
) -> str:
    """The model's name with the fields in which it differs from its namesakes in the group."""
    parts = [run["label"]]
    for name in differing:
        if str(run[name]).startswith("{"):
            own = _differing_arguments(run[name], namesakes[name])
            parts.append(arguments_text(own, digits) or f"no {_words(name)}")
        else:
            parts.append(f"{_words(name)} {'none' if pd.isna(run[name]) else run[name]}")
    return ", ".join(parts)


def _differing_arguments(own: str, every: pd.Series) -> str:
    """Of a JSON object the entries that some of the others do not have."""
    others = [json.loads(text) for text in every]
    return json.dumps(
        {
            name: value
            for name, value in json.loads(own).items()
            if any(name not in other or other[name] != value for other in others)
        }
    )


def _order(run: Mapping[Any, Any]) -> tuple:
    return run["stack"], natural(run["group"]), natural(run["label"]), run["seed"], run["run_id"]


def _texts(column: pd.Series) -> pd.Series:
    return column.map(str)


def _words(name: str) -> str:
    return name.replace("_args", "_arguments").replace("_", " ")
