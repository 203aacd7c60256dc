"""Whether a layer's input can be had back from its output, and in how many sweeps.

    y = alpha O x + beta phi(W x + b)   <=>   x = O^T (y - beta phi(W x + b)) / alpha

The right side changes by at most q = Lip(phi) * ||diag(beta / alpha) W||_2 times what x changes.
With q < 1 it has one solution, which repeated sweeps find, the k-th to q^k / (1 - q) times the
first change (S. Banach, 1922; for residual networks J. Behrmann et al., "Invertible Residual
Networks", arXiv 1811.00995). The first change is itself of the size of beta.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from roaf.mixing import Value
from roaf.norms import spectral_norm_bound

LARGEST = 0.9
ROUNDINGS = 100


def contraction(
    weight: Float[Tensor, "depth width width"], alpha: Value, beta: Value, lipschitz: float
) -> Float[Tensor, "depth"]:
    """An upper bound of each layer's q, in float64 on the CPU; NaN where a weight is.

    It is the Frobenius norm's, one pass over the weights and up to sqrt(width) too large; only
    where that exceeds `LARGEST` the spectral norm is bounded tightly.
    """
    ratio = torch.as_tensor(beta / alpha, dtype=weight.dtype, device=weight.device)
    rows = torch.linalg.vector_norm(weight, dim=2).double()  # cast after: no copy of all weights
    widened = lipschitz * (1 + weight.shape[2] * torch.finfo(weight.dtype).eps)
    bounds = widened * torch.linalg.vector_norm(rows * ratio, dim=1)
    large = (bounds > LARGEST).nonzero().squeeze(1)
    if len(large):
        column = ratio[large, :, None] if ratio.ndim else ratio
        bounds[large] = lipschitz * spectral_norm_bound(column * weight[large])
    return bounds.cpu()


def sweeps_needed(q: Float[Tensor, "depth"], dtype: torch.dtype) -> tuple[int, ...]:
    """The sweeps after which a layer's error is below 100 roundings of its first change."""
    tolerance = ROUNDINGS * torch.finfo(dtype).eps
    counts = torch.ceil(torch.log(tolerance * (1 - q)) / torch.log(q))
    return tuple(counts.clamp_min(1).int().tolist())
