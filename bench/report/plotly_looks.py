"""The look of a model as plotly writes it, on the light page and on the dark one."""

import numpy as np
from matplotlib.colors import to_hex

from bench.report.styles import Colour, Look

SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down"}
SYMBOLS |= {"P": "cross", "X": "x", "<": "triangle-left"}
"""plotly's names of the markers of a `Look`."""
DARK_PAGE: Colour = (0x14 / 255, 0x17 / 255, 0x1B / 255)
LEAST_CONTRAST = 4.0
"""What a line has at least to the dark page; WCAG 2.2 asks for 3."""


def plotly_look(label: str, look: Look) -> dict[str, str]:
    """The label with its colour, that on the dark page, its dashes and its symbol."""
    dash = ",".join(f"{2 * length:g}px" for length in look.dashes) if look.dashes else "solid"
    return {
        "label": label,
        "colour": to_hex(look.colour),
        "dark": to_hex(on_dark(look.colour)),
        "dash": dash,
        "symbol": SYMBOLS.get(look.marker, "circle"),
    }


def on_dark(colour: Colour) -> Colour:
    """The colour, lightened until it can be seen on the dark page."""
    lighter = [_mixed_with_white(colour, share) for share in np.linspace(0, 1, 21)]
    return next(each for each in lighter if contrast(each, DARK_PAGE) >= LEAST_CONTRAST)


def contrast(first: Colour, second: Colour) -> float:
    """The contrast of two colours, 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted(_luminance(colour) + 0.05 for colour in (first, second))
    return light / dark


def _mixed_with_white(colour: Colour, share: float) -> Colour:
    red, green, blue = (float(part + share * (1 - part)) for part in colour)
    return red, green, blue


def _luminance(colour: Colour) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
