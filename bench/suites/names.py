"""The models that the suites name."""

ROAF_MODELS = ("roaf", "roaf-rotations")
"""Run by default; the other filters answer a question of their own."""
ROAF_FILTERS = (
    *ROAF_MODELS,
    "roaf-permutation",
    "roaf-signed-permutation",
    "roaf-cycle",
    "roaf-hadamard",
    "roaf-identity",
)
TIME_RIVALS = ("elman", "irnn", "lstm", "gru", "exprnn", "urnn", "antisymmetric", "cornn")
TIME_MODELS = (*ROAF_MODELS, *TIME_RIVALS)
DEPTH_MODELS = ("roaf-mlp", "roaf-mlp-sqrt", "mlp", "resnet", "resnet-sqrt")
ROAF_SCHEDULES = ("roaf-mlp", "roaf-mlp-sqrt", "roaf-mlp-isometric", "roaf-mlp-fixed")
FURTHER_TIME_RIVALS = (
    *("indrnn", "lstm-chrono", "janet", "fastrnn", "fastgrnn"),
    *("full-urnn", "eunn", "scornn", "dtriv", "ornn", "nnrnn", "asrnn", "shuffling"),
    *("antisymmetric-gated", "lipschitz", "unicornn", "lem", "linoss"),
    *("leaky", "esn", "es2n"),
    *("lmu", "hippo-legs", "lru", "s4d", "mingru", "minlstm", "slstm", "mamba"),
    *("tcn", "transformer"),
)
ALL_TIME = (*ROAF_FILTERS, *TIME_RIVALS, *FURTHER_TIME_RIVALS)
ALL_DEPTH = (*ROAF_SCHEDULES, "mlp", "resnet", "resnet-sqrt", "resnet-linear")
"""Every model of the registry, along each axis; a test says so where one is missing."""
