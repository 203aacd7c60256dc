"""Plain deep networks, without skip connections, and the shallow control."""

from baselines import batchnorm, looks_linear, mlp, selu, shallow, tat
from bench.models.entry import Entry, depth_entry

MODELS: dict[str, Entry] = {
    "mlp": depth_entry(mlp.MLP, mlp.costs, "Glorot & Bengio, AISTATS", 2010),
    "mlp-relu": depth_entry(
        mlp.MLP,
        mlp.costs,
        "He et al., arXiv 1502.01852",
        2015,
        defaults={"nonlinearity": "relu", "initialisation": "he"},
    ),
    "mlp-orthogonal": depth_entry(
        mlp.MLP,
        mlp.costs,
        "Saxe, McClelland & Ganguli, arXiv 1312.6120; tanh, Pennington et al., arXiv 1711.04735",
        2013,
        defaults={"initialisation": "orthogonal"},
    ),
    "mlp-looks-linear": depth_entry(
        looks_linear.LooksLinearMLP, looks_linear.costs, "Balduzzi et al., arXiv 1702.08591", 2017
    ),
    "mlp-selu": depth_entry(
        selu.SelfNormalizingMLP, selu.costs, "Klambauer et al., arXiv 1706.02515", 2017
    ),
    "mlp-batchnorm": depth_entry(
        batchnorm.BatchNormMLP,
        batchnorm.costs,
        "Ioffe & Szegedy, arXiv 1502.03167",
        2015,
        batch_statistics=True,
    ),
    "mlp-tat": depth_entry(
        tat.TailoredMLP,
        tat.costs,
        "Zhang, Botev & Martens, arXiv 2203.08120",
        2022,
        proof="google-deepmind/dks c9cf37b",
    ),
    "shallow": depth_entry(
        shallow.ShallowMLP,
        shallow.costs,
        "control: one hidden layer; He et al., arXiv 1502.01852",
        2015,
        layers=lambda depth: 1,
    ),
}
