"""A segment of a stack, upwards and downwards, by the programs of `roaf.kernels.cpu_programs`.

Importing this file needs numba.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from roaf.kernels.cpu import PHI
from roaf.kernels.cpu_layout import Layout, in_panels, layout, units_of
from roaf.kernels.cpu_passes import in_threads
from roaf.kernels.cpu_programs import Steps, Units, ascend, descend
from roaf.kernels.cpu_vectors import LANES as LANES
from roaf.kernels.layers import Layers, Passes, Rows, State, States


def walk(layers: Layers, start: State, inputs: States, values: Rows) -> None:
    """Writes every state from `start` to the last layer's output, and every value of phi."""
    inputs[0].copy_(start)
    panels = in_panels(layers.weight.mT, layers.weight.shape[-1])
    phi, units, filter = prepared(layers)
    offset = layers.offset.detach().unsqueeze(1).expand(values.shape)
    settings = phi, units[0], places(panels), filter.up
    in_threads(ascend, values.shape, settings, offset, inputs, values)
    del panels, units, filter  # until here they lie where the addresses say


def pull(
    part: Layers, values: Rows, delta: State, collect: bool
) -> tuple[list[Tensor], Rows, State]:
    """Nothing is collected: alpha and beta are numbers, which have no gradient. beta * phi' times
    dL/dx above each layer, and dL/dx below the part."""
    panels = in_panels(part.weight, part.weight.shape[-1])
    phi, units, filter = prepared(part)
    pulls, carry = torch.empty_like(values), delta.clone(memory_format=torch.contiguous_format)
    nothing, unused = torch.zeros_like(carry), torch.empty_like(carry)
    above, deltas = nothing.expand(values.shape), unused.expand(values.shape)
    settings = phi, units[0], places(panels), filter.down
    in_threads(descend, values.shape, settings, above, values, pulls, deltas, carry[None])
    del panels, units, filter
    return [], pulls, carry


PASSES = Passes(walk, pull)


def prepared(layers: Layers) -> tuple[int, tuple[Units, Tensor], Layout]:
    """phi as a place in `PHI`, beta of each unit, and the filter times alpha."""
    size = layers.weight.shape[-1]
    assert not isinstance(layers.beta, Tensor)
    found = layout(layers.forms[0], layers.alpha, size)
    return PHI.index(layers.phi), units_of(layers.beta, (), size), found


def places(panels: Float[Tensor, "layers _"]) -> Steps:
    """Where those of each layer lie."""
    return Steps(panels.data_ptr(), 4 * panels.stride(0), 0)
