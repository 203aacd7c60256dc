"""Values to summaries, rows to rows: what the report computes, before it is a table or a figure.

The seed is the unit of replication; a run that failed counts as unsolved and as the worst, and
appears. Everything is a pure function of its arguments, the random streams are fixed, and where a
number cannot be had it is None, with the reason beside it where a reader would ask.

What tables and figures are built on:

    compare(runs, measurements)            every label against ROAF, within its group
    compare_with_best(runs, measurements)  every label against the best of its group
    times(runs, measurements)              updates and seconds until the task is solved
    across(runs, measurements)             every model over all tasks of a stack
"""

from bench.report.statistics.aggregates import (
    friedman_p,
    iqm,
    iqm_interval,
    shares_above,
    task_ranks,
)
from bench.report.statistics.censored import Time, logrank_p, median_time, reached_by
from bench.report.statistics.comparisons import ALPHA, compare, compare_with_best
from bench.report.statistics.intervals import (
    Summary,
    mean,
    mean_interval,
    middle,
    present,
    summarise,
    t_interval,
    wilson_interval,
)
from bench.report.statistics.outcomes import OK, failures, is_solved
from bench.report.statistics.overall import Across, across
from bench.report.statistics.pairs import (
    difference,
    holm,
    improvement,
    sign_flip_p,
    smallest_p,
)
from bench.report.statistics.rows import (
    CEILING,
    FLOOR,
    RUN,
    ends,
    final_rows,
    finite_rows,
    known,
    known_number,
    last_values,
    peak_bytes,
    relative_gradients,
    seconds_per_update,
)
from bench.report.statistics.scores import final_scores, references
from bench.report.statistics.target_times import times
from bench.report.statistics.targets import target_curves

__all__ = [
    "ALPHA",
    "CEILING",
    "FLOOR",
    "OK",
    "RUN",
    "Across",
    "Summary",
    "Time",
    "across",
    "compare",
    "compare_with_best",
    "difference",
    "ends",
    "failures",
    "final_rows",
    "final_scores",
    "finite_rows",
    "friedman_p",
    "holm",
    "improvement",
    "iqm",
    "iqm_interval",
    "is_solved",
    "known",
    "known_number",
    "last_values",
    "logrank_p",
    "mean",
    "mean_interval",
    "median_time",
    "middle",
    "peak_bytes",
    "present",
    "reached_by",
    "references",
    "relative_gradients",
    "seconds_per_update",
    "shares_above",
    "sign_flip_p",
    "smallest_p",
    "summarise",
    "t_interval",
    "target_curves",
    "task_ranks",
    "times",
    "wilson_interval",
]
