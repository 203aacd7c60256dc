"""The forms of a model's filters, kept from one pass to the next.

Making one costs more than a step or two of a small network, and kernels remember what they have
laid out for a form.
"""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from roaf.forms import Form
from roaf.kernels.members import are_stacked
from roaf.orthogonal import structured


class Forms(dict[Any, tuple[Tensor, int, Form]]):
    """Forms, each with the numbers it was made of and their version.

    A copy of the model, or one that was saved, starts without any.
    """

    def __deepcopy__(self, memo: object) -> "Forms":
        return Forms()

    def __reduce__(self) -> tuple[type["Forms"], tuple[()]]:
        return Forms, ()


def _kept(forms: Forms, name: str, kind: str, numbers: Tensor, size: int, dtype: Any) -> Form:
    """`structured(kind, numbers, size, dtype)`, made again when the numbers are others or changed.

    `name` says which filter of the model it is.
    """
    if are_stacked() or numbers.is_inference():  # these are no model's own, or may change unseen
        return structured(kind, numbers, size, dtype)
    known = forms.get((name, dtype))
    if known is None or known[0] is not numbers or known[1] != numbers._version:
        form = structured(kind, numbers, size, dtype)
        known = forms[name, dtype] = numbers, numbers._version, form
    return known[2]


kept = cast(Callable[..., Form], torch.compiler.disable(_kept))
