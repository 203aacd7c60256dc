"""The table of signal propagation: what the figure shows, in numbers, and what it does not.

The spectrum of the input-output Jacobian, Lyapunov exponents, the gradient at the largest distance,
theory's bounds of all three, before and after training.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.derived import TOLERANCE
from bench.report.formats import interval_text, measured_text, number_text, without_empty
from bench.report.signals import SPECTRUM, STAGES, at_stage
from bench.report.statistics import ends, middle, present

QUANTITIES = (
    *(SPECTRUM, "condition_number", "lyapunov_exponent", "lyapunov_error", "memory_horizon"),
    *("gradient_by_distance", "bound_lower", "bound_upper", "effective_rank", "step_gain"),
)
KEY = ["stack", "group", "label", "seed", "run_id", "stage"]
MEDIANS = (
    *("log10_sigma_max", "log10_sigma_median", "log10_sigma_min", "condition_number"),
    *("lyapunov_max", "lyapunov_max_error", "lyapunov_min", "lyapunov_min_error"),
    *("memory_horizon", "gradient_ratio", "effective_rank", "step_gain"),
)
METHOD = (
    "Signals: σ are the singular values of the Jacobian of the last state by the first, along one "
    "sequence or sample; log₁₀ σ = -inf is an exact zero; the condition number is the largest over "
    "the least. λ: Lyapunov exponents, natural logarithm of growth a step or layer, ± their "
    "standard error. Gradient: its norm at the largest distance over that at distance 0. Effective "
    "rank: exp of the entropy of the singular values of the batch's states at distance 0. Memory "
    "horizon: the lag from which on the last output depends on an input by less than that part of "
    "the largest dependence; inf: not within the sequence. Of several seeds: the median, and the "
    "widest band.",
    "Theory's band (theorem T1): the products over all steps or layers of α − βσ and α + βσ, where "
    "σ bounds the norm of the weights of that moment. Inside: whether every singular value and, at "
    f"each distance, the gradient are within theirs, to a fraction of {TOLERANCE:g}.",
)


def signals(measurements: pd.DataFrame) -> pd.DataFrame:
    """One row a run and stage, at full precision, of the groups in which a spectrum was read."""
    spectra = measurements["quantity"] == SPECTRUM
    measured = spectra.groupby([measurements["stack"], measurements["group"]]).transform("any")
    rows = measurements[measured]
    read = [ends(rows, quantity) for quantity in QUANTITIES]
    staged = [at_stage(part, stage).assign(stage=stage) for part in read for stage in STAGES]
    runs = pd.concat(staged).sort_index(kind="stable").groupby(KEY, sort=False)
    found = [dict(zip(KEY, map(str, key), strict=True)) | _row(run) for key, run in runs]
    return pd.DataFrame(found, dtype=object)


def displayed_signals(table: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """The rows of one group and stage as text, a row a label in the order given."""
    groups = [table[table["label"] == label] for label in labels]
    shown = pd.DataFrame([_texts(same) for same in groups if len(same)], dtype=object)
    if len(set(table["step"])) == 1:  # said above the table
        shown = shown.drop(columns="updates")
    thresholds = ", ".join(sorted(set(present(table["memory_threshold"]))))
    return without_empty(shown).rename(columns={"memory horizon": f"memory horizon {thresholds}"})


def _texts(runs: pd.DataFrame) -> dict[str, str]:
    """One label's row: medians over its seeds."""
    at = {name: middle(present(runs[name])) for name in MEDIANS}
    lower, upper = present(runs["bound_lower"]), present(runs["bound_upper"])
    inside = present(runs["inside"])
    return {
        "model": runs["label"].iloc[0],
        "updates": number_text(max(runs["step"])),
        "largest log₁₀ σ": number_text(at["log10_sigma_max"]),
        "median": number_text(at["log10_sigma_median"]),
        "least": number_text(at["log10_sigma_min"]),
        "condition number": number_text(at["condition_number"]),
        "largest λ": measured_text(at["lyapunov_max"], at["lyapunov_max_error"]),
        "least λ": measured_text(at["lyapunov_min"], at["lyapunov_min_error"]),
        "memory horizon": number_text(at["memory_horizon"]),
        "gradient, end / 0": number_text(at["gradient_ratio"]),
        "theory's band": interval_text(min(lower), max(upper), "") if lower and upper else "",
        "inside": ("yes" if all(inside) else "no") if inside else "",
        "effective rank": number_text(at["effective_rank"]),
        "largest step gain": number_text(at["step_gain"]),
    }


