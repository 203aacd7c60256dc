"""The models: the only door to `roaf` and `baselines`.

To add one of your own without a fork, see `bench.plugins`. To add a published one: a file in
`baselines`, a line in `bench.models.time` or `bench.models.depth`; the contract tests and
`bench ls` then cover it.
"""

from bench.models import depth, roaf, time
from bench.models.build import build_model as build_model
from bench.models.build import model_facts as model_facts
from bench.models.build import trainable_parameters as trainable_parameters
from bench.models.entry import Entry as Entry

MODELS: dict[str, Entry] = roaf.TIME | time.TIME | roaf.DEPTH | depth.DEPTH
