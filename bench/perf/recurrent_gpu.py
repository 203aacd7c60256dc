"""What forward and backward of the recurrence cost on a GPU, and how far they are from float64.

    python -m bench.perf.recurrent_gpu [results.json]

Each kernel that can compute a point, torch's own RNN, LSTM and GRU, and the loop that anyone would
write: seconds by the device's own clock, of rounds in which all take turns, forward to the
gradients of all weights. The errors are of the states and of the gradients of drive, first state
and W, relative to the reference kernel in float64. A way that fails is there with its reason. Takes
minutes.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bench.diagnostics.contenders import TORCH
from roaf import depth_schedule
from roaf.forms import Dense, Form
from roaf.kernels import cuda, cuda_graph, fused, reference
from roaf.nonlinearity import NONLINEARITIES
from roaf.orthogonal import draw_filter, structured

ROUNDS = 15
WARM = 3
PHI = NONLINEARITIES["tanh"]
KERNELS = cast(
    Mapping[str, Callable[..., Tensor]],
    {
        "loop": reference.recur,
        "fused": fused.recur,
        "cuda": cuda.recur,
        "programs": cuda.recur_on_chip,
        "graphs": cuda_graph.recur,
    },
)

Action = Callable[[], object]


@dataclass(frozen=True)
class Point:
    """The sizes, and the filter; the input has one feature."""

    time: int
    hidden: int
    batch: int
    filter: str


TIMED = [
    Point(784, hidden, batch, filter)
    for hidden in (128, 256)
    for batch in (32, 128)
    for filter in ("rotations", "haar")
]
TIMED += [Point(784, 512, 32, "rotations"), Point(784, 128, 1024, "rotations")]
CHECKED = [
    Point(time, hidden, 8, filter)
    for time in (784, 10_000)
    for hidden in (100, 128, 256, 512)
    for filter in ("rotations", "haar", "signed_permutation")
]


def form_at(point: Point, device: str) -> Form:
    """The same O at each call."""
    numbers = draw_filter(point.hidden, point.filter, torch.Generator().manual_seed(0))
    return structured(point.filter, numbers.to(device), point.hidden, torch.float32)


def roaf(kernel: Callable[..., Tensor], point: Point, device: str) -> Action:
    """Forward and backward of a RoaRNN layer by this kernel."""
    form, size = form_at(point, device), point.hidden
    mixing = (*depth_schedule(1.0, point.time), PHI)
    drive, state, weight = leaves_at(point, device)
    first, bias = torch.randn(size, 1, device=device), torch.zeros(size, device=device)
    trained = [leaf.requires_grad_() for leaf in (first, bias, weight)]
    x = drive[..., :1].contiguous()

    def run() -> object:
        states = kernel(linear(x, first, bias), state, form, weight, *mixing)
        return torch.autograd.grad(states.square().sum(), trained)

    return run


def peer(module: Callable[..., nn.Module], point: Point, device: str) -> Action:
    """Forward and backward of torch's own."""
    model = module(1, point.hidden).to(device)
    x, trained = torch.randn(point.time, point.batch, 1, device=device), list(model.parameters())
    return lambda: torch.autograd.grad(model(x)[0].square().sum(), trained)


def leaves_at(point: Point, device: str) -> list[Tensor]:
    """The same drive, first state and W at each call."""
    generator, size = torch.Generator().manual_seed(1), point.hidden
    shapes = [(point.time, point.batch, size), (point.batch, size), (size, size)]
    drawn = [torch.randn(shape, generator=generator) for shape in shapes]
    drawn[2] /= size**0.5
    return [tensor.to(device) for tensor in drawn]


def ways() -> dict[str, Callable[[Point, str], Action]]:
    """All that are timed."""
    own = {name: partial(roaf, kernel) for name, kernel in KERNELS.items()}
    return own | {name: partial(peer, module) for name, module in TORCH.items()}


def times(point: Point, device: str) -> Iterator[dict[str, Any]]:
    """The seconds of each way, its rounds and their median; or why it failed."""
    ready: dict[str, Action] = {}
    for name, way in ways().items():
        try:
            ready[name] = way(point, device)
            ready[name]()
        except Exception as error:  # what a way can fail of on a device is not known beforehand
            ready.pop(name, None)
            yield asdict(point) | {"way": name, "failed": f"{type(error).__name__}: {error}"}
    rounds = [[seconds(run, device) for run in ready.values()] for _ in range(WARM + ROUNDS)]
    for name, took in zip(ready, zip(*rounds[WARM:], strict=True), strict=True):
        yield asdict(point) | {"way": name, "seconds": median(took), "rounds": took}


def seconds(action: Action, device: str) -> float:
    """How long it takes, by the device's clock where it is a GPU."""
    if device != "cuda":
        start = time.perf_counter()
        action()
        return time.perf_counter() - start
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    before.record()
    action()
    after.record()
    after.synchronize()
    return before.elapsed_time(after) / 1e3


def errors(point: Point, device: str) -> Iterator[dict[str, Any]]:
    """How far each kernel but the reference is from float64."""
    form, leaves = form_at(point, device), leaves_at(point, device)
    matrix = form.dense().double()  # the same numbers
    doubles = [leaf.double() for leaf in leaves]
    expected = found(reference.recur, point, doubles, Dense(matrix, matrix.T))
    for name, kernel in KERNELS.items():
        if kernel is reference.recur:
            continue
        try:
            mine = found(kernel, point, leaves, form)
            off = [((a - b).norm() / b.norm()).item() for a, b in zip(mine, expected, strict=True)]
            names = ("states", "of drive", "of state", "of weight")
            yield asdict(point) | {"way": name, "errors": dict(zip(names, off, strict=True))}
        except Exception as error:
            yield asdict(point) | {"way": name, "failed": f"{type(error).__name__}: {error}"}


def found(
    kernel: Callable[..., Tensor], point: Point, leaves: list[Tensor], form: Form
) -> list[Tensor]:
    """The states and the gradients of a loss of all of them."""
    drive, state, weight = given = [leaf.detach().requires_grad_() for leaf in leaves]
    states = kernel(drive, state, form, weight, *depth_schedule(1.0, point.time), PHI)
    return [states.detach(), *torch.autograd.grad(states.sin().sum(), given)]


def told(line: dict[str, Any]) -> str:
    """One result as a line."""
    sizes = f"T {line['time']}, hidden {line['hidden']}, batch {line['batch']}, {line['filter']}"
    if "failed" in line:
        return f"{sizes}, {line['way']}: failed, {line['failed']}"
    if "seconds" in line:
        return f"{sizes}, {line['way']}: {line['seconds'] * 1e3:.2f} ms"
    off = ", ".join(f"{value:.0e} {where}" for where, value in line["errors"].items())
    return f"{sizes}, {line['way']}: off by {off}"


def installed(package: str) -> str | None:
    """Its version; None where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def main() -> None:
    """Prints a line a result and writes all of them to one file."""
    if not torch.cuda.is_available():
        sys.exit("bench.perf.recurrent_gpu measures a CUDA device, and torch sees none here")
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "recurrent_gpu.json")
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "triton": installed("triton"),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn_allow_tf32": torch.backends.cudnn.allow_tf32,
        "times": [],
        "errors": [],
    }
    for kind, points, measure in (("errors", CHECKED, errors), ("times", TIMED, times)):
        for point in points:
            for line in measure(point, "cuda"):
                print(told(line), flush=True)
                results[kind].append(line)
            path.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
