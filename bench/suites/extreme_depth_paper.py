"""The published sizes: to 50,000 layers for all that stay alive, to a million for ROAF, its
residual twins and a shallow network.

GPU hours, five seeds; nothing of it is recorded yet. The tuning sweeps the same six rates for every
model, its frozen core and each depth on a seed of its own, on a tenth of the updates; until its
table is there a model runs as it does untuned. Past 50,000 layers the weights are what fills the
memory, so that no gradient is kept: see `roaf.AdamInBackward`.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bench.suites.extreme_depth import rung, swept, with_controls
from bench.suites.long_memory import tuned
from bench.suites.names import (
    ALIVE_RIVALS,
    DEPTH_RIVALS,
    FURTHER_DEPTH_RIVALS,
    IMAGE_MODELS,
    ROAF_SCHEDULES,
)
from bench.suites.setting import Setting, Suite, unwatched
from bench.suites.trials import MORE_RATES, RATES
from bench.winners import Trial

SEEDS = tuple(range(5))
TABLE = "extreme-depth-paper-tuning"
UPDATES = {"mnist-depth": 4300, "cifar10-depth": 3520}
"""Ten epochs of 128 in 55,000 and 45,000 images."""
NEEDING_DEPTH: tuple[tuple[str, dict[str, int]], ...] = (
    ("teacher", {"layers": 20}),
    ("teacher", {"layers": 80}),
    ("iterated-map", {"folds": 3}),
    ("iterated-map", {"folds": 6}),
    ("depth-copy", {}),
    ("spirals", {"turns": 3}),
)
"""Fresh data, 4,000 updates."""

DENSE = (*ROAF_SCHEDULES, *DEPTH_RIVALS, *FURTHER_DEPTH_RIVALS)
ALIVE_ROAF = ("roaf-mlp", "roaf-mlp-sqrt", "roaf-mlp-isometric")
ALIVE = (
    *ALIVE_ROAF,
    *ALIVE_RIVALS,
    *("mlp-looks-linear", "mlp-tat", "resnet-linear", "resnet-layernorm", "skipinit", "fixup"),
    *("antisymmetric-mlp", "hamiltonian", "revnet", "momentum"),
)
LADDER: dict[int, tuple[str, ...]] = {
    **dict.fromkeys((10, 100, 1000), (*DENSE, *IMAGE_MODELS)),
    **dict.fromkeys((10_000, 50_000), ALIVE),
}
BEYOND = (200_000, 1_000_000)


def paper_rung(task: str, depth: int, models: Iterable[str], **more: Any) -> Setting:
    """One depth of a task, 32 units wide."""
    updates, chosen = UPDATES.get(task, 4000), tuple(models)
    setting = rung(task=task, depth=depth, models=chosen, updates=updates, batch_size=128, **more)
    return replace(setting, widths={"*": 32}, evaluations=10)


def beyond(task: str, depth: int) -> Setting:
    """200 updates of a stack of 16 units, updated while the gradient comes down."""
    once = Trial(RATES[0], {"activation_memory": "sqrt"})
    return replace(
        paper_rung(task, depth, ALIVE_ROAF),
        widths={"*": 16},
        updates=200,
        evaluations=1,
        watched=False,  # a look keeps the gradient of every layer
        diagnostics={},
        optimiser="adam-in-backward",
        trials=dict.fromkeys(ALIVE_ROAF, (once,)),
    )


FURTHEST = [beyond(task, depth) for task in UPDATES for depth in BEYOND]
PICTURES = [paper_rung(t, depth, models) for t in UPDATES for depth, models in LADDER.items()]
DEEP_TASKS = [
    paper_rung(task, depth, [m for m in models if m not in IMAGE_MODELS], task_args=args)
    for task, args in NEEDING_DEPTH
    for depth, models in LADDER.items()
]
SETTINGS = tuple(
    part for setting in (*FURTHEST, *PICTURES, *DEEP_TASKS) for part in with_controls(setting)
)


EXTREME_DEPTH_PAPER_TUNING = Suite(
    question="Which learning rate suits each model and its frozen core at each depth?",
    budget="GPU hours",
    settings=swept(
        [replace(unwatched(s), updates=max(20, s.updates // 10)) for s in SETTINGS], MORE_RATES
    ),
)
EXTREME_DEPTH_PAPER = Suite(
    question="How deep can it be trained, and is the depth used?",
    budget="GPU hours",
    settings=tuned(SETTINGS, TABLE),
    seeds=SEEDS,
)
