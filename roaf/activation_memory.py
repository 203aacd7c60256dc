"""Which of the ways to keep activations a RoaMLP uses, and what each needs.

"full"       2 depth + depth / s states of (batch, width)
"sqrt"       depth / s + 2 s + 1 states, s the layers of a segment, about sqrt(depth)
"recompute"  2 s + 1 states
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from roaf.contraction import LARGEST, contraction, sweeps_needed
from roaf.kernels.kept_states import Full, Memory, Recompute, Sqrt
from roaf.kernels.layers import segment_size
from roaf.kernels.workspace import Workspace
from roaf.mixing import Value, extremes
from roaf.nonlinearity import Nonlinearity

STATES: dict[str, Callable[[int, int], int]] = {
    "full": lambda depth, size: 2 * depth + -(-depth // size),
    "sqrt": lambda depth, size: -(-depth // size) + 2 * size + 1,
    "recompute": lambda depth, size: 2 * size + 1,
}


def states_kept(activation_memory: str, depth: int) -> int:
    """The states that a forward and a backward pass need at once."""
    return STATES[activation_memory](depth, min(depth, segment_size(depth)))


def check_possible(activation_memory: str, fused: bool, phi: Nonlinearity, alpha: Value) -> None:
    """Raises ValueError for what could never be computed in that way."""
    if activation_memory == "full":
        return
    if not fused:
        raise ValueError(
            f"activation_memory {activation_memory!r} needs the fused backend and a phi that it "
            "can compute; allowed with any other: full"
        )
    if activation_memory == "recompute" and phi.slope_of_bias is not None:
        raise ValueError(
            "activation_memory 'recompute' needs a continuous phi, which one with a bias of its "
            "own, such as modrelu, need not be; allowed: full, sqrt"
        )
    if activation_memory == "recompute" and extremes(alpha)[0] == 0:
        raise ValueError(
            "activation_memory 'recompute' divides by alpha, which must be above 0 everywhere; "
            "allowed with an alpha of 0: full, sqrt"
        )


def choose_memory(
    activation_memory: str,
    weight: Float[Tensor, "depth width width"],
    alpha: Value,
    beta: Value,
    phi: Nonlinearity,
    workspace: Workspace,
) -> tuple[Memory, str]:
    """The way for this pass, and a sentence if it is another: an unsafe layer makes it `Sqrt`."""
    if activation_memory != "recompute":
        return Full(workspace) if activation_memory == "full" else Sqrt(), ""
    q = contraction(weight.detach(), detached(alpha), detached(beta), phi.lipschitz)
    worst = int(q.argmax())
    if q[worst] <= LARGEST:  # a NaN is not
        return Recompute(sweeps_needed(q, weight.dtype)), ""
    return Sqrt(), (
        f"activation_memory 'recompute' is 'sqrt' where a layer is too steep: layer {worst} has "
        f"q = lipschitz * beta * ||W|| / alpha = {q[worst].item():.3g}, above {LARGEST}"
    )


def detached(value: Value) -> Value:
    """Without its graph."""
    return value.detach() if isinstance(value, Tensor) else value
