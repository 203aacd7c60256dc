"""The literature as data: every number has a source, and none passes for ours."""

import json
import re
from dataclasses import replace
from decimal import Decimal

import pandas as pd
import pytest

from bench.execution.listing import listing
from bench.published import (
    FOLDER,
    PROVENANCES,
    Published,
    concerning,
    published,
    sources,
)
from bench.records import RunRecord
from bench.report import render
from bench.report.published import beside, result_text, results_table
from bench.store import write_record
from bench.tasks import TASKS
from tests.test_report import FACTS, record

PERMUTED = {"metric": "accuracy", "permutation": "psmnist-92916"}
IN_ORDER = {"metric": "accuracy", "permutation": ""}
QUANTITIES = ("test_score", "validation_score", "train_loss")
RELATIONS = ("=", "<", ">")
RUN_LOGS = ("log", "readme", "figure")


def a_number(**known) -> Published:
    """A made-up number that says of its run only what is given."""
    row = dict.fromkeys(Published.__dataclass_fields__)
    texts = ("permutation", "selection", "place", "commit", "note")
    row |= dict.fromkeys(texts, "") | {"model": "lstm", "task": "smnist", "task_args": {}}
    row |= {"quantity": "test_score", "relation": "=", "number": Decimal("0.980")}
    return Published(**(row | {"source": "lem", "provenance": "log"} | known))


def cell(*results: Published, facts: dict = IN_ORDER, width: int = 128) -> str:
    board = pd.DataFrame({"model": ["lstm"], "width": [width]})
    return beside(board, results, facts)[0]


def test_every_number_says_where_it_was_read_and_every_source_is_used():
    for result in published():
        assert result.place and result.provenance in PROVENANCES, result
        assert result.quantity in QUANTITIES and result.relation in RELATIONS, result
        assert result.selection in ("", "last", "validation", "test"), result
        assert re.fullmatch(r"([0-9a-f]{7})?", result.commit), result
        assert result.commit or result.provenance not in RUN_LOGS, result
        assert not result.commit or sources()[result.source]["code"], result
    assert {result.source for result in published()} == set(sources())


def test_an_accuracy_is_a_fraction_and_no_number_is_there_twice():
    scores = [r for r in published() if r.quantity.endswith("score") and r.task != "adding"]
    assert all(0.1 < result.number < 1 for result in scores)
    lines = (FOLDER / "results.csv").read_text(encoding="utf-8").splitlines()
    assert len(set(lines)) == len(lines) == len(published()) + 1


def test_a_task_is_one_of_ours_unless_its_permutation_is_unknown():
    for result in published():
        if result.task == "psmnist":
            assert result.permutation == ""
        else:
            assert result.permutation == (TASKS[result.task](**result.task_args).permutation or "")


def test_numbers_as_their_sources_have_them():
    def numbers(model: str, task: str, source: str) -> list[str]:
        return [
            f"{result.relation} {result.number} {result.hidden}"
            for result in published()
            if (result.model, result.task, result.source) == (model, task, source)
        ]

    assert numbers("roaf", "psmnist", "roaf") == ["> 0.94 None", "> 0.98 None"]
    assert numbers("cornn", "psmnist-12008", "cornn") == ["= 0.9734 256"]
    assert numbers("exprnn", "psmnist-92916", "asrnn") == [
        "= 0.949 170",
        "= 0.962 360",
        "= 0.966 512",
    ]


def test_other_permutations_are_the_same_problem_and_other_lengths_are_not():
    tasks = {r.permutation for r in concerning("psmnist-92916", {}, "psmnist-92916")}
    assert {"", "psmnist-92916", "psmnist-12008", "psmnist-bitrev"} <= tasks
    assert {r.task for r in concerning("smnist", {}, "")} == {"smnist"}
    assert concerning("psdigits", {}, "psdigits") == []
    assert concerning("adding", {"length": 50}, "") == []
    assert {r.model for r in concerning("adding", {"length": 2000}, "")} == {"lem"}
    assert concerning("copy/urnn", {"length": 1000}, "") == []  # copy/exprnn is another task


