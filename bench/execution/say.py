"""Lines for the person at the terminal."""

import sys
from typing import Any

from tqdm import tqdm


def say(line: Any) -> None:
    """Prints a line where the bars are not."""
    tqdm.write(str(line), file=sys.stdout)
    sys.stdout.flush()
