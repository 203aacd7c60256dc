"""What the two sides of `bench compare` may be: folders, commits and stacks."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bench.store import write_record
from tests.test_compare import compared, record


def git(folder: Path, *words: str) -> None:
    settings = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(
        ["git", *settings, *words], cwd=folder, check=True, capture_output=True, env=clean
    )


@pytest.fixture
def repository(tmp_path):
    """A folder of results with a commit before and one after; two stacks in the latter."""
    results = tmp_path / "results"
    git(tmp_path, "init", "--quiet")
    for score, tag in ((0.9, "before"), (0.2, "after")):
        write_record(record(score), results)
        git(tmp_path, "add", "results")
        git(tmp_path, "commit", "--quiet", "--message", tag)
        git(tmp_path, "tag", tag)
    write_record(record(0.3, stack="gpu-test"), results)
    return results


@pytest.mark.parametrize(
    "a, b, means",
    [
        ("before", "after", (0.9, 0.2)),
        ("after", "before", (0.2, 0.9)),
        ("before", "HEAD", (0.9, 0.2)),
        ("HEAD~1@cpu-test", "{results}", (0.9, 0.2)),
        ("{results}@gpu-test", "before", (0.3, 0.9)),
        ("cpu-test", "gpu-test", (0.2, 0.3)),
    ],
)
def test_a_side_is_a_folder_a_stack_or_a_commit(repository, a, b, means):
    names = [name.format(results=repository) for name in (a, b)]
    code, output = compared(*names, "--results", repository, "--format", "json")
    (row,) = json.loads(output)["rows"]
    assert (row["scores"]["mean_a"], row["scores"]["mean_b"]) == means
    assert code == (3 if means[1] < means[0] else 0)


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["nothing", "after"], "'nothing' is no results folder, no commit that git knows and no"),
        (["nothing", "after"], "(there are: cpu-test, gpu-test)"),
        (["after@tpu", "after"], "after has no records of the stack 'tpu'; there are: cpu-test"),
        (["after", "before", "--suite", "speed"], "has no records of the suite 'speed'"),
        (["after", "gpu-test@x"], "gpu-test has no records of the stack 'x'"),
        (["", "after"], "'' is no results folder"),
        (["x\0y", "after"], "is no results folder"),
        (["x" * 5000, "after"], "File name too long"),
        (["after", "before", "--margin", "-1"], "-1.0 is not in the range"),
        (["after", "before", "--margin", "nan"], "--margin nan is no finite number"),
        (["after"], "Missing argument 'B'"),
    ],
)
def test_a_mistake_gets_one_sentence(repository, words, sentence):
    code, output = compared(*words, "--results", repository)
    assert code == 1
    assert sentence in output
    assert "Traceback" not in output


def test_stacks_without_a_like_are_not_paired_by_chance(tmp_path):
    for side, stacks in (("a", ("x", "y")), ("b", ("z",))):
        for stack in stacks:
            write_record(record(stack=stack), tmp_path / side)
    code, output = compared(tmp_path / "a", tmp_path / "b")
    assert code == 1
    assert "have no stack in common and one has several" in output


def test_no_run_in_common_is_a_mistake_and_no_success(tmp_path):
    write_record(record(), tmp_path / "a")
    write_record(record(model="lstm"), tmp_path / "b")
    code, output = compared(tmp_path / "a", tmp_path / "b")
    assert code == 1
    assert "so there is nothing to compare" in output


def test_a_file_that_is_no_record_is_named_and_the_rest_compared(tmp_path):
    write_record(record(), tmp_path)
    (tmp_path / "broken.jsonl").write_text("{")
    code, output = compared(tmp_path, tmp_path)
    assert code == 0
    assert "broken.jsonl, line 1" in output
