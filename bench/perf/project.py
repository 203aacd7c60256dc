"""Where the benchmarks, the repository and the results are: what `asv.conf.json` says."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Unusable(Exception):
    """What is asked for cannot be measured here, in one sentence."""


@dataclass(frozen=True)
class Project:
    """A configuration of asv, whose paths count from its own folder."""

    file: Path

    @property
    def settings(self) -> dict[str, Any]:
        """All it says, with absolute paths."""
        settings = json.loads(self.file.read_text())
        paths = ("repo", "benchmark_dir", "env_dir", "results_dir", "html_dir")
        here = self.file.parent
        return settings | {name: str((here / settings[name]).resolve()) for name in paths}

    @property
    def repository(self) -> Path:
        """The folder that git knows."""
        return Path(self.settings["repo"])

    @property
    def results(self) -> Path:
        """Where the history lies, a folder a machine."""
        return Path(self.settings["results_dir"])

    @property
    def page(self) -> Path:
        """The folder of the published page."""
        return Path(self.settings["html_dir"])

    def commit(self, name: str) -> str:
        """The full hash of what git calls so, such as HEAD~1; Unusable where there is none."""
        try:
            return self._git("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unusable(f"{name!r} is no commit of {self.repository}") from error

    def subject(self, commit: str) -> str:
        """The first line of its message; nothing where this clone does not have it."""
        try:
            return self._git("show", "--no-patch", "--format=%s", commit)
        except (OSError, subprocess.CalledProcessError):
            return ""

    @contextmanager
    def tree(self, commit: str, folder: Path) -> Iterator[Path]:
        """The files of the commit in a folder, a git worktree for as long as the block lasts."""
        self._git("worktree", "add", "--detach", str(folder), commit)
        try:
            yield folder
        finally:
            self._git("worktree", "remove", "--force", str(folder))

    def _git(self, *words: str) -> str:
        command = ["git", "-C", str(self.repository), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


PROJECT = Project(Path(__file__).parent / "asv.conf.json")
