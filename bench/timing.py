"""The clock and the memory meter. The clock stops while the harness looks."""

import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import torch


class Clock:
    """Seconds spent inside its `with` blocks; on a GPU, of the work submitted in them.

    Kernels run behind the program's back, so `read` waits for them; a block does not, which would
    slow the run. Read rarely.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._total, self._start = device, 0.0, 0.0

    def __enter__(self) -> "Clock":
        self._start = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._total += time.perf_counter() - self._start

    def read(self) -> float:
        """The seconds since the last reading."""
        with self:
            synchronize(self._device)
        total, self._total = self._total, 0.0
        return total


def synchronize(device: torch.device) -> None:
    """Returns when the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class MemoryMeter:
    """The peak of memory since it was made, in bytes: the allocator's on a GPU, else the process's.

    Of the process it is how far resident memory has risen above where it stood, so that torch
    itself, 300 MB, does not count.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self._before = _reset_peak()

    def read(self) -> int:
        """The peak so far."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return max(0, _peak_resident() - self._before)


def _reset_peak() -> int:
    """Resident bytes now; where Linux allows it, the peak is set back to them."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak_resident()


def _peak_resident() -> int:
    try:
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
