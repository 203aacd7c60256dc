"""The page over all suites: verdicts and links from the records alone, and the one committed."""

import re
from pathlib import Path

import pytest

from bench.report import NothingToReport, claims_page
from bench.report.claims_page import MARKS, put
from bench.store import write_record
from bench.suites import SUITES, Setting, Suite
from bench.suites.claim import Claim
from tests.scored import several

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"\]\(([^)#:]+)\)")
ROAF = {"model": "roaf", "task": "copy/urnn"}
SETTING = Setting(task="copy/urnn", models=("roaf", "lstm"), updates=30, batch_size=4)
SMALL = Suite(
    question="Is it small?",
    budget="",
    settings=(SETTING,),
    claims=(
        Claim(says="it remembers", source="arXiv 1", runs=ROAF, least=0.9),
        Claim(says="it wins", source="this project", runs=ROAF, rival={"model": "lstm"}, least=0.0),
        Claim(says="it sings", source="arXiv 1", runs=ROAF | {"task": "singing"}, least=0.9),
    ),
)


def rows(text: str, first: str) -> list[list[str]]:
    """The cells of the table rows that begin with this word."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {first} ")]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def made(folder: Path) -> str:
    """The page on three seeds of two models."""
    for record in (*several("roaf", [0.94, 0.95, 0.96]), *several("lstm", [0.95, 0.95, 0.95])):
        write_record(record, folder / "results")
    page = claims_page({"small": SMALL}, folder / "results", folder / "reports")
    return page.read_text()


def test_every_claim_has_its_verdict_and_links_to_its_records(tmp_path):
    text = made(tmp_path)
    (holds,), (wins,), (sings,) = (rows(text, f"it {w}") for w in ("remembers", "wins", "sings"))
    assert holds[3:7] == ["95.00 %", "92.52 to 97.48 %", "3", "holds"]
    assert wins[6] == "holds partly"
    assert sings[6] == "not tested here"
    assert [len(LINK.findall(row[-1])) for row in (holds, wins)] == [3, 6]
    assert rows(text, "the paper") == [["the paper", "1", "0", "0", "1"]]
    assert rows(text, "this project") == [["this project", "0", "1", "0", "0"]]
    for link in LINK.findall(text):
        assert (tmp_path / "reports" / link).exists(), link
    (example,) = re.findall(r"exec-run (\S+)", text)
    assert (tmp_path / example).exists(), example
    assert made(tmp_path) == text


def test_the_block_of_the_paper_goes_between_its_marks_and_nowhere_else(tmp_path):
    file = tmp_path / "guide.md"
    file.write_text(f"above\n{MARKS[0]}stale\n{MARKS[1]}below\n")
    made(tmp_path)
    claims_page({"small": SMALL}, tmp_path / "results", tmp_path / "reports", file)
    text = file.read_text()
    assert text.startswith(f"above\n{MARKS[0]}") and text.endswith(f"{MARKS[1]}below\n")
    assert rows(text, "it remembers") and not rows(text, "it wins") and "stale" not in text
    file.write_text("no place\n")
    with pytest.raises(ValueError, match="has no place for the claims"):
        put(file, "")


def test_without_a_record_there_is_a_sentence(tmp_path):
    with pytest.raises(NothingToReport, match="no records of any suite below"):
        claims_page({"small": SMALL}, tmp_path, tmp_path / "reports")


def test_the_committed_page_and_the_readme_say_what_the_records_say(tmp_path):
    for folder in ("results", "reports"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    readme = tmp_path / "README.md"
    readme.write_text((ROOT / "README.md").read_text())
    known = (ROOT / "reports" / "README.md").read_text()
    shown = tmp_path / "shown"
    shown.mkdir()
    for report in (ROOT / "reports").iterdir():
        if report.name != "README.md":
            (shown / report.name).symlink_to(report)
    page = claims_page(SUITES, tmp_path / "results" / "recorded", shown, readme)
    assert page.read_text() == known
    assert readme.read_text() == (ROOT / "README.md").read_text()
    for link in LINK.findall(known):
        assert (ROOT / "reports" / link).exists(), link
    for link in LINK.findall(readme.read_text()):
        assert (ROOT / link).exists(), link
