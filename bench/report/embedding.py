"""What the page carries within itself: its style, its scripts, its data, and what it forbids.

The page opens from disk and sends nothing: its content security policy lets no request leave, and
no script run whose sha256 it does not name.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
ESCAPES = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"}
"""What could end a script element or open another, as JSON may write it."""


def page_scripts(data: Any) -> list[Markup]:
    """The sources of the page's scripts, in order; plotly only where there is data for it."""
    explorer = [plotly(), _template("explorer.js")] if data else []
    return [Markup(source) for source in (_template("tables.js"), *explorer)]


def policy(scripts: Sequence[str]) -> str:
    """The content security policy: these scripts, styles and drawn images, and nothing from
    anywhere else."""
    allowed = " ".join(f"'sha256-{_digest(source)}'" for source in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def style() -> Markup:
    """The page's style sheet."""
    return Markup(_template("page.css"))


def json_text(value: Any) -> Markup:
    """The value as JSON that can stand in a script element: in ASCII, keys sorted, no tag in it;
    a number that is not finite raises ValueError."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return Markup(text)


@cache
def plotly() -> str:
    """plotly.js, minified."""
    from plotly.offline import get_plotlyjs  # slow to import

    return get_plotlyjs()


@cache
def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
