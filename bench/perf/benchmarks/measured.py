"""What every benchmark shares: the measured tree, and what is not in it."""

import os
import resource
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

LACKING = (ImportError, AttributeError, TypeError, ValueError, Warning)
"""How a commit shows that it does not have what a benchmark of today asks for."""


def processor_seconds() -> float:
    """Seconds that processors spent on this process and on the ended ones it started.

    Unlike the time on the wall they hardly grow where other programs run beside.
    """
    started = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + started.ru_utime + started.ru_stime


class Timed:
    """The settings of a benchmark that takes milliseconds: five samples or a second of them."""

    version = "1"
    repeat = (2, 5, 1.0)
    warmup_time = 0.05
    timer = staticmethod(processor_seconds)


@contextmanager
def measured(package: str) -> Iterator[None]:
    """A block that needs the package; where something is lacking, asv writes n/a.

    A warning counts as lacking: a backend that fell back to another is not that backend.
    """
    try:
        _check_origin(package)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except LACKING as error:
        raise NotImplementedError(f"{type(error).__name__}: {error}") from error


def _check_origin(package: str) -> None:
    """Raises ImportError where Python found another copy than the measured one."""
    origin = Path(import_module(package).__path__[0]).resolve()
    tree = os.environ.get("PYTHONPATH")
    if tree and not origin.is_relative_to(Path(tree).resolve()):
        raise ImportError(f"this commit has no {package}")
