"""The tasks. To add one: a file here and a line in `TASKS`; the contract tests then cover it."""

from collections.abc import Callable

from bench.tasks.adding import Adding
from bench.tasks.base import Batch as Batch
from bench.tasks.base import Task as Task
from bench.tasks.cifar import (
    Cifar10Depth,
    NoisePaddedFixed,
    NoisePaddedFresh,
    SequentialCifar10,
    SequentialCifar10Grey,
)
from bench.tasks.copying import CopyExprnn, CopyTcn, CopyUrnn
from bench.tasks.copying_answers import CopyS4, CopySelective
from bench.tasks.delay import Delay, Reconstruction
from bench.tasks.denoise import Denoise
from bench.tasks.depth_copy import DepthCopy
from bench.tasks.digits import DigitsDepth, PermutedSequentialDigits
from bench.tasks.fashion import (
    FashionDepth,
    PermutedFashion92916,
    RowFashion,
    SequentialFashion,
)
from bench.tasks.iterated_map import IteratedMap
from bench.tasks.listops import ListOps
from bench.tasks.mnist import (
    MnistDepth,
    PermutedMnist1234,
    PermutedMnist5544,
    PermutedMnist12008,
    PermutedMnist92916,
    PermutedMnistBitReversal,
    PermutedMnistLmu,
    PermutedMnistNru,
    RowMnist,
    SequentialMnist,
)
from bench.tasks.mqar import Mqar
from bench.tasks.noise import Noise, NoiseDepth
from bench.tasks.recall import DelayedRecall
from bench.tasks.regular import ModularArithmetic, Parity
from bench.tasks.spirals import Spirals
from bench.tasks.teacher import Teacher
from bench.tasks.temporal_order import TemporalOrder6a, TemporalOrder6b

TASKS: dict[str, Callable[..., Task]] = {
    "adding": Adding,
    "copy/urnn": CopyUrnn,
    "copy/exprnn": CopyExprnn,
    "copy/tcn": CopyTcn,
    "copy/s4": CopyS4,
    "copy/selective": CopySelective,
    "denoise": Denoise,
    "recall": DelayedRecall,
    "delay": Delay,
    "reconstruction": Reconstruction,
    "temporal-order-6a": TemporalOrder6a,
    "temporal-order-6b": TemporalOrder6b,
    "mqar": Mqar,
    "listops": ListOps,
    "parity": Parity,
    "modular-arithmetic": ModularArithmetic,
    "psdigits": PermutedSequentialDigits,
    "smnist": SequentialMnist,
    "psmnist-92916": PermutedMnist92916,
    "psmnist-1234": PermutedMnist1234,
    "psmnist-12008": PermutedMnist12008,
    "psmnist-5544": PermutedMnist5544,
    "psmnist-lmu": PermutedMnistLmu,
    "psmnist-nru": PermutedMnistNru,
    "psmnist-bitrev": PermutedMnistBitReversal,
    "row-mnist": RowMnist,
    "sfashion": SequentialFashion,
    "psfashion-92916": PermutedFashion92916,
    "row-fashion": RowFashion,
    "scifar10": SequentialCifar10,
    "scifar10-gray": SequentialCifar10Grey,
    "ncifar10-fixed": NoisePaddedFixed,
    "ncifar10-fresh": NoisePaddedFresh,
    "digits-depth": DigitsDepth,
    "mnist-depth": MnistDepth,
    "fashion-depth": FashionDepth,
    "cifar10-depth": Cifar10Depth,
    "depth-copy": DepthCopy,
    "teacher": Teacher,
    "iterated-map": IteratedMap,
    "spirals": Spirals,
    "noise": Noise,
    "noise-depth": NoiseDepth,
}
