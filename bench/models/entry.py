"""A line of the table of models."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from baselines import Costs
from bench.frame import End, StepBounds, same


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of `MODELS`. `defaults` alone are enough to construct a body.

    A time body is `factory(input_size, hidden_size, **args)`, a depth body
    `factory(width, depth, **args)`. `execution` says what computes the forward pass. The frame
    multiplies the body's output by `output_scale`, an option every model has. `bounds` gives what
    the model's theory promises of a step's Jacobian at the present weights: what is measured
    outside it fails the run. `costs`, called as the factory is, gives parameters, state size and
    FLOPs by formula; a model without has them counted. A body without a state is not `stateful`.
    `proof` is what the body was shown to equal over twenty steps or more: an implementation, by
    repository and commit, or "equations", those of its paper written out in NumPy.

    Where a body can be computed by several kernels, the factory takes `backend`, "auto" or one of
    `backends`, and `picked` names the one that the body has for such inputs.

    Along depth: `layers` gives the number of a body's steps for a nominal depth. A body whose state
    is more than what it is given, or whose output is not its last state, has both `enter` and
    `leave`, called (body, state). `images` says that it wants images, `batch_statistics` that
    samples of a batch meet in it while it trains.
    """

    factory: Callable[..., Any]
    axis: str
    paper: str
    year: int
    version: int = 1
    execution: str = "torch loop"
    defaults: Mapping[str, Any] = field(default_factory=dict)
    output_scale: float = 1.0
    bounds: StepBounds | None = None
    costs: Callable[..., Costs] | None = None
    stateful: bool = True
    proof: str = "unproven"
    backends: tuple[str, ...] = ()
    picked: Callable[[Any, Tensor], str] | None = None
    layers: Callable[[int], int] = int
    enter: End = same
    leave: End = same
    images: bool = False
    batch_statistics: bool = False


def time_entry(
    factory: Callable[..., Any],
    costs: Callable[..., Costs],
    paper: str,
    year: int,
    proof: str,
    **more: Any,
) -> Entry:
    """The line of a published model along time."""
    entry = {"factory": factory, "costs": costs, "paper": paper, "year": year, "proof": proof}
    return Entry(axis="time", **entry, **more)


def depth_entry(*line: Any, proof: str = "equations", **more: Any) -> Entry:
    """The line of a published model along depth, from what `time_entry` takes."""
    return replace(time_entry(*line, proof=proof, **more), axis="depth")
