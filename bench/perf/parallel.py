"""What sweeps over time save: backend "parallel" against the fused one and torch's own modules.

    python -m bench.perf.parallel

Prints a line a case: the seconds of forward and backward over 784 steps of one sequence, as medians
of rounds in which all take turns in one process, the sweeps that were taken, and the error of the
states and of W's gradient against the fused kernel in float64.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bench.diagnostics.contenders import TORCH, FirstResult
from bench.perf.depth import medians
from roaf import depth_schedule
from roaf.kernels import fused, parallel
from roaf.kernels.chunks import Layer
from roaf.kernels.problem import Kernel
from roaf.nonlinearity import NONLINEARITIES
from roaf.orthogonal import draw_filter, fastest

TIME = 784
CASES = (  # hidden, batch, filter
    (1024, 1, "rotations"),
    (1024, 1, "signed_permutation"),
    (1024, 1, "haar"),
    (512, 1, "rotations"),
    (256, 1, "rotations"),
    (1024, 16, "rotations"),
    (512, 16, "rotations"),
)
PEERS = ("nn.RNN", "nn.LSTM")
SWEPT, FUSED = cast(Kernel, parallel.recur), cast(Kernel, fused.recur)
PHI = NONLINEARITIES["tanh"]


class Recurrence(nn.Module):
    """h_t = alpha * O h_{t-1} + beta * tanh(W h_{t-1} + V x_t + b) by one kernel."""

    def __init__(self, kernel: Kernel, kind: str, numbers: Tensor, size: int) -> None:
        super().__init__()
        self.kernel, self.kind, self.numbers = kernel, kind, numbers
        self.weight = nn.Parameter(torch.empty(size, size).uniform_(-1, 1) / size**0.5)
        self.first = nn.Parameter(torch.empty(size, 1).uniform_(-1, 1))
        self.bias = nn.Parameter(torch.empty(size).uniform_(-1, 1) / size**0.5)

    def layer(self) -> Layer:
        """What stands in the equation."""
        size, dtype = len(self.weight), self.weight.dtype
        form = fastest(self.kind, self.numbers, size, dtype)
        return Layer(form, self.weight, *depth_schedule(1.0, TIME), PHI)

    def drive(self, x: Tensor) -> Tensor:
        """V x + b."""
        return linear(x, self.first, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Every state, (time, batch, size)."""
        layer = self.layer()
        state = x.new_zeros(x.shape[1], len(self.weight))
        ways = layer.form, layer.weight, layer.alpha, layer.beta, layer.phi
        return self.kernel(self.drive(x), state, *ways)


def passes(model: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """Forward and backward of a loss of every state, once."""

    def run() -> Tensor:
        model.zero_grad(set_to_none=True)
        output = model(x)
        output.square().mean().backward()
        return output.detach()

    return run


def error(model: Recurrence, x: Tensor) -> str:
    """Of the states and of W's gradient, against the fused kernel in float64."""
    exact = Recurrence(FUSED, model.kind, model.numbers, len(model.weight)).double()
    exact.load_state_dict(model.state_dict())
    states, gradient = (
        (mine - true).norm() / true.norm()
        for mine, true in zip(results(model, x), results(exact, x.double()), strict=True)
    )
    return f"error {states:.0e} (gradient {gradient:.0e})"


def results(model: Recurrence, x: Tensor) -> tuple[Tensor, Tensor]:
    """The states and the gradient by W."""
    states = passes(model, x)()
    assert model.weight.grad is not None
    return states, model.weight.grad


def sweeps(model: Recurrence, x: Tensor) -> str:
    """Those of each chunk, forwards and backwards."""
    with torch.no_grad():
        drive = model.drive(x)
        found = parallel.ways(model.layer(), TIME)
        if found is None:
            return "step by step"
        _, values, forth = parallel.advance(found.forth(), drive, torch.zeros_like(drive[0]))
        *_, back = parallel.retreat(found.back(), 2 * values, values)
    return f"chunks of {forth.size}, sweeps {forth.sweeps} and {back.sweeps}"


def compare(hidden: int, batch: int, kind: str, threads: int) -> str:
    """A line of the case."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    x, numbers = torch.randn(TIME, batch, 1), draw_filter(hidden, kind, None)
    own = Recurrence(SWEPT, kind, numbers, hidden)
    models = {
        "fused": Recurrence(FUSED, kind, numbers, hidden),
        **{name: FirstResult(TORCH[name](1, hidden)) for name in PEERS},
    }
    mine, *others = medians(*(passes(model, x) for model in (own, *models.values())))
    ratios = ", ".join(
        f"{name} {taken * 1e3:.0f} ms ({taken / mine:.1f}x)"
        for name, taken in zip(models, others, strict=True)
    )
    return (
        f"hidden {hidden}, batch {batch}, {kind}, {threads} thread(s): {mine * 1e3:.1f} ms, "
        f"{ratios}; {error(own, x)}, {sweeps(own, x)}"
    )


def main() -> None:
    """Prints a line a case."""
    torch.set_flush_denormal(True)
    for case in CASES:
        print(compare(*case, 2), flush=True)


if __name__ == "__main__":
    main()
