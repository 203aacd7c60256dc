"""The plain rectified network whose negative slope s is tailored to its depth L.

    x_{l+1} = phi(W_l x_l + b_l),    phi(z) = sqrt(2 / (1 + s^2)) max(z, s z)
    C(c) = c + (1 - s)^2 / (1 + s^2) (sqrt(1 - c^2) - c arccos(c)) / pi
    s in [0, 1] such that C applied L times to 0 is eta = 0.9

G. Zhang, A. Botev, J. Martens, "Deep Learning without Shortcuts: Shaping the Kernel with Tailored
Rectifiers", 2022, arXiv 2203.08120. C is what a wide layer makes of the cosine of two samples: even
two orthogonal ones end at a cosine of 0.9 only, where behind plain rectifiers they would coincide.
W is drawn scaled uniform orthogonal, which for a square matrix is Haar, and b = 0.

Up to 12 layers do not reach 0.9 even with s = 0, a plain rectifier, which is then taken as the
nearest there is; the authors' program (google-deepmind/dks) refuses such a network.
"""

import math
from functools import partial

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import leaky_relu

from baselines.costs import Costs
from baselines.mlp import PlainNetwork, haar
from baselines.sizes import check_sizes


class TailoredMLP(PlainNetwork):
    """`depth` layers of the leaky rectifier that `eta` and the depth ask for."""

    def __init__(self, width: int, depth: int, eta: float = 0.9):
        check_sizes(width=width, depth=depth)
        if not 0 < eta < 1:
            raise ValueError(f"eta must lie between 0 and 1, not {eta}")
        slope = tailored_slope(depth, eta)
        super().__init__(haar(width, depth), partial(tailored_rectifier, slope=slope))
        self.slope = slope


def tailored_rectifier(
    z: Float[Tensor, "batch width"], slope: float
) -> Float[Tensor, "batch width"]:
    """phi, which keeps the mean square of a standard normal z."""
    return leaky_relu(z, slope) * math.sqrt(2 / (1 + slope**2))


def tailored_slope(depth: int, eta: float) -> float:
    """s to 12 digits; the larger it is, the less two samples draw near each other."""
    if final_cosine(depth, 0.0) <= eta:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if final_cosine(depth, middle) > eta else (low, middle)
    return (low + high) / 2


def final_cosine(depth: int, slope: float) -> float:
    """C applied `depth` times to 0: of two samples that begin orthogonal."""
    bend, cosine = (1 - slope) ** 2 / (1 + slope**2) / math.pi, 0.0
    for _ in range(depth):
        cosine += bend * (math.sqrt(1 - cosine**2) - cosine * math.acos(cosine))
        cosine = min(cosine, 1.0)
    return cosine


def costs(width: int, depth: int, eta: float = 0.9) -> Costs:
    """Of the whole stack; the operations are those of one layer."""
    return Costs(depth * (width**2 + width), state_size=width, flops=2 * width**2)
