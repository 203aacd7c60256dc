"""A table as LaTeX: booktabs, every cell escaped, ready for `\\input`."""

from collections.abc import Sequence

import pandas as pd

WORDY = ("task", "model", "failures", "over", "over which")
"""Columns of words, which start at the left."""
WORDS = {
    "<": "$<$",
    ">": "$>$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "β": r"$\beta$",
    "₁₀": "$_{10}$",
}
"""Characters that pdfLaTeX does not know, or sets as others, by themselves."""


def latex(frame: pd.DataFrame, captions: Sequence[str], environment: str | None = None) -> str:
    """The frame, whose cells are text; the captions as comments."""
    style = frame.style.hide(axis="index").format(escape="latex")
    style = style.format_index(escape="latex", axis="columns")
    text = style.to_latex(
        hrules=True,
        environment=environment,
        column_format="".join("l" if name in WORDY else "r" for name in frame.columns),
    )
    for character, word in WORDS.items():
        text = text.replace(character, word)
    comments = [r"\usepackage{booktabs,longtable}", *captions]
    return "".join(f"% {comment}\n" for comment in comments) + text
