"""A state_dict keeps a filter's numbers; those of another kind of filter are not loaded in silence.

The state_dict has no name of the kind, which is told from dtype, shape and values. Some cannot be
told apart and are loaded: "haar", "uniform_qr" and "mixed_rotations", all applied as the matrix
that was saved, "rotations" and "haar_rotations", as the angles that were, and "cycle" and
"identity", which have no numbers, so that the model keeps its own.
"""

from typing import Any

from torch import Tensor, nn

from roaf.orthogonal import FILTERS
from roaf.settings import FixedBuffers


class Filtered(FixedBuffers, nn.Module):
    """A module that keeps the numbers of a filter in buffers `orthogonal...`."""

    filter: str

    @property
    def filter_size(self) -> int:
        """The units that the filter acts on."""
        raise NotImplementedError

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any, **more: Any) -> None:
        for name in self._buffers:
            saved = state_dict.get(prefix + name)
            if name.startswith("orthogonal") and saved is not None and not saved.is_meta:
                check_kind(prefix + name, saved, self.filter, self.filter_size)
        super()._load_from_state_dict(state_dict, prefix, *args, **more)


def check_kind(name: str, numbers: Tensor, kind: str, size: int) -> None:
    """Raises ValueError for numbers that fit other kinds of filter of that size and not this one.

    Numbers that fit none are of another size, which torch says itself.
    """
    fitting = [other for other in FILTERS if FILTERS[other].holds(numbers, size)]
    if fitting and kind not in fitting:
        raise ValueError(
            f"{name!r} in the state is of a filter {' or '.join(map(repr, fitting))}, "
            f"but this model's filter is {kind!r}"
        )
