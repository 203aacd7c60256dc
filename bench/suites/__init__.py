"""The suites: a question each, and the runs that answer it. Nothing here imports torch.

A suite is Python, in review: no flag changes a scientific choice. To add one: a file here and a
line in `SUITES`.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.plugins import Table, extended
from bench.suites.deepest import DEEPEST
from bench.suites.extreme_depth import EXTREME_DEPTH, EXTREME_DEPTH_TUNING, FIFTY_THOUSAND
from bench.suites.extreme_depth_paper import EXTREME_DEPTH_PAPER, EXTREME_DEPTH_PAPER_TUNING
from bench.suites.filters import FILTERS, FILTERS_TUNING
from bench.suites.long_memory import LONG_MEMORY, LONG_MEMORY_TUNING
from bench.suites.long_memory_paper import (
    LONG_MEMORY_PAPER,
    LONG_MEMORY_PAPER_TUNING,
    LONG_MEMORY_PAPER_WIDE,
)
from bench.suites.psmnist import (
    PSMNIST,
    PSMNIST_PAPER,
    PSMNIST_PAPER_TUNING,
    PSMNIST_TEN_TUNING,
    PSMNIST_TUNING,
)
from bench.suites.setting import Setting as Setting
from bench.suites.setting import Suite as Suite
from bench.suites.signal_propagation import SIGNAL_PROPAGATION
from bench.suites.smoke import SMOKE
from bench.suites.speed import SPEED
from bench.suites.ten_thousand import TEN_THOUSAND_STEPS, TEN_THOUSAND_STEPS_TUNING

SUITES: dict[str, Suite] = {
    "smoke": SMOKE,
    "long-memory-tuning": LONG_MEMORY_TUNING,
    "long-memory": LONG_MEMORY,
    "long-memory-paper-tuning": LONG_MEMORY_PAPER_TUNING,
    "long-memory-paper": LONG_MEMORY_PAPER,
    "long-memory-paper-wide": LONG_MEMORY_PAPER_WIDE,
    "psmnist-tuning": PSMNIST_TUNING,
    "psmnist-ten-tuning": PSMNIST_TEN_TUNING,
    "psmnist": PSMNIST,
    "psmnist-paper-tuning": PSMNIST_PAPER_TUNING,
    "psmnist-paper": PSMNIST_PAPER,
    "ten-thousand-steps-tuning": TEN_THOUSAND_STEPS_TUNING,
    "ten-thousand-steps": TEN_THOUSAND_STEPS,
    "filters-tuning": FILTERS_TUNING,
    "filters": FILTERS,
    "extreme-depth-tuning": EXTREME_DEPTH_TUNING,
    "extreme-depth": EXTREME_DEPTH,
    "fifty-thousand-layers": FIFTY_THOUSAND,
    "deepest": DEEPEST,
    "extreme-depth-paper-tuning": EXTREME_DEPTH_PAPER_TUNING,
    "extreme-depth-paper": EXTREME_DEPTH_PAPER,
    "signal-propagation": SIGNAL_PROPAGATION,
    "speed": SPEED,
}


def all_suites(plugins: Sequence[Path] = ()) -> Table:
    """The suites there are, with the plug-ins' added."""
    return extended("suites", SUITES, plugins, lambda value: isinstance(value, Suite))
