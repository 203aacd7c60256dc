"""What a run ran on: versions, processor, memory, commit. No host name, no user name."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("roaf-bench", "torch", "numpy", "scikit-learn")


def stack(device: str) -> str:
    """Device class, torch version and CUDA version as one slug, such as `cpu-torch2.13`."""
    release = ".".join(version("torch").split("+")[0].split(".")[:2])
    if device != "cuda":
        return f"cpu-torch{release}"
    import torch

    name = torch.cuda.get_device_name().lower().replace(" ", "-")
    cuda = (torch.version.cuda or "unknown").replace(".", "")
    return f"{name}-torch{release}-cu{cuda}"


@cache
def environment(device: str) -> dict[str, Any]:
    """The machine and the code, as the record keeps them."""
    return {
        "stack": stack(device),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        **_commit(),
    }


@cache
def versions() -> dict[str, str]:
    """The versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _commit() -> dict[str, Any]:
    """The commit of the source and whether it was changed; nothing where git does not have it, as
    where the suite is installed below someone else's repository."""
    here = Path(__file__)

    def git(*words: str) -> str:
        result = subprocess.run(
            ["git", "-C", str(here.parent), *words], capture_output=True, text=True, check=True
        )
        return result.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)
        changed = git("status", "--porcelain", "--", "../roaf", "../baselines", ".")
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "changed": None}
