"""Ticks of a logarithmic axis: few, the same in all panels, and written without a formula."""

import math
from collections.abc import Sequence
from typing import Any

from bench.report.formats import number_text
from bench.report.signals import powers

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
STEPS = ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8))
"""Within a decade, the coarsest first."""
FEWEST = 3
"""So many ticks at least, if there is any way."""


def log_ticks(axis: Any) -> None:
    """Ticks that suit what the axis shows now."""
    set_ticks(axis, ticks_between(*axis.get_view_interval()))


def set_ticks(axis: Any, ticks: Sequence[float]) -> None:
    """These ticks and no others."""
    axis.set_ticks(list(ticks), tick_texts(ticks))
    axis.set_ticks([], minor=True)


def ticks_between(low: float, high: float) -> list[float]:
    """Powers of ten where there are enough of them, else numbers between these too."""
    if high >= 1e3 * low:
        return [tick for tick in powers(low, high) if low <= tick <= high]
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    found: list[float] = []
    for steps in STEPS:
        every = [step * 10.0**k for k in decades for step in steps]
        found = [tick for tick in every if low <= tick <= high]
        if len(found) >= FEWEST:
            break
    return found


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """All in full where they are short or not all are powers of ten, else with exponents."""
    powers_only = all(map(_is_power, filter(None, ticks)))
    short = all(tick == 0 or 1e-3 <= tick < (1e5 if powers_only else 1e7) for tick in ticks)
    return [number_text(float(f"{t:.4g}")) if short or t == 0 else _power(t) for t in ticks]


def _is_power(value: float) -> bool:
    return math.isclose(value, 10.0 ** round(math.log10(value)), rel_tol=1e-9)


def _power(value: float) -> str:
    exponent = round(math.log10(value))
    if not _is_power(value) or exponent in (0, 1):
        return number_text(float(f"{value:.4g}"))
    return "10" + str(exponent).translate(SUPERSCRIPTS)
