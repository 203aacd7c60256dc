"""Whether a model and what it keeps fit in memory, asked before it is allocated.

An allocation that is too large ends the process at once on many systems, without a word.
"""

from pathlib import Path

import torch

MEMINFO = Path("/proc/meminfo")
LIMITS = (  # of a container or a batch job, as both versions of control groups tell it
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
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
    limits = [limit.read_text().strip() for limit in LIMITS if limit.exists()]
    there = int(lines["MemAvailable"].split()[0]) * 1024
    return min([there, *(int(limit) for limit in limits if limit.isdigit())])
