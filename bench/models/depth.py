"""The published feed-forward models."""

import baselines
from baselines import mlp, resnet
from bench.models.entry import Entry

MODELS: dict[str, Entry] = {
    "mlp": Entry(
        factory=baselines.MLP,
        costs=mlp.costs,
        axis="depth",
        paper="Glorot & Bengio, AISTATS",
        year=2010,
    ),
    "resnet": Entry(
        factory=baselines.ResNetMLP,
        costs=resnet.costs,
        axis="depth",
        paper="He et al., arXiv 1512.03385",
        year=2015,
    ),
    "resnet-sqrt": Entry(
        factory=baselines.ResNetMLP,
        costs=resnet.costs,
        axis="depth",
        paper="Hayou et al., arXiv 2010.12859",
        year=2021,
        defaults={"branch_scale": "sqrt"},
    ),
    "resnet-linear": Entry(
        factory=baselines.ResNetMLP,
        costs=resnet.costs,
        axis="depth",
        paper="Marion et al., JMLR 26(56)",
        year=2025,
        defaults={"branch_scale": "linear"},
    ),
}
