"""The figures of one stack, in the order of the report."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import cast

from joblib import Parallel, cpu_count, delayed

from bench.report.cost_figure import score_by_cost
from bench.report.depth_figure import depth
from bench.report.gradient_figure import gradients
from bench.report.largest_figure import largest_depths
from bench.report.learning_figures import learning_curves, score_curves
from bench.report.panels import Drawing
from bench.report.roofline_figure import roofline
from bench.report.scaling_figure import scaling
from bench.report.scene import Scene
from bench.report.score_figures import final_scores, scores_by_depth
from bench.report.signal_figure import signal_propagation
from bench.report.styles import styled
from bench.report.target_figure import performance_profile, time_to_target
from bench.report.used_depth_figure import used_depth

FIGURES: Mapping[str, Callable[[Scene, str], Iterator[Drawing]]] = {
    "depth": depth,
    "largest-depth": largest_depths,
    "used-depth": used_depth,
    "roofline": roofline,
    "scaling": scaling,
    "signal-propagation": signal_propagation,
    "test-score": final_scores,
    "score-by-cost": score_by_cost,
    "score-by-depth": scores_by_depth,
    "performance-profile": performance_profile,
    "time-to-target": time_to_target,
    "learning-curves": learning_curves,
    "score-curves": score_curves,
    "gradient-by-distance": gradients,
}
"""A figure is one drawing, or several where one page has no room for it; none without data."""


LARGE = 20_000
"""The figures of more measurements are drawn by several processes, which take time to start."""


def draw(scene: Scene, suffix: str) -> Iterator[Drawing]:
    """Every figure for which there is data; the names of the files end in the suffix."""
    workers = min(cpu_count(), len(FIGURES)) if len(scene.rows) > LARGE else 1
    wanted = list(FIGURES)[::-1]  # those that take longest stand last
    todo = (delayed(_drawn)(name, scene, suffix) for name in wanted)
    drawn = cast(list[list[Drawing]], Parallel(n_jobs=workers)(todo))
    yield from chain.from_iterable(reversed(drawn))


def _drawn(name: str, scene: Scene, suffix: str) -> list[Drawing]:
    with styled():
        return list(FIGURES[name](scene, f"{name}-{suffix}"))
