"""What forward and backward of a deep stack cost on a GPU, computed in five ways.

    python -m bench.perf.depth_gpu

The loop over modules that anyone would write; RoaMLP; RoaMLP in CUDA graphs of 500 layers each; the
Triton programs; and Picard's sweeps. Prints a line a case and way: medians of rounds in which all
take turns, and how far the output and the gradients of input and weights are from the reference in
float64, relatively. A way that fails is a line with its reason. Takes minutes.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from bench.diagnostics.contenders import Layer
from bench.perf.depth import medians
from bench.timing import synchronize
from roaf import RoaMLP, depth_schedule
from roaf.kernels import depth_triton, picard

CASES = ((10_000, 16, 32), (10_000, 64, 64), (50_000, 32, 64))  # depth, width, batch
OF_A_GRAPH = 500
SWEEPS = 3


@dataclass(frozen=True)
class Way:
    """A function of x, and the weights and biases that it depends on."""

    compose: Callable[[Tensor], Tensor]
    weights: Sequence[Tensor]
    biases: Sequence[Tensor]

    def run(self, x: Tensor) -> list[Tensor]:
        """Forward and backward: the output, the gradient of x, those of the weights."""
        output = self.compose(x)
        leaves = [x, *self.weights, *self.biases]
        gradients = torch.autograd.grad(output.square().sum(), leaves)
        return [output.detach(), *gradients[: 1 + len(self.weights)]]


def mixing(model: RoaMLP) -> tuple[float, float]:
    """alpha and beta."""
    return depth_schedule(1.0, model.depth)


def modules(model: RoaMLP, x: Tensor) -> Way:
    """A module a layer."""
    matrix = model.orthogonal_matrix()
    chain = [Layer(matrix, *mixing(model)).to(x.device) for _ in range(model.depth)]
    with torch.no_grad():
        for layer, weight, bias in zip(chain, model.weight, model.bias, strict=True):  # pyright: ignore
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    weights, biases = [layer.weight for layer in chain], [layer.bias for layer in chain]
    return Way(nn.Sequential(*chain), weights, biases)


def itself(model: RoaMLP, x: Tensor) -> Way:
    """RoaMLP."""
    return Way(model, *stacked(model))


def graphs(model: RoaMLP, x: Tensor) -> Way:
    """RoaMLP, in pieces of which each is a CUDA graph forward and another backward."""
    parts = [part(model, first).to(x.device) for first in range(0, model.depth, OF_A_GRAPH)]
    samples = tuple((torch.zeros_like(x).requires_grad_(),) for _ in parts)
    graphed = torch.cuda.make_graphed_callables(tuple(parts), samples)
    weights, biases = [p.weight for p in parts], [p.bias for p in parts if p.bias is not None]
    return Way(nn.Sequential(*cast(tuple[nn.Module, ...], graphed)), weights, biases)


def part(model: RoaMLP, first: int) -> RoaMLP:
    """The layers of one graph, with numbers of their own."""
    where = slice(first, min(first + OF_A_GRAPH, model.depth))
    alpha, beta = mixing(model)
    own = RoaMLP(model.width, where.stop - first, alpha=alpha, beta=beta)
    state = model.state_dict()
    own.load_state_dict(
        {name: state[name][where] if name in ("weight", "bias") else state[name] for name in state}
    )
    return own


def triton(model: RoaMLP, x: Tensor) -> Way:
    """The Triton programs."""
    return function(model, cast(Callable[..., Tensor], depth_triton.compose), "tanh")


def sweeps(model: RoaMLP, x: Tensor) -> Way:
    """Picard's sweeps, as many backward as forward."""
    return function(model, picard.compose, "tanh", SWEEPS)


def function(model: RoaMLP, compose: Callable[..., Tensor], *settings: object) -> Way:
    """A function of the stacked tensors."""
    matrix, weight, bias = model.orthogonal_matrix(), model.weight, model.bias
    given = (matrix, weight, bias, *mixing(model), *settings)
    return Way(lambda x: compose(x, *given), *stacked(model))


def stacked(model: RoaMLP) -> tuple[list[Tensor], list[Tensor]]:
    """Its weights and its biases."""
    return [model.weight], [] if model.bias is None else [model.bias]


WAYS = {
    "modules": modules,
    "RoaMLP": itself,
    "CUDA graphs": graphs,
    "Triton": triton,
    f"{SWEEPS} sweeps": sweeps,
}


def draw(depth: int, width: int, device: str, backend: str = "auto") -> RoaMLP:
    """The same model at each call."""
    alpha, beta = depth_schedule(1.0, depth)
    generator = torch.Generator().manual_seed(0)
    model = RoaMLP(width, depth, alpha=alpha, beta=beta, backend=backend, generator=generator)
    return model.to(device)


def compare(depth: int, width: int, batch: int, device: str, names: Sequence[str]) -> list[str]:
    """A line for each of these ways."""
    x = torch.randn(batch, width, generator=torch.Generator().manual_seed(1)).to(device)
    x.requires_grad_()
    exact = draw(depth, width, device, "reference").double()
    expected = itself(exact, x).run(x.detach().double().requires_grad_())
    ready, lines = {}, []
    case = f"{depth:,} layers of {width}, batch {batch}"
    for name in names:
        try:
            way = WAYS[name](draw(depth, width, device), x)
            ready[name] = (way, errors(way.run(x), expected))
        except Exception as error:  # what a way can fail of on a device is not known beforehand
            lines.append(f"{case}, {name}: failed, {type(error).__name__}: {error}")
    times = medians(*(timed(way, x) for way, _ in ready.values()))
    first = times[0] if times else 0.0
    for (name, (_, off)), seconds in zip(ready.items(), times, strict=True):
        lines.append(
            f"{case}, {name}: {seconds * 1e3:.1f} ms, {seconds / depth * 1e6:.2f} us a layer, "
            f"{first / seconds:.1f} times {next(iter(ready))}; "
            f"off by {off[0]:.0e} (output), {off[1]:.0e} (input), {off[2]:.0e} (weights)"
        )
    return lines


def errors(found: list[Tensor], expected: list[Tensor]) -> list[float]:
    """Of the output, the gradient of x and those of all weights, relative."""
    pairs = zip(gathered(found), gathered(expected), strict=True)
    return [((a - b).norm() / b.norm()).item() for a, b in pairs]


def gathered(tensors: list[Tensor]) -> list[Tensor]:
    """The weights' gradients as one tensor, the others before it."""
    output, of_x, *of_weights = tensors
    return [output, of_x, torch.cat([gradient.flatten() for gradient in of_weights])]


def timed(way: Way, x: Tensor) -> Callable[[], None]:
    """Forward and backward, until the device is done."""

    def run() -> None:
        way.run(x)
        synchronize(x.device)

    return run


def main() -> None:
    """Prints the lines of all cases."""
    if not torch.cuda.is_available():
        sys.exit("bench.perf.depth_gpu measures a CUDA device, and torch sees none here")
    for case in CASES:
        print(*compare(*case, "cuda", tuple(WAYS)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
