"""A record's first line, from every schema there was to the newest. Standard library only.

1   as it began
2   adds `measurements`, how many lines follow, and `recorded_at`

When the schema goes up, the old one gets its function here and its file in
`tests/fixtures/records`; no record is rewritten for it.
"""

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from bench.records import SCHEMA

Header = dict[str, Any]


def upgrade_1_to_2(header: Header) -> Header:
    """Neither the number of measurements nor the time was written down."""
    return {**header, "schema": 2, "measurements": None, "recorded_at": None}


UPGRADES: Mapping[int, Callable[[Header], Header]] = {1: upgrade_1_to_2}


def upgraded(header: Header) -> Header:
    """The header as this version would write it; ValueError where it does not know the schema."""
    schema = header.get("schema")
    if type(schema) is not int or schema < 1:
        raise ValueError(f"schema {reprlib.repr(schema)} is unknown; there are 1 to {SCHEMA}")
    if schema > SCHEMA:
        raise ValueError(
            f"written by a newer version of the suite, in schema {schema}; this one reads 1 to "
            f"{SCHEMA}: update it"
        )
    for older in range(schema, SCHEMA):
        header = UPGRADES[older](header)
    return header
