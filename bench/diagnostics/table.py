"""The diagnostics there are, by the name under which a run's spec asks for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.diagnostics.gradients import banded_gradient, gradient_by_input, signal_to_noise
from bench.diagnostics.memory import memory_horizon
from bench.diagnostics.spectrum import leading_exponents, spectrum, step_gains
from bench.diagnostics.states import states, weight_gradients
from bench.diagnostics.view import Readings, View

BOTH = ("time", "depth")


@dataclass(frozen=True)
class Diagnostic:
    """What is read from a view, and along which axis it means something."""

    read: Callable[[View], Readings]
    axes: tuple[str, ...] = BOTH


DIAGNOSTICS: dict[str, Diagnostic] = {
    "gradient": Diagnostic(banded_gradient),
    "input-gradient": Diagnostic(gradient_by_input, ("time",)),
    "signal-to-noise": Diagnostic(signal_to_noise),
    "spectrum": Diagnostic(spectrum),
    "leading-exponents": Diagnostic(leading_exponents),
    "step-gains": Diagnostic(step_gains),
    "memory-horizon": Diagnostic(memory_horizon, ("time",)),
    "states": Diagnostic(states),
    "weight-gradients": Diagnostic(weight_gradients, ("depth",)),
}


def look(name: str, view: View) -> Readings:
    """What the diagnostic reads from the view."""
    return DIAGNOSTICS[name].read(view)


def unknown_diagnostics(wanted: Mapping[str, Any], axis: str) -> str | None:
    """A sentence on the first name that is no diagnostic of the axis; None where all are."""
    allowed = [name for name, entry in DIAGNOSTICS.items() if axis in entry.axes]
    wrong = [name for name in wanted if name not in allowed]
    if not wrong:
        return None
    return f"diagnostic {wrong[0]!r} is unknown along {axis}; allowed: {', '.join(allowed)}"
