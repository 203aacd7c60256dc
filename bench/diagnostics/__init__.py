"""What becomes of a signal and its gradient, measured at the boundary: no model has to cooperate.

Measured on the model itself while it trains are `gradient_by_distance`, `gradient_by_parameter`
and, of a model without a state, `gradient_by_input`. All in `DIAGNOSTICS` look at a float64 copy of
it, see `view`. The clocks, see `speed`, build it anew and say what it costs.
"""

from bench.diagnostics.gradients import gradient_by_distance as gradient_by_distance
from bench.diagnostics.gradients import gradient_by_parameter as gradient_by_parameter
from bench.diagnostics.table import DIAGNOSTICS as DIAGNOSTICS
from bench.diagnostics.table import GRADIENTS as GRADIENTS
from bench.diagnostics.table import look as look
from bench.diagnostics.table import weights_at_start as weights_at_start
from bench.diagnostics.table import wrong_diagnostics as wrong_diagnostics
from bench.diagnostics.view import View as View
