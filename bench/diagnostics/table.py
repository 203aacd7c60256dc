"""The diagnostics there are, by the name under which a run's spec asks for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.diagnostics.gradients import (
    banded_gradient,
    gradient_by_distance,
    gradient_by_input,
    input_gradient,
    signal_to_noise,
)
from bench.diagnostics.memory import memory_horizon
from bench.diagnostics.norms import weight_norms
from bench.diagnostics.spectrum import spectrum, step_gains
from bench.diagnostics.speed import backend_speed, speed
from bench.diagnostics.states import states, weight_gradients
from bench.diagnostics.use import layer_ablation, picard_depth, weight_movement
from bench.diagnostics.view import Readings, View
from bench.frame import Frame

DEEP = ("depth", "batch")
STEPWISE = ("time", *DEEP)
ALONE = ("time", "depth")
"""Of these one sample has a way of its own, and a Jacobian."""


@dataclass(frozen=True)
class Diagnostic:
    """What is read from a view, and of which kinds of model: those with a state that goes along
    time, along depth, along depth with samples that meet ("batch"), or sequence models without one.
    Of others there is nothing to read. `since_start`: it compares with the first weights."""

    read: Callable[[View], Readings]
    kinds: tuple[str, ...] = STEPWISE
    since_start: bool = False


DIAGNOSTICS: dict[str, Diagnostic] = {
    "gradient": Diagnostic(banded_gradient),
    "input-gradient": Diagnostic(input_gradient, ("time", "sequence")),
    "signal-to-noise": Diagnostic(signal_to_noise, (*STEPWISE, "sequence")),
    "spectrum": Diagnostic(spectrum, ALONE),
    "step-gains": Diagnostic(step_gains, ALONE),
    "weight-norms": Diagnostic(weight_norms, ("time", "sequence")),
    "memory-horizon": Diagnostic(memory_horizon, ("time",)),
    "states": Diagnostic(states),
    "weight-gradients": Diagnostic(weight_gradients, DEEP),
    "picard-depth": Diagnostic(picard_depth, DEEP),
    "layer-ablation": Diagnostic(layer_ablation, DEEP),
    "weight-movement": Diagnostic(weight_movement, DEEP, since_start=True),
}
CLOCKS: dict[str, Diagnostic] = {
    "speed": Diagnostic(speed, ALONE),
    "backend-speed": Diagnostic(backend_speed, ALONE),
}
"""Asked for as the others are, but of models that have backends alone; others raise ValueError."""


GRADIENTS: dict[str, tuple[str, Callable[..., dict[int, float]]]] = {
    "time": ("gradient_by_distance", gradient_by_distance),
    "depth": ("gradient_by_distance", gradient_by_distance),
    "batch": ("gradient_by_distance", gradient_by_distance),
    "sequence": ("gradient_by_input", gradient_by_input),
}
"""What is measured while training on the model itself, for each kind of model."""


def look(name: str, view: View) -> Readings:
    """What the diagnostic reads from the view."""
    diagnostic = (DIAGNOSTICS | CLOCKS)[name]
    return diagnostic.read(view) if view.model.kind in diagnostic.kinds else iter(())


def weights_at_start(model: Frame, wanted: Mapping[str, Any]) -> dict[str, Tensor]:
    """A copy of the parameters by name, for a diagnostic that compares with it; else empty."""
    found = [(DIAGNOSTICS | CLOCKS)[name] for name in wanted]
    if not any(entry.since_start and model.kind in entry.kinds for entry in found):
        return {}
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def wrong_diagnostics(wanted: Mapping[str, Any], updates: int) -> str | None:
    """A sentence on the first diagnostic that cannot be read as wanted; None where all can."""
    for name, steps in wanted.items():
        if name not in DIAGNOSTICS | CLOCKS:
            return f"diagnostic {name!r} is unknown; allowed: {', '.join(DIAGNOSTICS | CLOCKS)}"
        if not isinstance(steps, list | tuple) or not all(s in range(updates + 1) for s in steps):
            return f"diagnostic {name!r} must list updates from 0 to {updates}, not {steps!r}"
    return None
