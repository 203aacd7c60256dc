"""What a record says of the code that made it."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

import bench.environment


@pytest.fixture
def repository(tmp_path):
    """git in a new repository that ignores what Python compiles."""

    def git(*words: str) -> str:
        someone = ["-c", "user.name=someone", "-c", "user.email=someone@example.org"]
        command = ["git", "-C", str(tmp_path), *someone, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    git("add", ".gitignore")
    git("commit", "--quiet", "--message", "theirs")
    return git


def commit_of(file: Path) -> tuple[str | None, bool | None]:
    """The commit that the suite takes for its own where its source is that file."""
    spec = importlib.util.spec_from_file_location("copied", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.environment("cpu")
    return found["commit"], found["changed"]


def test_the_commit_of_a_repository_that_does_not_have_the_source_is_not_ours(repository, tmp_path):
    file = tmp_path / "venv" / "bench" / "environment.py"
    file.parent.mkdir(parents=True)
    file.write_text(Path(bench.environment.__file__).read_text())
    assert commit_of(file) == (None, None)
    repository("add", str(file))
    repository("commit", "--quiet", "--message", "ours")
    assert commit_of(file) == (repository("rev-parse", "HEAD"), False)
    file.write_text(file.read_text() + "\n")
    assert commit_of(file)[1] is True
