"""RoaCNN: a stack of equal convolutions, each with a random orthogonal additive filter.

    x_{l+1} = alpha * O_l x_l + beta * phi(W_l * x_l + b_l),   alpha + beta = 1

O mixes the channels of each pixel, so it is an isometry of the whole image; W * x is a convolution
with zero padding. The filter is that of A. Ceni, arXiv 2210.01245; its use on images is ours.
"""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import conv2d

from roaf.bounds import singular_value_bounds
from roaf.forms import Form
from roaf.mixing import Coefficient, Mixing, Value, each, extremes
from roaf.nonlinearity import Nonlinearity, find_nonlinearity
from roaf.norms import spectral_norm_bound
from roaf.orthogonal import dense_of_each, draw_filter, fastest, fastest_of_each
from roaf.precision import applied_dtype
from roaf.saved import Filtered
from roaf.settings import check_sizes, uniform_parameter, wanted_device

Images = Float[Tensor, "batch width rows columns"]
Pixels = Float[Tensor, "batch rows columns width"]


class RoaCNN(Filtered):
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

    orthogonal: Tensor
    bias: Tensor | None
    phi_bias: Tensor

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
        super().__init__()
        check_sizes(width=width, depth=depth, kernel_size=kernel_size)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be an odd number, not {kernel_size}")
        self.width, self.depth, self.kernel_size = width, depth, kernel_size
        self.filter, self.shared_filter = filter, shared_filter
        self._phi = find_nonlinearity(nonlinearity)
        self.mixing = Mixing(alpha, beta, width, (depth,))
        draws = [
            draw_filter(width, filter, generator) for _ in range(1 if shared_filter else depth)
        ]
        numbers = draws[0] if shared_filter else torch.stack(draws)
        where = {"device": wanted_device(None), "dtype": None}
        self.register_buffer("orthogonal", numbers.to(where["device"]))
        shape, bound = (width, kernel_size, kernel_size), 1 / (math.sqrt(width) * kernel_size)
        self.weight = uniform_parameter((depth, width, *shape), bound, generator, where)
        biases = uniform_parameter((depth, width), bound, generator, where) if bias else None
        self.register_parameter("bias", biases)
        if self._phi.slope_of_bias is not None:
            self.phi_bias = nn.Parameter(torch.zeros(depth, width))

    @property
    def filter_size(self) -> int:
        """The channels that the filter acts on."""
        return self.width

    @property
    def alpha(self) -> Value:
        """alpha at this moment: a float, or a tensor (depth, width)."""
        return self.mixing.values(applied_dtype(self.weight))[0]

    @property
    def beta(self) -> Value:
        """beta at this moment: a float, or a tensor (depth, width)."""
        return self.mixing.values(applied_dtype(self.weight))[1]

    def orthogonal_matrix(self) -> Float[Tensor, "*layers width width"]:
        """The fixed O, or one a layer where they are not shared, in the dtype of application."""
        if self.shared_filter:
            return self._form(self.orthogonal).dense()
        dtype = applied_dtype(self.weight)
        return dense_of_each(self.filter, self.orthogonal, self.width, dtype)

    def step(self, x: Images, layer: int) -> Images:
        """The output of one layer: the equation above, and nothing else."""
        numbers = self.orthogonal if self.shared_filter else self.orthogonal[layer]
        with torch.autocast(x.device.type, enabled=False):
            alpha, beta = (each(value, self.depth)[layer] for value in (self.alpha, self.beta))
            own = (stack[layer] for stack in self._stacks())
            pixels = x.to(applied_dtype(self.weight)).movedim(1, -1)
            return self._update(pixels, self._form(numbers), alpha, beta, *own).movedim(-1, 1)

    def forward(self, x: Images) -> Images:
        """The output of the last layer; an x that is not such a tensor raises ValueError."""
        check_images(x, self.width)
        with torch.autocast(x.device.type, enabled=False):
            mixing = (each(value, self.depth) for value in (self.alpha, self.beta))
            # unbind, not stack[layer]: indexing makes the backward pass quadratic in depth
            own = (stack.unbind(0) for stack in self._stacks())
            pixels = x.to(applied_dtype(self.weight)).movedim(1, -1)
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
        sigmas = self._phi.lipschitz * spectral_norm_bound(taps).sum(0)
        return [
            (singular_value_bounds(least, 1.0, s)[0], singular_value_bounds(most, 1.0, s)[1])
            for (least, most), s in zip(map(extremes, each(alpha, self.depth)), sigmas, strict=True)
        ]

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
        offset = self.bias
        if offset is None:
            offset = self.weight.new_zeros(self.depth, self.width)
        bias = [] if self._phi.slope_of_bias is None else [self.phi_bias]
        dtype = applied_dtype(self.weight)
        return [stack.to(dtype) for stack in (self.weight, offset, *bias)]

    def _form(self, numbers: Tensor) -> Form:
        return fastest(self.filter, numbers, self.width, applied_dtype(self.weight))

    def _forms(self) -> list[Form]:
        if self.shared_filter:
            return [self._form(self.orthogonal)] * self.depth
        dtype = applied_dtype(self.weight)
        return fastest_of_each(self.filter, self.orthogonal, self.width, dtype)


def check_images(x: Tensor, width: int) -> None:
    """Raises ValueError unless x is of a floating type and (batch, width, rows, columns)."""
    if not x.is_floating_point():
        raise ValueError(f"x is of {x.dtype}; allowed: a floating type such as torch.float32")
    if x.ndim != 4 or x.shape[1] != width or 0 in x.shape[2:]:
        raise ValueError(
            f"x has the shape {tuple(x.shape)}, which must be (batch, {width}, rows, columns), "
            "with at least one pixel"
        )
