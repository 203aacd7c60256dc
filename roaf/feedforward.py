"""RoaMLP: a stack of equal layers, each with a random orthogonal additive filter.

    x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l),   alpha + beta = 1

A. Ceni, arXiv 2210.01245. Whether the paper draws one O a layer is not known; `shared_filter`
decides. With a fixed beta the gradient still vanishes exponentially: `depth_schedule` shrinks it.
"""

import math
import warnings
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from roaf.activation_memory import STATES, check_possible, choose_memory, states_kept
from roaf.available_memory import check_room
from roaf.kernels import FEEDFORWARD, check_backend, choose, reference, stack_problem
from roaf.kernels.depth import Descent
from roaf.kernels.workspace import Workspace
from roaf.mixing import Coefficient, Value, jacobian_bounds
from roaf.nonlinearity import Nonlinearity
from roaf.precision import applied_dtype
from roaf.settings import check_memory, check_rows
from roaf.stacked import Stacked


class RoaMLP(Stacked):
    """A stack of `depth` layers of equal width, (batch, width) -> (batch, width).

        x_{l+1} = alpha * O_l x_l + beta * phi(W_l x_l + b_l)

    Arguments:
        width, depth: units of a layer, and layers.
        alpha: the weight of the filter: a number of at least 0; a tensor with one for each unit
            (width,), layer (depth, 1) or both (depth, width); or `Learned(lower, upper)`, trained
            between these bounds, one for each layer.
        beta: the weight of phi, likewise; None means 1 - alpha. `depth_schedule(c, depth)` gives
            both for a depth.
        filter: how O is drawn, see `roaf.random_orthogonal`.
        shared_filter: one O for all layers, or one for each.
        nonlinearity: phi: "tanh", "relu", "modrelu" (with a trained bias `phi_bias` a unit), or a
            `Nonlinearity(function, lipschitz)` of your own.
        bias: whether there is a b.
        backend: "reference", "fused", "cpu", or "auto", the fastest for the device and the width,
            which `backend_for` tells. One that cannot compute the stack raises ValueError.
        activation_memory: what is kept for the backward pass, in states of (batch, width):
            "full", two a layer: the fastest, while there is room.
            "sqrt", one every ~sqrt(depth) layers, and two a layer of one such segment at a time:
            the same gradients to the last bit for one more forward pass, about a third more time.
            "recompute", the last one, and two a layer of one segment: the states are found from
            above, by some products of O and W a layer, the fewer the smaller beta is. The
            gradients are those of "full" to a rounding that grows with depth, and wrong with a
            warning where the stack forgets its input. Where beta * ||W|| of a layer is above 0.9
            of alpha, that pass is "sqrt", with a warning. Not for an alpha of 0, nor for modrelu.
        generator: draws O and the weights, on the CPU, so that one seed gives one model everywhere.

    Trained: weight (depth, width, width) and bias (depth, width), stacked, which makes an
    optimiser's step two tensors instead of two a layer. They start uniform in +-1/sqrt(width), as
    torch.nn.Linear does. A setting that is not allowed raises ValueError, and so does a state_dict
    with weights that are not finite or a filter that is visibly of another kind, see `roaf.saved`.
    What does not fit in memory raises MemoryError, before it is allocated where that can be known.
    An alpha and beta that are expected to take the gradient out of six decades get a UserWarning.
    Past some 100,000 layers the optimiser needs the most memory: see `roaf.AdamInBackward`.

    Example:
        >>> alpha, beta = depth_schedule(c=1, depth=1000)
        >>> deep = RoaMLP(32, 1000, alpha=alpha, beta=beta)
        >>> deep(torch.randn(8, 32)).shape
        torch.Size([8, 32])
    """

    _descent: Descent | None = None
    _workspace: Workspace | None = None
    _warned = False

    def __init__(
        self,
        width: int,
        depth: int,
        *,
        alpha: Coefficient,
        beta: Coefficient | None = None,
        filter: str = "haar",
        shared_filter: bool = True,
        nonlinearity: str | Nonlinearity = "tanh",
        bias: bool = True,
        backend: str = "auto",
        activation_memory: str = "full",
        generator: Generator | None = None,
    ) -> None:
        check_memory(activation_memory, tuple(STATES))
        super().__init__(width, depth, alpha, beta, filter, shared_filter, nonlinearity)
        self.backend, self.activation_memory = backend, activation_memory
        check_backend(FEEDFORWARD, backend, self._phi)
        self._fused = backend != "reference" and self._phi.fusible
        self._draw((width, width), 1 / math.sqrt(width), bias, generator)

    def step(self, x: Float[Tensor, "batch width"], layer: int) -> Float[Tensor, "batch width"]:
        """The output of one layer: the equation above, and nothing else."""
        with torch.autocast(x.device.type, enabled=False):
            form, alpha, beta = self._at(layer)
            offset, *bias = (values[layer] for values in self._biases())
            weight = self.weight[layer].to(offset)
            own = (form, weight, alpha, beta, self._phi, *bias)
            return reference.update(x.to(offset), offset, *own)

    def step_bounds(self) -> list[tuple[float, float]]:
        """(lower, upper) bounds of the singular values of each layer's Jacobian.

        At every input where phi has a slope, for the weights of this moment: within
        kappa * ||diag(beta) W_l|| of the least and the greatest alpha, kappa the Lipschitz constant
        of phi.
        """
        alpha, beta = self.mixing.values(torch.float64)
        return jacobian_bounds(alpha, beta, self.weight, self._phi.lipschitz)

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The output of the last layer; an x that is not such a tensor raises ValueError."""
        check_rows(x, self.width)
        with torch.autocast(x.device.type, enabled=False):
            stack = self._stack(x)
            weight, _, alpha, beta = stack[2:6]
            ways = self._ways(x, weight, alpha, beta) if self._fused else {}
            out = FEEDFORWARD[self._backend(stack)].kernel(*stack, **ways)
        return out.to(x.dtype)

    def backend_for(self, x: Float[Tensor, "batch width"]) -> str:
        """The name of the backend that computes such an x."""
        check_rows(x, self.width)
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            return self._backend(self._stack(x))

    def descend_with(self, descent: Descent | None) -> None:
        """Gives the gradients of weight and bias to it in every backward pass; None ends that.

        Their `grad` then stays None. A copy of the model, or one that was saved, has none. Weights
        below float32, or the reference backend, raise ValueError.
        """
        kept = applied_dtype(self.weight) == self.weight.dtype
        if descent is not None and not (self._fused and kept):
            raise ValueError(
                "gradients are given away from weights of float32 or float64, by another backend "
                "than the reference"
            )
        self._descent = descent

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_descent", "_workspace")}

    def extra_repr(self) -> str:
        return (
            f"{self.width}, depth={self.depth}, filter={self.filter!r}, "
            f"shared_filter={self.shared_filter}, backend={self.backend!r}"
        )

    def _stack(self, x: Tensor) -> tuple[Any, ...]:
        """What a kernel takes: x and the layers, in the dtype of application."""
        offset, *bias = self._biases()
        layers = (self._forms(), self.weight.to(offset), offset)
        return x.to(offset), *layers, self.alpha, self.beta, self._phi, *bias

    def _backend(self, stack: tuple[Any, ...]) -> str:
        return choose(FEEDFORWARD, self.backend, stack_problem(*stack))

    def _ways(self, x: Tensor, weight: Tensor, alpha: Value, beta: Value) -> dict[str, Any]:
        """What the fused kernel does otherwise than usual, for this x."""
        given = (x, *self.parameters())
        if not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)):
            return {}
        gradient = weight.nbytes if self._descent is None and weight.requires_grad else 0
        states = states_kept(self.activation_memory, self.depth)
        self._workspace = self._workspace or Workspace()
        needed = states * x.numel() * weight.element_size() + gradient - self._workspace.free_bytes
        what = f"a backward pass with activation_memory={self.activation_memory!r}"
        help = 'activation_memory="sqrt" needs the least for its speed, a smaller batch needs less'
        check_room(needed, x.device, what, help)
        settings = (alpha, beta, self._phi, self._workspace)
        memory, warning = choose_memory(self.activation_memory, weight, *settings)
        if warning and not self._warned:
            self._warned = True
            warnings.warn(warning, stacklevel=3)
        return {"memory": memory, "descent": self._descent}

    def _check_mixing(self) -> None:
        """Raises ValueError, too, where alpha does not go with what is kept."""
        with torch.no_grad():
            alpha, _ = self.mixing.values(torch.float64)
        if not (isinstance(alpha, Tensor) and alpha.is_meta):
            check_possible(self.activation_memory, self._fused, self._phi, alpha)
        super()._check_mixing()
