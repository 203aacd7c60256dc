"""The least work of a training step: what a kernel's seconds are compared with.

For each step and sample of a network whose state of N units and input of D meet G gates, with F
operations for the filter, a product of n x m counting 2 n m:

    forward    2 G N (N + D) + F
    backward   2 G N (N + D) for the weights' gradient, 2 G N^2 + F for the state's

in all 6 G N^2 + 4 G N D + 2 F. Elementwise work is not counted. In float32, at the least

    4 (3 outputs + 2 inputs + 3 trained + 2 fixed)  bytes

go through memory: outputs are written, and read again, with their gradient, on the way back;
inputs, weights and the filter are read both ways; the weights' gradient is written. The rest, gates
and values of phi, could stay in a cache or be computed again.
"""

from typing import Any, cast

from torch import Tensor, nn

from bench.diagnostics.view import Reading, Readings, View
from bench.models import MODELS
from bench.records import RunSpec

GATES = {"nn.RNN": 1, "nn.LSTM": 4, "nn.GRU": 3}
FLOAT = 4


def work(name: str, module: nn.Module, x: Tensor, output: Tensor, view: View) -> Readings:
    """The operations and the bytes of a training step of a contender."""
    yield Reading("least_flops", name, float(len(x) * sample_flops(name, view)))
    yield Reading("least_bytes", name, float(least_bytes(module, x, output)))


def sample_flops(name: str, view: View) -> int:
    """Of all steps or layers for one sample: of torch's network of that name, else of the model."""
    spec, task = cast(RunSpec, view.spec), view.task
    if name in GATES:
        return task.steps * step_flops(spec.width, task.features, GATES[name])
    along_time = spec.depth is None
    sizes = (task.features, spec.width) if along_time else (spec.width, spec.depth)
    forward = cast(Any, MODELS[spec.model].costs)(*sizes, **spec.model_args).flops
    features = task.features if along_time else 0
    filter = forward - 2 * spec.width * (spec.width + features)
    return (spec.depth or task.steps) * step_flops(spec.width, features, filter=filter)


def step_flops(hidden: int, features: int, gates: int = 1, filter: int = 0) -> int:
    """Forward and backward, for one step of one sample."""
    return gates * (6 * hidden**2 + 4 * hidden * features) + 2 * filter


def least_bytes(module: nn.Module, x: Tensor, output: Tensor) -> int:
    """What goes through memory when every number does so as rarely as it can."""
    trained = sum(p.numel() for p in module.parameters())
    fixed = sum(b.numel() for b in module.buffers())
    return FLOAT * (3 * output.numel() + 2 * x.numel() + 3 * trained + 2 * fixed)
