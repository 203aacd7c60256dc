"""The models that the suites name."""

ROAF_MODELS = ("roaf", "roaf-rotations")
"""Run by default; the other filters answer a question of their own."""
ROAF_FILTERS = (
    *ROAF_MODELS,
    "roaf-reflections",
    "roaf-permutation",
    "roaf-signed-permutation",
    "roaf-cycle",
    "roaf-hadamard",
    "roaf-identity",
    "roaf-uniform-qr",
    "roaf-mixed-rotations",
    "roaf-haar-rotations",
)
TIME_RIVALS = ("elman", "irnn", "lstm", "gru", "exprnn", "urnn", "antisymmetric", "cornn")
TIME_MODELS = (*ROAF_MODELS, *TIME_RIVALS)
FURTHER_TIME_RIVALS = (
    *("indrnn", "lstm-chrono", "janet", "fastrnn", "fastgrnn"),
    *("full-urnn", "eunn", "scornn", "dtriv", "ornn", "nnrnn", "asrnn", "shuffling"),
    *("antisymmetric-gated", "lipschitz", "unicornn", "lem", "linoss"),
    *("leaky", "esn", "es2n"),
    *("lmu", "hippo-legs", "lru", "s4d", "mingru", "minlstm", "slstm", "mamba"),
    *("tcn", "transformer"),
)
ALL_TIME = (*ROAF_FILTERS, *TIME_RIVALS, *FURTHER_TIME_RIVALS)
ROAF_SCHEDULES = ("roaf-mlp", "roaf-mlp-sqrt", "roaf-mlp-isometric", "roaf-mlp-fixed")
OWN_SCHEDULES = ("roaf-mlp-sqrt", "roaf-mlp-isometric")
"""Their alpha and beta do not add to 1, as the abstract's do: what is said of them is ours."""
SQRT_CONTROLS = (
    "roaf-mlp-sqrt-identity",
    "roaf-mlp-sqrt-signed-permutation",
    "resnet-tanh-sqrt",
)
LINEAR_CONTROLS = ("roaf-mlp-identity", "roaf-mlp-signed-permutation", "resnet-tanh-linear")
"""ROAF's twins: O = identity, O = signed permutation, a residual network with the same beta."""
SHALLOW = "shallow"
"""The control of every depth: one hidden layer with as many numbers."""
DEPTH_RIVALS = ("mlp", "mlp-orthogonal", "resnet-sqrt", "rezero", "highway-depth", "deepnorm")
ALIVE_RIVALS = ("mlp-orthogonal", "resnet-sqrt", "rezero", "highway-depth", "deepnorm")
"""Of these a gradient is left after 10,000 layers, before training: see the recorded runs."""
FURTHER_DEPTH_RIVALS = (
    *("mlp-relu", "mlp-looks-linear", "mlp-selu", "mlp-batchnorm", "mlp-tat"),
    *("resnet", "resnet-linear", "resnet-layernorm", "resnet-batchnorm"),
    *("skipinit", "fixup", "highway"),
    *("antisymmetric-mlp", "hamiltonian", "revnet", "momentum", "nais", "deq"),
)
IMAGE_MODELS = ("cnn-delta-orthogonal", "cnn-resnet", "cnn-roaf")
ALL_DEPTH = (
    *ROAF_SCHEDULES,
    *SQRT_CONTROLS,
    *LINEAR_CONTROLS,
    SHALLOW,
    *DEPTH_RIVALS,
    *FURTHER_DEPTH_RIVALS,
    *IMAGE_MODELS,
)
"""Every model of the registry, along each axis; a test says so where one is missing."""
