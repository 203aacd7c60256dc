"""The tasks. To add one: a file here and a line in `TASKS`; the contract tests then cover it."""

from collections.abc import Callable

from bench.tasks.adding import Adding
from bench.tasks.base import Batch as Batch
from bench.tasks.base import Task as Task
from bench.tasks.copying import CopyUrnn
from bench.tasks.digits import DigitsDepth, PermutedSequentialDigits
from bench.tasks.mnist import (
    MnistDepth,
    PermutedMnist92916,
    PermutedMnistBitReversal,
    SequentialMnist,
)

TASKS: dict[str, Callable[..., Task]] = {
    "adding": Adding,
    "copy/urnn": CopyUrnn,
    "psdigits": PermutedSequentialDigits,
    "smnist": SequentialMnist,
    "psmnist-92916": PermutedMnist92916,
    "psmnist-bitrev": PermutedMnistBitReversal,
    "digits-depth": DigitsDepth,
    "mnist-depth": MnistDepth,
}
