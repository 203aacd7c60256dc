"""Text as pdfLaTeX prints it, and about how wide that is."""

import re
import unicodedata

SPECIAL = {
    **{character: f"\\{character}" for character in "_%$#&{}"},
    **{character: f"{{{character}}}" for character in "[]*`"},
    **{character: f"${character}$" for character in "<>|"},
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    '"': "{''}",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "−": "$-$",
    "–": "{--}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "√": r"$\surd$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "λ": r"$\lambda$",
    "σ": r"$\sigma$",
    "₀": "$_0$",
    "₁": "$_1$",
    "’": "'",
}
"""Characters that are commands of LaTeX, that pdfLaTeX does not know, or sets as others."""
ACCENTS = dict(zip("\u0300\u0301\u0302\u0303\u0308\u030a\u0327\u030c", "`'^~\"rcv", strict=True))
NARROW, WIDE = frozenset("ijlft.,:;|!'()[] -"), frozenset("mw%+<>≤≥±×−@")


def escaped(text: str) -> str:
    """The text as LaTeX prints it: no command, comment, option or formula is in it, and no two of
    its characters become one."""
    line = unicodedata.normalize("NFC", " ".join(str(text).split()))
    return re.sub("-(?=-)", "-{}", "".join(map(_character, line)))


def points(text: str) -> float:
    """About how wide the text is in Computer Modern of 8 pt; rather more than less."""
    return sum(map(_width, text), 0.0)


def _width(character: str) -> float:
    if character in NARROW:
        return 3.0
    if character in WIDE:
        return 7.1
    return 6.6 if character.isupper() else 4.4


def _character(character: str) -> str:
    """One character; its number where pdfLaTeX cannot print it."""
    if character in SPECIAL:
        return SPECIAL[character]
    if " " <= character <= "~":
        return character
    base, accent = (unicodedata.normalize("NFD", character) + " ")[:2]
    if base.isascii() and base.isalpha() and accent in ACCENTS:
        return f"\\{ACCENTS[accent]}{{{base}}}"
    return f"U+{ord(character):04X}"
