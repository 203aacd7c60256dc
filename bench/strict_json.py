"""JSON read strictly, so that one text has one meaning, whoever wrote it.

What Python's reader lets through is refused: a key that is there twice, the bare words NaN and
Infinity, numbers beyond a float or 64 bits, text that no UTF-8 file can hold, and nesting deeper
than any record's.
"""

import json
import math
import reprlib
from collections import Counter
from typing import Any, NoReturn

DEEPEST = 20
LARGEST = 2**63 - 1


def parse(text: str) -> Any:
    """The value that the text stands for; ValueError, in one sentence, for anything else."""
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(sentence(error)) from None
    check(value)
    return value


def sentence(error: Exception) -> str:
    """What a reader says of an error, of the decoder's or of its own."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at character {error.pos + 1}"
    if isinstance(error, RecursionError):
        return "not JSON that can be read: nested too deeply"
    return str(error)


def check(value: Any, levels: int = DEEPEST) -> None:
    """Raises ValueError where a number, a text or the nesting is beyond what a record may hold."""
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is beyond what a float can hold")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(f"{reprlib.repr(value)} does not fit into 64 bits")
    elif isinstance(value, dict | list):
        if not levels:
            raise ValueError(f"nested more than {DEEPEST} levels deep")
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            check(item, levels - 1)


def check_text(text: str) -> None:
    """Raises ValueError for what UTF-8 cannot hold: bytes that were not text, lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{reprlib.repr(text)} is not valid UTF-8") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((name, times),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {reprlib.repr(name)} is there {times} times")
    return found


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"not JSON: the word {word}; it is written as a string")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
"""For a reader that checks numbers, texts and nesting itself."""