def test_the_digits_are_those_of_the_source():
    assert result_text(a_number(), "accuracy") == "98.0 %"
    assert result_text(a_number(number=Decimal("0.98"), relation=">"), "accuracy") == "> 98 %"
    with_deviation = a_number(number=Decimal("0.1240"), deviation=Decimal("0.0146"))
    assert result_text(with_deviation, "recall accuracy") == "12.40 ± 1.46 %"
    loss = a_number(number=Decimal("0.0204"), quantity="train_loss")
    assert result_text(loss, "accuracy") == "0.0204"
    assert result_text(a_number(number=Decimal("0.000024")), "mean squared error") == "0.000024"


def test_what_differs_from_ours_is_said():
    assert cell(a_number(hidden=128)) == "98.0 % [lem]"
    assert cell(a_number(hidden=256, epochs=1)) == "98.0 % [lem]; 256 units; 1 epoch"
    assert cell(a_number(epochs=70)) == "98.0 % [lem]; size unknown; 70 epochs"
    same = a_number(hidden=128, permutation="psmnist-92916")
    assert cell(same, facts=PERMUTED) == "98.0 % [lem]"
    other = replace(same, permutation="psmnist-12008")
    assert cell(other, facts=PERMUTED) == "98.0 % [lem]; another permutation"
    unknown = replace(same, permutation="")
    assert cell(unknown, facts=PERMUTED) == "98.0 % [lem]; permutation unknown"


def test_the_number_most_like_ours_stands_beside_it_and_the_rest_are_counted():
    near = a_number(hidden=100, number=Decimal("0.81"), permutation="psmnist-92916")
    far = replace(near, hidden=1000, number=Decimal("0.82"))
    equal = replace(near, hidden=128, number=Decimal("0.83"), permutation="psmnist-1234")
    validated = replace(near, hidden=128, number=Decimal("0.84"), quantity="validation_score")
    shown = cell(equal, far, validated, near, facts=PERMUTED)
    assert shown == "81 % [lem]; 100 units; 2 more"
    assert cell(validated, replace(near, model="gru"), facts=PERMUTED) == ""


def test_an_unknown_permutation_is_called_unknown():
    table = results_table([a_number(), a_number(permutation="psmnist-1234")], PERMUTED)
    assert list(table["permutation"]) == ["unknown", "psmnist-1234"]
    assert "permutation" not in results_table([a_number()], IN_ORDER)


def on_psmnist(model: str, **fields) -> RunRecord:
    facts = FACTS | {"permutation": "psmnist-92916"}
    return record(model, task="psmnist-92916", task_args={}, facts=facts, width=170, **fields)


@pytest.fixture
def pages(tmp_path):
    """What a report says of the records, as Markdown and HTML."""

    def rendered(*records: RunRecord) -> tuple[str, str]:
        for each in records:
            write_record(each, tmp_path / "results")
        folder = render("small", tmp_path / "results", tmp_path / "out", formats=("md", "html"))
        return (folder / "report.md").read_text(), (folder / "index.html").read_text()

    return rendered


def test_the_report_has_the_column_the_table_and_the_sources(pages):
    for text in pages(on_psmnist("exprnn"), on_psmnist("gru")):
        assert "94.9 % [asrnn]; 70 epochs; 2 more" in text
        assert "psmnist-92916: published" in text
        assert "97.34 %" in text and "psmnist-12008" in text
        assert "Sources of the published numbers" in text
        assert "Nguyen-Duy, Pham" in text
        assert "Published: a number from the literature" in text


def test_untested_runs_and_tasks_without_a_literature_get_none(pages):
    elsewhere = record(task="psdigits", task_args={}, facts=FACTS | {"permutation": "psdigits"})
    for text in pages(on_psmnist("exprnn", measurements=()), elsewhere):
        assert "ublished" not in text


def test_the_numbers_are_listed():
    table = listing("published", ())
    assert len(table) == len(published())
    assert {"roaf", "> 0.94", "psmnist-12008"} <= set(table.to_numpy().flatten())
    assert json.loads(table.to_json(orient="records"))
