"""RoaCNN: a stack of equal convolutions, each with a random orthogonal additive filter.

    x_{l+1} = alpha * O_l x_l + beta * phi(W_l * x_l + b_l),   alpha + beta = 1

O mixes the channels of each pixel, so it is an isometry of the whole image; W * x is a convolution
with zero padding. The filter is that of A. Ceni, arXiv 2210.01245; its use on images is ours.
"""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import conv2d

from roaf.forms import Form
from roaf.mixing import Coefficient, Value, each, layer_bounds
from roaf.nonlinearity import Nonlinearity
from roaf.norms import spectral_norm_bound
from roaf.settings import check_sizes
from roaf.stacked import Stacked

Images = Float[Tensor, "batch width rows columns"]
Pixels = Float[Tensor, "batch rows columns width"]


class RoaCNN(Stacked):
    """A stack of `depth` layers of `width` channels, (batch, width, rows, columns) -> the same.

        x_{l+1} = alpha * O_l x_l + beta * phi(W_l * x_l + b_l)

    Arguments:
        width, depth: channels of a layer, and layers.
        alpha: the weight of the filter: a number of at least 0; a tensor with one for each channel
            (width,), layer (depth, 1) or both (depth, width); or `Learned(lower, upper)`, trained
            between these bounds, one for each layer.
        beta: the weight of phi, likewise; None means 1 - alpha. `depth_schedule(c, depth)` gives
            both for a depth.
        filter: how O (width, width) is drawn, see `roaf.random_orthogonal`.
        shared_filter: one O for all layers, or one for each.
        nonlinearity: phi: "tanh", "relu", "modrelu" (with a trained bias `phi_bias` a channel), or
            a `Nonlinearity(function, lipschitz)` of your own.
        kernel_size: of W, an odd number, so that an image keeps its size.
        bias: whether there is a b.
        generator: draws O and the weights, on the CPU, so that one seed gives one model everywhere.

    Trained: weight (depth, width, width, kernel_size, kernel_size) and bias (depth, width). They
    start uniform in +-1 / (sqrt(width) kernel_size), as torch.nn.Conv2d does. A setting that is
    not allowed raises ValueError, and so does a state_dict with a filter that is visibly of another
    kind, see `roaf.saved`.

    Example:
        >>> alpha, beta = depth_schedule(c=1, depth=100, kind="sqrt")
        >>> deep = RoaCNN(16, 100, alpha=alpha, beta=beta)
        >>> deep(torch.randn(8, 16, 14, 14)).shape
        torch.Size([8, 16, 14, 14])
    """

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
        kernel_size: int = 3,
        bias: bool = True,
        generator: Generator | None = None,
    ) -> None:
        check_sizes(kernel_size=kernel_size)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be an odd number, not {kernel_size}")
        super().__init__(width, depth, alpha, beta, filter, shared_filter, nonlinearity)
        self.kernel_size = kernel_size
        shape, bound = (kernel_size, kernel_size), 1 / (math.sqrt(width) * kernel_size)
        self._draw((width, width, *shape), bound, bias, generator)

    def step(self, x: Images, layer: int) -> Images:
        """The output of one layer: the equation above, and nothing else."""
        with torch.autocast(x.device.type, enabled=False):
            form, alpha, beta = self._at(layer)
            weight, offset, *bias = (stack[layer] for stack in self._stacks())
            pixels = x.to(weight).movedim(1, -1)
            out = self._update(pixels, form, alpha, beta, weight, offset, *bias)
        return out.movedim(-1, 1)

    def forward(self, x: Images) -> Images:
        """The output of the last layer; an x that is not such a tensor raises ValueError."""
        check_images(x, self.width)
        with torch.autocast(x.device.type, enabled=False):
            stacks = self._stacks()
            mixing = (each(value, self.depth) for value in (self.alpha, self.beta))
            # unbind, not stack[layer]: indexing makes the backward pass quadratic in depth
            own = (stack.unbind(0) for stack in stacks)
            pixels = x.to(stacks[0]).movedim(1, -1)
            for layer in zip(self._forms(), *mixing, *own, strict=True):
                pixels = self._update(pixels, *layer)
        return pixels.movedim(-1, 1).to(x.dtype)

    def step_bounds(self) -> list[tuple[float, float]]:
        """(lower, upper) bounds of the singular values of each layer's Jacobian.

        At every image where phi has a slope, of any size, for the weights of this moment: within
        kappa * ||diag(beta) W_l|| of the least and the greatest alpha, kappa the Lipschitz constant
        of phi. A convolution is the sum over its taps of a shift, which lengthens no image, and the
        tap's matrix at each pixel: its norm is at most the sum of theirs.
        """
        alpha, beta = self.mixing.values(torch.float64)
        row = beta[..., None, None, None] if isinstance(beta, Tensor) else beta
        taps = (row * self.weight.double()).flatten(-2).movedim(-1, 0)
        return layer_bounds(alpha, self._phi.lipschitz * spectral_norm_bound(taps).sum(0))

    def extra_repr(self) -> str:
        return (
            f"{self.width}, depth={self.depth}, filter={self.filter!r}, "
            f"shared_filter={self.shared_filter}, kernel_size={self.kernel_size}"
        )

    def _update(
        self, x: Pixels, form: Form, alpha: Value, beta: Value, *own: Float[Tensor, "..."]
    ) -> Pixels:
        """One layer on pixels of channels, the layout in which a filter takes its rows."""
        weight, offset, *bias = own
        inner = conv2d(x.movedim(-1, 1), weight, offset, padding=self.kernel_size // 2)
        return alpha * form.times(x) + beta * self._phi.function(inner.movedim(1, -1), *bias)

    def _stacks(self) -> list[Tensor]:
        """W, b and the bias of phi, in the dtype of the state."""
        offset, *bias = self._biases()
        return [self.weight.to(offset), offset, *bias]


def check_images(x: Tensor, width: int) -> None:
    """Raises ValueError unless x is of a floating type and (batch, width, rows, columns)."""
    if not x.is_floating_point():
        raise ValueError(f"x is of {x.dtype}; allowed: a floating type such as torch.float32")
    if x.ndim != 4 or x.shape[1] != width or 0 in x.shape[2:]:
        raise ValueError(
            f"x has the shape {tuple(x.shape)}, which must be (batch, {width}, rows, columns), "
            "with at least one pixel"
        )
