"""Tables as LaTeX: whatever a name holds, an article with booktabs takes them as they are."""

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from bench.records import Status
from bench.report.gather import gather
from bench.report.latex import LINE, latex
from bench.report.latex_words import escaped, points
from bench.report.page import Board, Section
from bench.report.render import latex_files
from bench.store import write_record
from tests.test_report import FACTS, curves, record
from tests.test_report_tables import STACK, boards

HOSTILE = "a_b%$#&{}~^\\<script>"
NAMES = (HOSTILE, "[a]*", "*", "naïve Zürich --- ``'", "roaf" + 40 * "x", '\\input{x} |"')
COMMANDS = {
    *("begin", "end", "caption", "label", "centering", "footnotesize", "setlength", "tabcolsep"),
    *("toprule", "midrule", "bottomrule", "medskip", "textbf"),
    *("textbackslash", "textasciicircum", "textasciitilde", "le", "ge", "pm", "times", "surd"),
    *("alpha", "beta", "lambda", "sigma", "{", "}", "$", "%", "&", "#", "_", "\\", "'", '"'),
}
ARTICLE = r"""\documentclass{article}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


def board(*rows: dict, caption: str = "", bold: frozenset = frozenset()) -> Board:
    return Board("a task", "What is asked?", pd.DataFrame(rows, dtype=object), caption, bold)


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> list[Path]:
    """The tables of the report of models, tasks, metrics and errors with hostile names."""
    facts = FACTS | {"metric": f"{HOSTILE} accuracy", "question": f"{HOSTILE}?"}
    runs = [
        record(name, seed, score=0.1 * place + 0.02 * seed, facts=facts, measurements=measured)
        for place, name in enumerate(NAMES)
        for seed in (0, 1, 2)
        for measured in (curves(),)
    ]
    runs += [record("roaf", seed, facts=facts, measurements=curves()) for seed in (0, 1, 2)]
    runs += [record(f"model-{k}", 0, facts=facts) for k in range(60)]
    runs += [record(task=HOSTILE, task_args={"[*": "%"}), record(task=HOSTILE.lower())]
    failed = {"error": f"{HOSTILE} 中\x00", "measurements": ()}
    runs += [record(NAMES[1], 3, status=Status.unsupported, **failed)]
    folder = tmp_path_factory.mktemp("hostile")
    for each in runs:
        write_record(each, folder)
    parts = [Section(STACK, list(boards(gather("small", folder)).values()), [])]
    for name, text in latex_files(parts).items():
        (folder / name).write_text(text, encoding="ascii")
    return sorted(folder.glob("*.tex"))


def is_whole(text: str) -> bool:
    """Whether braces and environments close, formulas too, and every row has as many cells."""
    plain = re.sub(r"\\[\\{}$%&#_]", " ", text)
    words = re.findall(r"\\(begin|end)\{(\w+)\}", text)
    stack: list[str] = []
    for kind, name in words:
        if kind == "begin":
            stack.append(name)
        elif not stack or stack.pop() != name:
            return False
    depths = [
        plain[: place + 1].count("{") - plain[: place + 1].count("}")
        for place in (m.start() for m in re.finditer("[{}]", plain))
    ]
    return not stack and plain.count("$") % 2 == 0 and min(depths) >= 0 and depths[-1] == 0


def rows_of(text: str) -> list[int]:
    """The number of cells of every row of every tabular, those of broken cells not counted."""
    inner = re.compile(r"\\begin\{tabular\}\[[bt]\].*?\\end\{tabular\}")
    lines = [line for line in inner.sub("", text).splitlines() if line.endswith(r"\\")]
    return [len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines]


def test_every_table_of_a_hostile_report_is_whole_and_uses_booktabs_alone(tables):
    assert len(tables) >= 4
    for file in tables:
        text = "\n".join(file.read_text().splitlines()[1:])
        assert is_whole(text)
        assert set(re.findall(r"\\([A-Za-z]+|[^A-Za-z\s])", text)) <= COMMANDS
        assert not re.search(r"(?<!\\)[%#]|(?<!\\)~|--|\\\\\n?\s*[\[*]", text)
        assert len(re.findall(r"\\label\{tab:[A-Za-z0-9._-]+\}", text)) == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_an_article_takes_every_table_of_a_hostile_report(tables):
    inputs = [rf"\input{{{table.stem}}}\clearpage" for table in tables]
    (tables[0].parent / "article.tex").write_text(ARTICLE % "\n".join(inputs))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "article.tex"]
    done = subprocess.run(
        command, cwd=tables[0].parent, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Overfull \\hbox" not in done.stdout
    assert "too large for page" not in done.stdout


def test_no_character_is_a_command():
    assert escaped("50 % of $a_1$ & #2 {x} ~ ^") == (
        r"50 \% of \$a\_1\$ \& \#2 \{x\} \textasciitilde{} \textasciicircum{}"
    )
    assert escaped("\\input<x>") == r"\textbackslash{}input$<$x$>$"
    assert escaped("[b]*") == "{[}b{]}{*}"
    assert escaped("---") == "-{}-{}-"
    assert escaped("a\n\n b\t") == "a b"
    assert escaped("ü ≤ 中\x00") == r"\"{u} $\le$ U+4E2DU+0000"


def test_a_table_has_its_caption_label_rules_and_bold_cells():
    rows = [{"model": "a_b", "score": "1 %"}, {"model": "c", "score": "2 %"}]
    text = latex(board(*rows, caption="n = 3.", bold=frozenset({(1, "score")})), "x")
    assert (
        r"\caption[a task]{\footnotesize a task. What is asked? n = 3.}" + "\n" + r"\label{tab:x}"
        in text
    )
    body = r"""\begin{tabular}{@{}lr@{}}
\toprule
model & score \\
\midrule
a\_b & 1 \% \\
c & \textbf{2 \%} \\
\bottomrule
\end{tabular}"""
    assert body in text


def test_what_is_too_wide_goes_on_below_behind_the_same_first_column():
    row = {"model": "a", **{f"column {k}": "1" * 20 for k in range(6)}}
    text = latex(board(row, {**row, "model": "b"}), "x")
    heads = [line for line in text.splitlines() if line.startswith("model &")]
    assert len(heads) == 2 and "column 5" in heads[1] and "column 5" not in heads[0]
    assert text.count(r"\begin{table}") == 1
    assert max(map(points, heads)) < LINE


def test_first_columns_that_tell_rows_apart_are_repeated_together():
    rows = [
        {"depth": depth, "model": model, **{f"column {k}": "1" * 20 for k in range(6)}}
        for depth in ("10", "100")
        for model in ("a", "b")
    ]
    heads = [x for x in latex(board(*rows), "x").splitlines() if x.startswith("depth & model &")]
    assert len(heads) == 3


def test_what_is_too_long_goes_on_on_the_next_page():
    text = latex(board(*[{"model": f"m{k}", "score": "1"} for k in range(100)]), "x")
    assert text.count(r"\begin{table}") == 3 == text.count(r"\toprule")
    assert text.count(r"\caption[]{a task (continued).}") == 2 and text.count(r"\label") == 1
    assert [line for line in text.splitlines() if re.match(r"m\d", line)] == [
        rf"m{k} & 1 \\" for k in range(100)
    ]
    assert set(rows_of(text)) == {2}


def test_a_long_cell_is_broken_into_lines_that_are_escaped_each():
    text = latex(board({"model": "word [x] " * 4, "score": "1"}), "x")
    assert r"word {[}x{]} word \\ {[}x{]}\end{tabular} & 1 \\" in text
    assert set(rows_of(text)) == {2}