def _row(run: pd.DataFrame) -> dict[str, Any]:
    """The numbers of one run at one stage; None where nothing was measured."""
    values = {
        str(quantity): dict(zip(rows["where"], rows["value"], strict=True))
        for quantity, rows in run.groupby("quantity")
    }
    read = {quantity: values.get(quantity, {}) for quantity in QUANTITIES}
    spectrum = list(read[SPECTRUM].values())
    ratios = _ratios(_by_distance(read["gradient_by_distance"]))
    lower, upper = _by_distance(read["bound_lower"]), _by_distance(read["bound_upper"])
    return {
        "step": int(run["step"].max()),
        "log10_sigma_max": _extreme(max, spectrum),
        "log10_sigma_median": middle(spectrum),
        "log10_sigma_min": _extreme(min, spectrum),
        "condition_number": _only(read["condition_number"]),
        **_exponents("max", max, read["lyapunov_exponent"], read["lyapunov_error"]),
        **_exponents("min", min, read["lyapunov_exponent"], read["lyapunov_error"]),
        "memory_threshold": next(iter(read["memory_horizon"]), None),
        "memory_horizon": _only(read["memory_horizon"]),
        "gradient_ratio": _last(ratios),
        "bound_lower": _last(lower),
        "bound_upper": _last(upper),
        "inside": _inside(spectrum, ratios, lower, upper),
        "effective_rank": read["effective_rank"].get("0"),
        "step_gain": read["step_gain"].get("max"),
    }


def _by_distance(values: Mapping[str, float]) -> dict[int, float]:
    return {int(place): value for place, value in values.items() if place.isdigit()}


def _ratios(norms: Mapping[int, float]) -> dict[int, float]:
    """The norms over the one at distance 0; nothing where that is not there."""
    start = norms.get(0)
    if start is None:
        return {}
    return {distance: _over(norm, start) for distance, norm in norms.items()}


def _over(norm: float, start: float) -> float:
    if start == 0:
        return math.inf if norm > 0 else math.nan
    return norm / start


def _inside(
    spectrum: Sequence[float],
    ratios: Mapping[int, float],
    lower: Mapping[int, float],
    upper: Mapping[int, float],
) -> bool | None:
    """Whether all is within its bounds, compared in logarithms; NaN never is."""
    bounds = {d: (_log10(lower[d]), _log10(upper[d])) for d in lower if d in upper}
    if not bounds:
        return None
    pairs = [(value, bounds[max(bounds)]) for value in spectrum]
    pairs += [(_log10(ratios[d]), bounds[d]) for d in ratios if d in bounds]
    slack = math.log10(1 + TOLERANCE)
    return all(low - slack <= value <= high + slack for value, (low, high) in pairs)


def _exponents(
    name: str, pick: Callable, exponents: Mapping[str, float], errors: Mapping[str, float]
) -> dict[str, float | None]:
    """The largest or least exponent and its standard error."""
    value = _extreme(pick, list(exponents.values()))
    rank = next((rank for rank in exponents if exponents[rank] == value), "")
    return {f"lyapunov_{name}": value, f"lyapunov_{name}_error": errors.get(rank)}


def _extreme(pick: Callable, values: Sequence[float]) -> float | None:
    """The largest or least value; NaN where one of them is, None where there is none."""
    if not values:
        return None
    return math.nan if any(map(math.isnan, values)) else pick(values)


def _last(values: Mapping[int, float]) -> float | None:
    """The value at the largest distance."""
    return values[max(values)] if values else None


def _only(values: Mapping[str, float]) -> float | None:
    """The value of a quantity that is read at one place."""
    return next(iter(values.values()), None)


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else -math.inf if value == 0 else math.nan
