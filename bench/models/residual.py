"""Residual and gated feed-forward networks."""

from baselines import (
    batchnorm_resnet,
    deepnorm,
    fixup,
    highway,
    layernorm,
    resnet,
    rezero,
    skipinit,
)
from bench.models.entry import Entry, depth_entry

MODELS: dict[str, Entry] = {
    "resnet": depth_entry(resnet.ResNetMLP, resnet.costs, "He et al., arXiv 1512.03385", 2015),
    "resnet-sqrt": depth_entry(
        resnet.ResNetMLP,
        resnet.costs,
        "Hayou et al., arXiv 2010.12859",
        2021,
        defaults={"branch_scale": "sqrt"},
    ),
    "resnet-linear": depth_entry(
        resnet.ResNetMLP,
        resnet.costs,
        "Marion et al., JMLR 26(56)",
        2025,
        defaults={"branch_scale": "linear"},
    ),
    "resnet-layernorm": depth_entry(
        layernorm.LayerNormResNet,
        layernorm.costs,
        "Xiong et al., arXiv 2002.04745",
        2020,
        enter=layernorm.LayerNormResNet.enter,
        leave=layernorm.LayerNormResNet.leave,
    ),
    "resnet-batchnorm": depth_entry(
        batchnorm_resnet.BatchNormResNet,
        batchnorm_resnet.costs,
        "De & Smith, arXiv 2002.10444",
        2020,
        enter=batchnorm_resnet.BatchNormResNet.enter,
        leave=batchnorm_resnet.BatchNormResNet.leave,
        batch_statistics=True,
    ),
    "rezero": depth_entry(
        rezero.ReZero,
        rezero.costs,
        "Bachlechner et al., arXiv 2003.04887",
        2020,
        proof="tbachlechner/ReZero-examples c7afd67",
    ),
    "skipinit": depth_entry(
        skipinit.SkipInit, skipinit.costs, "De & Smith, arXiv 2002.10444", 2020
    ),
    "fixup": depth_entry(fixup.Fixup, fixup.costs, "Zhang, Dauphin & Ma, arXiv 1901.09321", 2019),
    "deepnorm": depth_entry(
        deepnorm.DeepNorm, deepnorm.costs, "Wang et al., arXiv 2203.00555", 2022
    ),
    "highway": depth_entry(
        highway.Highway, highway.costs, "Srivastava, Greff & Schmidhuber, arXiv 1505.00387", 2015
    ),
    "highway-depth": depth_entry(
        highway.Highway,
        highway.costs,
        "Srivastava, Greff & Schmidhuber, arXiv 1505.00387; gates of 1/(depth+1)",
        2015,
        defaults={"gate_bias": "depth"},
    ),
}
