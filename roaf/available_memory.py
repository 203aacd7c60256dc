"""Whether a model and what it keeps fit in memory, asked before it is allocated.

An allocation that is too large ends the process at once on many systems, without a word.
"""

from pathlib import Path

import torch

MEMINFO = Path("/proc/meminfo")
GROUPS = (  # of a container or a batch job: limit, use and what of it can be given back, by version
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    (
        Path("/sys/fs/cgroup/memory"),
        *("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ),
)
WORTH_ASKING = 2**26  # below 64 MiB the question would cost more than it saves


def check_room(needed: int, device: torch.device, what: str, help: str) -> None:
    """Raises MemoryError where the device has fewer bytes than `what` needs."""
    if needed < WORTH_ASKING:
        return
    there = bytes_there(device)
    if there is not None and needed > there:
        raise MemoryError(
            f"{what} needs {needed:,} bytes and {there:,} are there on {device.type}; {help}"
        )


def bytes_there(device: torch.device) -> int | None:
    """The bytes that can be allocated now; None where that is not known."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type != "cpu" or not MEMINFO.exists():
        return None
    lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
    if "MemAvailable" not in lines:
        return None
    left = [left_of(*group) for group in GROUPS if (group[0] / group[1]).exists()]
    there = int(lines["MemAvailable"].split()[0]) * 1024
    return min([there, *(number for number in left if number is not None)])


def left_of(folder: Path, limit: str, used: str, cached: str) -> int | None:
    """The bytes that a control group may still take, its file cache among them; None without a
    limit."""
    most = (folder / limit).read_text().strip()
    if not most.isdigit():
        return None
    told = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    held = int((folder / used).read_text()) - int(told.get(cached, 0))
    return max(0, int(most) - held)
