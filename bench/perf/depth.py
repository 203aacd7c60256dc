"""What a layer costs: RoaMLP against the loop over modules that anyone would write.

    python -m bench.perf.depth

Prints a line a case: forward and backward, and Adam's update, as medians of rounds in which both
take turns in one process; then, each in a process of its own, the seconds and the peak memory of
training steps at 50,000 and 1,000,000 layers. The last case takes minutes.
"""

import time
from collections.abc import Callable
from multiprocessing import get_context
from statistics import median

import torch
from torch import Tensor, nn

from bench.diagnostics.contenders import modules
from bench.timing import MemoryMeter
from roaf import AdamInBackward, RoaMLP, depth_schedule

ROUNDS = 9
CASES = ((10_000, 16, 32), (10_000, 64, 64))  # depth, width, batch
GB = 1e9


def stack(width: int, depth: int, memory: str = "full") -> RoaMLP:
    """RoaMLP with beta = 1 / depth."""
    alpha, beta = depth_schedule(1.0, depth)
    return RoaMLP(width, depth, alpha=alpha, beta=beta, activation_memory=memory)


def passes(model: nn.Module, x: Tensor) -> Callable[[], None]:
    """Forward and backward, once."""

    def run() -> None:
        model.zero_grad(set_to_none=True)
        model(x).square().sum().backward()

    return run


def medians(*actions: Callable[[], object]) -> list[float]:
    """Median seconds of each, all taking turns; a first round is not counted."""
    rounds = [[seconds(action) for action in actions] for _ in range(ROUNDS + 1)][1:]
    return [median(times) for times in zip(*rounds, strict=True)]


def seconds(action: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(depth: int, width: int, batch: int, threads: int) -> str:
    """Forward, backward and update of both, and their ratios."""
    torch.set_num_threads(threads)
    chain, x = modules(width, depth), torch.randn(batch, width)
    ways = {name: stack(width, depth, name) for name in ("full", "sqrt", "recompute")}
    slow, *fast = medians(passes(chain, x), *(passes(model, x) for model in ways.values()))
    for model in (chain, ways["full"]):
        passes(model, x)()  # for gradients to step with
    optimisers = [torch.optim.Adam(model.parameters()) for model in (chain, ways["full"])]
    many, two = medians(*(optimiser.step for optimiser in optimisers))
    times = ", ".join(
        f"{way} {t / depth * 1e6:.1f} us ({slow / t:.2f}x)"
        for way, t in zip(ways, fast, strict=True)
    )
    return (
        f"{depth:,} layers of {width}, batch {batch}, {threads} thread(s): a layer's forward and "
        f"backward in modules {slow / depth * 1e6:.1f} us, {times}; "
        f"Adam {many * 1e3:.0f} ms, stacked {two * 1e3:.1f} ms ({many / two:.1f}x)"
    )


def train(depth: int, width: int, batch: int) -> str:
    """Two updates with "sqrt" and AdamInBackward, their seconds and the memory they took."""
    torch.set_num_threads(1)
    memory = MemoryMeter(torch.device("cpu"))
    model = stack(width, depth, "sqrt")
    optimiser = AdamInBackward(model)
    x = torch.randn(batch, width)

    def update() -> None:
        model(x).square().mean().backward()
        optimiser.step()

    took = [seconds(update) for _ in range(2)]
    own = 3 * sum(parameter.nbytes for parameter in model.parameters())
    return (
        f"{depth:,} layers of {width}, batch {batch}, sqrt and AdamInBackward: an update in "
        f"{took[-1]:.1f} s, the first in {took[0]:.1f} s, peak {memory.read() / GB:.2f} GB, "
        f"{(memory.read() - own) / GB:.2f} GB of it beyond parameters and optimiser"
    )


def apart(*case: int) -> str:
    """`train` in a fresh process."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(train, case)


def main() -> None:
    """Prints a line a case."""
    torch.set_flush_denormal(True)
    for threads in (1, 2):
        for case in CASES:
            print(compare(*case, threads), flush=True)
    print(apart(50_000, 32, 64), flush=True)
    print(apart(1_000_000, 16, 32), flush=True)


if __name__ == "__main__":
    main()
