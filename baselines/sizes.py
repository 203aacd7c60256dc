"""What every body along depth checks of its sizes."""


def check_sizes(**sizes: int) -> None:
    """Raises ValueError for a size below 1, by its name."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, not {size}")
