"""One pass of asv over one tree: what it is told, and where its files go.

asv runs in this very environment. The tree stands first on the path, the benchmarks are the present
ones. Its home is a scratch folder, so that it neither asks what this machine is called nor notes it
in the user's.
"""

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.environment import environment
from bench.perf.project import Project, Unusable

SOME_FAILED = 2
"""asv's exit code where a benchmark raised: its value is then null."""
STDERR = 2
LAUNCH = {"cpu": "forkserver", "cuda": "spawn"}
"""A fork spares the import of torch for every point; CUDA does not survive one."""


@dataclass(frozen=True)
class Machine:
    """The name under which results are kept, and asv's description of what bears it."""

    device: str
    name: str
    facts: dict[str, str]


def this_machine() -> Machine:
    """Named after stack and processor, so that another torch, CPU or GPU starts another history."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    known = environment(device)
    name = known["stack"] if device == "cuda" else processor_name(known)
    facts = {
        "machine": name,
        "os": platform.system(),
        "arch": known["machine"],
        "cpu": known["processor"],
        "num_cpu": str(known["cores"]),
        "ram": f"{known['memory_bytes'] / 1e9:.0f} GB",
    }
    return Machine(device, name, facts)


def processor_name(known: dict[str, Any]) -> str:
    """Cores, processor and stack of an environment in one word: `2core-AMD-EPYC-cpu-torch2.13`."""
    words = re.findall("[A-Za-z0-9]+", known["processor"])
    return "-".join((f"{known['cores']}core", *words, known["stack"]))


def measure(
    project: Project, tree: Path, commit: str, machine: Machine, select: str, results: Path
) -> None:
    """Adds a round of samples of the commit to asv's files in `results`; asv talks on stderr.

    `select` is a regular expression on the names of points. Unusable where asv itself fails.
    """
    if find_spec("asv") is None:
        raise Unusable("asv is not installed: pip install 'roaf-bench[perf]'")
    home = results.parent
    results.mkdir(parents=True, exist_ok=True)
    (home / ".asv-machine.json").write_text(json.dumps({"version": 1, machine.name: machine.facts}))
    settings = {**project.settings, "branches": [commit], "results_dir": str(results)}
    configuration = home / "asv.conf.json"
    configuration.write_text(json.dumps(settings))
    words = ["run", "--config", str(configuration), "--python", "same", "--machine", machine.name]
    words += ["--set-commit-hash", commit, "--launch-method", LAUNCH[machine.device]]
    words += ["--append-samples", "--show-stderr", "--attribute", "rounds=1", "--bench", select]
    command = [sys.executable, "-m", "asv", *words]
    done = subprocess.run(command, env=surroundings(tree, home), cwd=home, stdout=STDERR)
    if done.returncode not in (0, SOME_FAILED):
        raise Unusable(f"asv ended with {done.returncode} at {commit[:8]}; it says why above")


def surroundings(tree: Path, home: Path) -> dict[str, str]:
    """The environment variables: the tree on the path, asv at home elsewhere, git as it was."""
    inherited = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    paths = {"PYTHONPATH": str(tree), "ASV_PYTHONPATH": str(tree), "HOME": str(home)}
    return {"GIT_CONFIG_GLOBAL": str(Path.home() / ".gitconfig"), **inherited, **paths}


_UNWANTED = {"PYTHONDONTWRITEBYTECODE"}
"""Without compiled files every import would be timed with its compilation."""
