"""The models: the runner's only door to `roaf` and `baselines`.

To add one of your own without a fork, see `bench.plugins`. To add a published one: a file in
`baselines`, a line in the file of its family here; the contract tests and `bench ls` then cover it.
"""

from bench.models import (
    dynamical,
    gated,
    images,
    orthogonal,
    plain,
    residual,
    roaf,
    stable,
    state_spaces,
)
from bench.models.build import build_body as build_body
from bench.models.build import build_model as build_model
from bench.models.build import model_facts as model_facts
from bench.models.build import trainable_parameters as trainable_parameters
from bench.models.entry import Entry as Entry
from roaf.descent import AdamInBackward as AdamInBackward
from roaf.kernels import load_kernels as load_kernels

MODELS: dict[str, Entry] = (
    roaf.TIME
    | gated.MODELS
    | orthogonal.MODELS
    | stable.MODELS
    | state_spaces.MODELS
    | roaf.DEPTH
    | plain.MODELS
    | residual.MODELS
    | dynamical.MODELS
    | images.MODELS
)
