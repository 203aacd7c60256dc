"""`perf` from the command line, with asv itself, on a repository with a planted slowdown."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli import main
from bench.perf.project import PROJECT, Project

BENCHMARK = """
class Work:
    version, repeat, number, warmup_time = "1", 3, 1, 0.0
    params = (("one", "two"),)

    def setup(self, name):
        if name == "two":
            raise NotImplementedError

    def time_it(self, name):
        from work import work

        work()
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Three commits: one, the same code again, and one that takes three times as long."""
    pytest.importorskip("asv", reason="asv is not installed: pip install 'roaf-bench[perf]'")
    perf = tmp_path / "perf"
    (perf / "benchmarks").mkdir(parents=True)
    (perf / "benchmarks" / "__init__.py").write_text("")
    (perf / "benchmarks" / "speed.py").write_text(BENCHMARK)
    settings = json.loads(PROJECT.file.read_text()) | {"repo": "..", "env_dir": "env"}
    settings |= {"results_dir": "results", "html_dir": "html"}
    (perf / "asv.conf.json").write_text(json.dumps(settings))
    git(tmp_path, "init", "--quiet")
    for message, seconds in (("first", 0.02), ("again", 0.02), ("slow", 0.06)):
        (tmp_path / "work.py").write_text(
            f"import time\n\ndef work():\n    time.sleep({seconds})\n"
        )
        git(tmp_path, "add", "work.py")
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", message)
    monkeypatch.setattr("bench.perf.project.PROJECT", Project(perf / "asv.conf.json"))
    return tmp_path


def git(folder: Path, *words: str) -> str:
    """What git prints."""
    who = ["-c", "user.name=a tester", "-c", "user.email=tester@example.org"]
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def perf(*words: str) -> tuple[int, str]:
    """(exit code, output) of the command."""
    result = CliRunner().invoke(main, ["perf", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_a_planted_slowdown_is_caught_and_the_same_code_passes(repository):
    code, output = perf("compare", "HEAD~1", "HEAD", "--rounds", "1", "--margin", "0.5")
    assert (code, "1 slower or lost" in output) == (3, True), output
    assert "speed.Work.time_it('one')" in output
    code, output = perf("compare", "HEAD~2", "HEAD~1", "--rounds", "1", "--margin", "0.5")
    assert (code, "0 slower or lost" in output) == (0, True), output
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_history_of_two_commits_becomes_a_page(repository):
    code, output = perf("run", "HEAD~1", "HEAD", "--rounds", "1")
    assert code == 0, output
    files = {file.name for file in Path(output.strip()).iterdir()}
    hashes = git(repository, "log", "--format=%H", "-2").split()
    assert {name[:8] for name in files} == {"machine.", *(commit[:8] for commit in hashes)}
    code, output = perf("publish")
    assert code == 0
    page = Path(output.strip()).read_text()
    assert all(f"<code>{commit[:8]}</code>" in page for commit in hashes)
    assert "slow</li>" in page


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["compare", "HEAD", "nowhere"], "'nowhere' is no commit of"),
        (["run", "--", "--all"], "'--all' is no commit of"),
        (["compare", "HEAD"], "Missing argument 'AFTER'"),
        (["publish"], "no history in"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_1(words, sentence, repository):
    code, output = perf(*words)
    assert (code, "Traceback" in output) == (1, False)
    assert sentence in output
