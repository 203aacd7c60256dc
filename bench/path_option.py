"""A path given on the command line."""

import errno
import reprlib
from pathlib import Path
from typing import Any

import click


class PathOption(click.Path):
    """A Path, which need not be there; one that can be nowhere is a mistake."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path; a NUL character, too long a name or a circle of links fails."""
        try:
            Path(value).stat()
        except ValueError:
            self.fail(f"{reprlib.repr(value)} holds a NUL character", param, ctx)
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
                self.fail(f"{reprlib.repr(value)}: {error.strerror}", param, ctx)
        return super().convert(value, param, ctx)
