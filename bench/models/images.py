"""The models of images: convolutions that keep the image's size at every layer."""

from typing import Any

from baselines import Costs, delta_orthogonal, residual_cnn
from baselines.delta_orthogonal import DeltaOrthogonalCNN
from baselines.residual_cnn import ResNetCNN
from bench.models.entry import Entry, depth_entry
from bench.models.roaf import PAPER, YEAR, filter_flops
from roaf import depth_schedule
from roaf.convolution import RoaCNN


def roaf_images(width: int, depth: int, *, c: float | int, schedule: str, **args: Any) -> RoaCNN:
    """RoaCNN with alpha and beta from the depth."""
    alpha, beta = depth_schedule(c, depth, schedule)
    return RoaCNN(width, depth, alpha=alpha, beta=beta, **args)


def roaf_costs(
    width: int, depth: int, *, filter: str = "haar", kernel_size: int = 3, **args: Any
) -> Costs:
    """Parameters of the whole RoaCNN; state and operations are those of one layer at one pixel."""
    products = kernel_size**2 * width**2
    return Costs(depth * (products + width), width, 2 * products + filter_flops(filter, width))


MODELS: dict[str, Entry] = {
    "cnn-roaf": depth_entry(
        roaf_images,
        roaf_costs,
        PAPER,
        YEAR,
        defaults={"schedule": "sqrt", "c": 1.0},
        bounds=lambda body: body.step_bounds(),
        images=True,
    ),
    "cnn-delta-orthogonal": depth_entry(
        DeltaOrthogonalCNN,
        delta_orthogonal.costs,
        "Xiao et al., arXiv 1806.05393",
        2018,
        images=True,
    ),
    "cnn-resnet": depth_entry(
        ResNetCNN,
        residual_cnn.costs,
        "He et al., arXiv 1603.05027",
        2016,
        images=True,
    ),
}
