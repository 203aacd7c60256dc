"""The figures of one stack, in the order of the report."""

from collections.abc import Callable, Iterator, Mapping

from bench.report.cost_figure import score_by_cost
from bench.report.depth_figure import depth
from bench.report.gradients import gradients
from bench.report.largest_figure import largest_depths
from bench.report.learning_figures import learning_curves, score_curves
from bench.report.looks import styled
from bench.report.panels import Drawing
from bench.report.roofline_figure import roofline
from bench.report.scaling_figure import scaling
from bench.report.scene import Scene
from bench.report.score_figures import final_scores, scores_by_depth
from bench.report.signal_figure import signal_propagation
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


def draw(scene: Scene, suffix: str) -> Iterator[Drawing]:
    """Every figure for which there is data; the names of the files end in the suffix."""
    for name, figure in FIGURES.items():
        with styled():
            drawings = list(figure(scene, f"{name}-{suffix}"))
        yield from drawings
