"""The page: what it carries, what it escapes and what it forbids, without a browser."""

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from bench.records import Status
from bench.report import embedding
from bench.report.failed_runs import again
from bench.report.groups import labelled_measurements, labelled_runs
from bench.report.interactive import interactive, thinned
from bench.report.page import Section, carried, sort_value
from bench.report.plotly_looks import DARK_PAGE, contrast, on_dark
from bench.report.styles import looks
from tests.toy_report import drawing, report, toy

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><b>\u2028&amp;")


class Parts(HTMLParser):
    """The tags, the texts of the scripts, the identifiers, the addresses, and the text outside."""

    def __init__(self, page: str):
        super().__init__()
        self.open, self.tags, self.scripts, self.identifiers, self.addresses = [], [], [], [], []
        self.text = ""
        self.policy = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        self.tags.append(tag)
        self.identifiers += [names["id"]] if "id" in names else []
        self.addresses += [names[key] for key in ("src", "href", "xlink:href") if key in names]
        if tag == "meta" and names.get("http-equiv") == "Content-Security-Policy":
            self.policy = names["content"]
        if tag == "script":
            self.scripts.append((names.get("type"), ""))
        if tag not in ("meta", "link", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            kind, text = self.scripts[-1]
            self.scripts[-1] = kind, text + data
        else:
            self.text += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def data(parts: Parts) -> dict:
    return json.loads(next(text for kind, text in parts.scripts if kind == "application/json"))


def test_a_cell_is_sorted_by_the_number_that_it_begins_with():
    numbers = {
        "9.50 %": 9.5,
        "1,234": 1234,
        "-0.5": -0.5,
        "−2": -2,
        "1e-05": 1e-5,
        "2.58 to 3.1": 2.58,
        "0.1 (0 to 1)": 0.1,
        "≥ 1,000": 1000,
        "< 10": 10,
        "1/4": 0.25,
        "0/0": 0,
        "inf": math.inf,
        "not reached": math.inf,
    }
    assert {text: float(sort_value(text)) for text in numbers} == numbers
    assert [sort_value(text) for text in ("", "NaN", "urnn", "x 3", "-")] == [None] * 5


def test_json_in_a_script_element_holds_no_tag_and_says_the_same():
    value = {"names": list(HOSTILE), "é": [1, None, 0.5]}
    text = embedding.json_text(value)
    assert text.isascii() and not set("<>&") & set(text)
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        embedding.json_text(float("nan"))


def test_the_policy_names_the_scripts_of_the_page_and_lets_nothing_out(tmp_path):
    parts = Parts(page(report(tmp_path, toy())))
    rules = dict(rule.split(" ", 1) for rule in parts.policy.split("; "))
    sources = [text for kind, text in parts.scripts if kind is None]
    digests = [hashlib.sha256(source.encode()).digest() for source in sources]
    named = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
    assert rules.pop("script-src") == " ".join(named)
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_is_whole_and_its_links_stay_on_it(tmp_path):
    shallow, deep = toy(depth=10), toy(depth=100)
    parts = Parts(page(report(tmp_path, shallow, deep, toy("gru", stack="gpu"))))
    assert parts.open == []
    assert len(parts.identifiers) == len(set(parts.identifiers))
    links = [address for address in parts.addresses if address != "data:,"]
    assert all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= set(parts.identifiers)
    assert {"asked", "found", "tables", "curves", "gradients", "failures", "methods"} <= {
        link[1:] for link in links
    }


def test_plotly_is_there_once_and_only_where_something_can_be_explored(tmp_path):
    several = report(tmp_path / "a", *(toy(depth=depth) for depth in (1, 2, 3)))
    assert page(several).count(embedding.plotly()) == 1
    without = toy(status=Status.timeout, error="took too long")
    assert embedding.plotly() not in page(report(tmp_path / "b", without))


def test_figures_for_which_there_is_no_room_lie_beside_the_page():
    sections = [Section(stack, [], [drawing(stack)]) for stack in ("a", "b", "c")]
    size = len(drawing("a").svg)
    assert carried(sections, 2 * size) == {"toy-a", "toy-b"}
    assert carried(sections) == {"toy-a", "toy-b", "toy-c"}


def test_hostile_names_are_text_everywhere(tmp_path):
    records = [toy(name) for name in HOSTILE]
    records += [toy(HOSTILE[0], 1, status=Status.error, error=HOSTILE[1], facts={})]
    text = page(report(tmp_path, *records, question=HOSTILE[1]))
    parts = Parts(text)
    assert not {"img", "b"} & set(parts.tags)
    assert [kind for kind, _ in parts.scripts] == ["application/json", None, None, None]
    assert [model["label"] for model in data(parts)["models"]] == sorted(HOSTILE)
    assert all(name in parts.text for name in HOSTILE)


def test_a_curve_has_the_mean_and_the_range_of_its_seeds():
    records = [toy("roaf", 0, 0.4), toy("roaf", 1, 0.8), toy("lstm", 0, 0.5)]
    runs = labelled_runs(records)
    found = interactive(runs, labelled_measurements(records, runs), looks(runs))
    (group,) = found.groups
    roaf, lstm = group["curves"]["validation_score"]
    assert [found.models[curve["model"]]["label"] for curve in (roaf, lstm)] == ["roaf", "lstm"]
    assert list(found.grids[roaf["grid"]]) == [0, 5, 10]
    assert (roaf["mean"], roaf["low"], roaf["high"]) == (
        [0, 0.3, 0.6],
        [0, 0.2, 0.4],
        [0, 0.4, 0.8],
    )
    assert roaf["seeds"] == 2 and lstm["seeds"] == 1 and "low" not in lstm
    assert "test_score" not in group["curves"]  # read once: the tables have it
    assert group["words"]["validation_score"] == "validation accuracy"
    assert (group["percent"], group["chance"], group["solved"]) == (True, 0.125, 0.8)


def test_the_heat_map_holds_the_logarithm_of_the_median_relative_norm():
    records = [toy("roaf", seed, decay=decay) for seed, decay in enumerate((1.0, 0.1, 0.001))]
    runs = labelled_runs(records)
    found = interactive(runs, labelled_measurements(records, runs), looks(runs))
    for stage, words in (("first", "after 0 updates"), ("last", "after 10 updates")):
        heat = found.groups[0]["gradients"][stage]
        assert heat["words"] == words
        assert (heat["distances"], heat["models"]) == ([0, 1, 2, 4], [0])
        assert heat["values"] == [[0, -1, -2, -4]]


def test_a_run_that_was_looked_at_once_is_in_one_heat_map():
    last = [m for m in toy(only=("gradient_by_distance",)).measurements if m.step == 10]
    records = [toy("roaf"), replace(toy("lstm"), measurements=tuple(last))]
    runs = labelled_runs(records)
    found = interactive(runs, labelled_measurements(records, runs), looks(runs))
    heat = found.groups[0]["gradients"]
    assert {stage: heat[stage]["models"] for stage in heat} == {"first": [0], "last": [0, 1]}


def test_a_long_curve_is_thinned_to_its_ends_and_what_lies_evenly_between():
    assert list(thinned(3)) == [0, 1, 2]
    assert list(thinned(101, 5)) == [0, 25, 50, 75, 100]
    assert len(thinned(100_000)) == 200


def test_a_dark_colour_is_lightened_until_it_can_be_seen_on_the_dark_page():
    assert contrast((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)) == pytest.approx(21)
    assert on_dark((1.0, 0.9, 0.2)) == (1.0, 0.9, 0.2)
    assert 4 <= contrast(on_dark((0.0, 0.0, 0.3)), DARK_PAGE) < 5


def test_text_has_the_contrast_of_wcag_aa_in_light_and_dark():
    style = embedding.style()
    for palette in re.findall(r":root \{(.*?)\}", style, re.DOTALL):
        colours = {
            name: tuple(int(2 * text if len(text) == 1 else text, 16) / 255 for text in parts)
            for name, parts in (
                (name, re.findall("." * (len(value) // 3), value))
                for name, value in re.findall(r"--(\w+): #(\w+)", palette)
            )
        }
        for ink in ("ink", "soft", "accent"):
            assert all(contrast(colours[ink], colours[page]) >= 4.5 for page in ("page", "band"))
        assert contrast(colours["edge"], colours["page"]) >= 3


def test_every_failure_stands_with_its_cause_and_its_command(tmp_path):
    failed = toy(seed=3, status=Status.timeout, error="took too long\nand more")
    folder = report(tmp_path, toy(), failed)
    command = (
        "python -m bench exec-run RESULTS/small/cpu-torch2.13/"
        f"copy__urnn-lstm-s3-{failed.spec.run_id}.jsonl"
    )
    for name in ("index.html", "report.md"):
        text = (folder / name).read_text()
        assert command in text and "took too long" in text and "and more" not in text
        assert str(tmp_path) not in text
    assert again(failed, Path("results/local")) == command.replace("RESULTS", "results/local")
    assert again(toy(plugin="0" * 64), Path("results")).endswith(".jsonl --plugin PLUGIN")


def test_the_page_says_first_who_is_best_and_where_roaf_stands(tmp_path):
    scores = {"lstm": 0.9, "roaf": 0.7, "gru": 0.5}
    records = [toy(name, score=score) for name, score in scores.items()]
    text = " ".join(Parts(page(report(tmp_path, *records))).text.split())
    assert "Best mean test score, of 1 task: lstm on 1. A ROAF model, controls aside," in text
    assert "comes first on none. 1 seed: an indication." in text
    assert "lstm 90.00 % 1/1 roaf 70.00 % 2 of 3" in text


def test_a_curve_of_many_updates_takes_few_bytes():
    labels = [f"model-{number}" for number in range(300)]
    steps = range(0, 20_000, 20)
    rows = pd.DataFrame(
        [
            ("cpu", "run", step, "train_loss", "all", 1 / 3 + step, "task", label, "ok")
            for label in labels
            for step in steps
        ],
        columns=[
            "stack",
            "run_id",
            "step",
            "quantity",
            "where",
            "value",
            "group",
            "label",
            "status",
        ],
    )
    records = [toy(label) for label in labels]
    runs = labelled_runs(records).assign(stack="cpu", group="task")
    size = len(interactive(runs, rows, looks(runs)).json)
    assert size < 300 * 200 * 12
