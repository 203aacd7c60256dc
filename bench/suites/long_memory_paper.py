"""The published sizes: GPU hours, ten seeds, every model along time; nothing of it is recorded yet.

Once with the parameters matched (ROAF with 128 units), once with 128 units for all. The tuning
sweeps the same six trials for every model on a seed of its own, on a tenth of the updates, and its
winners feed both; until its table is there a model runs as it does untuned. Stressed to 10,000
steps because that is how far the paper's claim reaches.
"""

from dataclasses import replace

from bench.suites.long_memory import tuned, tuning
from bench.suites.names import ALL_TIME
from bench.suites.setting import Setting, Suite
from bench.suites.widths import REFERENCE, matched_widths

SEEDS = tuple(range(10))
TABLE = "long-memory-paper-tuning"
EPOCH = 430  # updates of 128 in 55,000 images
EPOCH_CIFAR = 450  # updates of 100 in 45,000 images


def copying(length: int) -> Setting:
    """Fresh data, 4,000 updates of 128, as expRNN's program has it."""
    return Setting(
        task="copy/urnn",
        task_args={"length": length},
        length=length + 20,
        models=ALL_TIME,
        widths=matched_widths("10 features, 9 outputs"),
        batch_size=128,
        updates=4000,
    )


def adding(length: int) -> Setting:
    """Fresh data, 10,000 updates of 50: a third of what LEM's program takes to the end."""
    return Setting(
        task="adding",
        task_args={"length": length},
        length=length,
        models=ALL_TIME,
        widths=matched_widths("2 features, 1 output"),
        batch_size=50,
        updates=10_000,
    )


def images(task: str, length: int, epoch: int, batch_size: int, shape: str) -> Setting:
    """Ten epochs."""
    return Setting(
        task=task,
        length=length,
        models=ALL_TIME,
        widths=matched_widths(shape),
        batch_size=batch_size,
        updates=10 * epoch,
        evaluations=10,
    )


SETTINGS = (
    *(copying(length) for length in (200, 1000, 2000, 10_000)),
    *(adding(length) for length in (200, 1000, 5000, 10_000)),
    images("smnist", 784, EPOCH, 128, "1 feature, 10 outputs"),
    images("psmnist-92916", 784, EPOCH, 128, "1 feature, 10 outputs"),
    images("psfashion-92916", 784, EPOCH, 128, "1 feature, 10 outputs"),
    images("ncifar10-fixed", 1000, EPOCH_CIFAR, 100, "96 features, 10 outputs"),
)

LONG_MEMORY_PAPER_TUNING = Suite(
    question="Which learning rate, and which setting of its own, suits each model at the published "
    "sizes?",
    budget="GPU days",
    settings=tuning(replace(s, updates=s.updates // 10) for s in SETTINGS),
)
LONG_MEMORY_PAPER = Suite(
    question="What is remembered at the published sizes, given the same parameters?",
    budget="GPU days",
    settings=tuned(SETTINGS, TABLE),
    seeds=SEEDS,
)
LONG_MEMORY_PAPER_WIDE = Suite(
    question=f"What is remembered at the published sizes, given {REFERENCE} units each?",
    budget="GPU days",
    settings=tuned((replace(s, widths={"*": REFERENCE}) for s in SETTINGS), TABLE),
    seeds=SEEDS,
)
