"""The files of a report: one a table, none of an earlier report, the same bytes each time."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

from bench.report import render
from bench.report.page import Board, Section
from bench.report.render import latex_files
from bench.store import write_record
from tests.test_report import curves, record
from tests.test_report_tables import scored


def test_tables_of_one_name_have_files_of_their_own():
    (name,) = latex_files([section("a b")])
    assert name == "a_b-s.tex"
    assert list(latex_files([section("a b", "A_b", "a?b")])) == [
        "a_b-s.tex",
        "A_b-s-2.tex",
        "a_b-s-3.tex",
    ]


def section(*labels: str) -> Section:
    table = pd.DataFrame({"model": ["a"], "score": ["1"]}, dtype=object)
    return Section("s", [Board(label, "", table) for label in labels], [])


def test_tables_of_an_earlier_report_are_removed(tmp_path):
    for task in ("kept", "gone"):
        write_record(scored("roaf", 0, 0.5, task=task), tmp_path / "results")
    folder = render("small", tmp_path / "results", tmp_path / "out", formats=("latex", "csv"))
    assert len(list(folder.glob("tables/*.tex"))) == 2
    for path in (tmp_path / "results").rglob("gone-*.jsonl"):
        path.unlink()
    render("small", tmp_path / "results", tmp_path / "out", formats=("latex",))
    names = sorted(path.name for path in folder.glob("tables/*"))
    assert names == ["kept-cpu-torch2.13.tex", "leaderboard.csv"]


def test_all_files_are_the_same_whatever_the_process_hashes(tmp_path):
    for each in [record(m, s, measurements=curves()) for m in ("roaf", "lstm") for s in (0, 1, 2)]:
        write_record(each, tmp_path / "results")
    program = "import sys; from pathlib import Path; from bench.report import render; "
    program += "render('small', Path(sys.argv[1]), Path(sys.argv[2]))"
    files = []
    for seed, epoch in (("0", "1"), ("1", "2000000000")):
        out = tmp_path / seed
        variables = {**os.environ, "PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": epoch}
        command = [sys.executable, "-c", program, str(tmp_path / "results"), str(out)]
        subprocess.run(command, check=True, env=variables)
        found = [path for path in out.rglob("*") if path.is_file()]
        files.append({str(path.relative_to(out)): path.read_bytes() for path in found})
    assert files[0] == files[1]
    suffixes = {Path(name).suffix for name in files[0]}
    assert suffixes == {".html", ".md", ".tex", ".csv", ".svg", ".png", ".pdf"}
