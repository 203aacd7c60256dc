"""The models: the only door to `roaf` and `baselines`.

To add one of your own without a fork, see `bench.plugins`. To add a published one: a file in
`baselines`, a line in the file of its family here; the contract tests and `bench ls` then cover it.
"""

from bench.models import depth, gated, orthogonal, roaf, stable, state_spaces
from bench.models.build import build_model as build_model
from bench.models.build import model_facts as model_facts
from bench.models.build import trainable_parameters as trainable_parameters
from bench.models.entry import Entry as Entry

MODELS: dict[str, Entry] = (
    roaf.TIME
    | gated.MODELS
    | orthogonal.MODELS
    | stable.MODELS
    | state_spaces.MODELS
    | roaf.DEPTH
    | depth.MODELS
)
