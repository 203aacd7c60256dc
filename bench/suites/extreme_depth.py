"""How deep can it be trained, and is the depth used? A ladder, its controls, and their tuning.

Every model stands beside its frozen core, lift and readout trained alone, and a shallow network of
as many numbers; ROAF beside its twins as well. All have 16 units, the same updates at every depth,
and the rate of four that `extreme-depth-tuning` found for that model, depth and core. At 10,000
layers there is one seed, and only those models run whose gradient is alive before training.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bench.suites.long_memory import tuned
from bench.suites.names import (
    ALIVE_RIVALS,
    DEPTH_RIVALS,
    LINEAR_CONTROLS,
    ROAF_SCHEDULES,
    SHALLOW,
    SQRT_CONTROLS,
)
from bench.suites.setting import TUNING_SEEDS, Setting, Suite
from bench.suites.trials import DEPTH_RATES
from bench.winners import Trial

CORE = ("body.*",)
SMALL_EPSILON = {"eps": 1e-12}
"""A layer's gradient is of size 1 / depth: Adam's usual 1e-8 would slow the deepest stacks."""
TRIPLE = ("gradient", "states", "weight-gradients")
USE = ("picard-depth", "layer-ablation", "weight-movement")

MODELS = (*ROAF_SCHEDULES, *DEPTH_RIVALS)
ALIVE = ("roaf-mlp", "roaf-mlp-sqrt", "roaf-mlp-isometric", *ALIVE_RIVALS)


def rung(*, updates: int, **more: Any) -> Setting:
    """One depth of the ladder; what the depth is used for is looked at after training alone."""
    looked: dict[str, tuple[int, ...]] = dict.fromkeys(TRIPLE, (0, updates))
    looked |= dict.fromkeys(USE, (updates,))
    return Setting(
        widths={"*": 16},
        updates=updates,
        evaluations=2,
        optimiser_args=SMALL_EPSILON,
        diagnostics=looked,
        **more,
    )


def with_controls(setting: Setting, twins: tuple[str, ...] = ()) -> tuple[Setting, Setting]:
    """The setting with ROAF's twins and the shallow control; its models with their cores frozen."""
    frozen = replace(setting, frozen=CORE, diagnostics={}, watched=False)
    return replace(setting, models=(*setting.models, *twins, SHALLOW)), frozen


def ladder(depths: Iterable[int], twins: tuple[str, ...], **more: Any) -> tuple[Setting, ...]:
    """The depths of a task with all controls."""
    rungs = [rung(depth=depth, models=MODELS, **more) for depth in depths]
    return tuple(setting for each in rungs for setting in with_controls(each, twins))


DIGITS: dict[str, Any] = {"task": "digits-depth", "updates": 40, "batch_size": 128}
DEEPEST = with_controls(rung(depth=10_000, models=ALIVE, seeds=(0,), **DIGITS), SQRT_CONTROLS)
LADDERS = (
    *ladder((1000, 100, 10), SQRT_CONTROLS, task="teacher", updates=150),
    *ladder((1000, 100, 10), (*SQRT_CONTROLS, *LINEAR_CONTROLS), **DIGITS),
    *ladder((100, 10), SQRT_CONTROLS, task="iterated-map", updates=400),
)
SETTINGS = (*DEEPEST, *LADDERS)  # longest first


def shortened(setting: Setting, updates: int) -> Setting:
    """The setting with fewer updates, and nobody looking."""
    return replace(setting, updates=updates, diagnostics={}, watched=False)


def swept(
    settings: Iterable[Setting], rates: tuple[float, ...] = DEPTH_RATES
) -> tuple[Setting, ...]:
    """Every rate for each model and its frozen core, on the tuning seed; the test set unseen."""
    return tuple(
        replace(
            setting,
            trials={model: _trials(setting, model, rates) for model in setting.models},
            seeds=TUNING_SEEDS,
            tested=False,
            evaluations=1,
        )
        for setting in settings
    )


def _trials(setting: Setting, model: str, rates: tuple[float, ...]) -> tuple[Trial, ...]:
    untuned = setting.trials.get(model, (Trial(rates[0]),))
    return tuple(Trial(rate, untuned[0].model_args) for rate in rates)


def at_50_000(setting: Setting, table: str) -> Setting:
    """The same five times as deep, at the rates tuned for 10,000 layers."""
    models = tuple(model for model in CLAIMED if model in setting.models)
    (found,) = tuned([replace(setting, models=models)], table)
    return replace(found, depth=50_000, diagnostics={}, watched=not setting.frozen)


CLAIMED = ("roaf-mlp", "roaf-mlp-sqrt", "resnet-tanh-sqrt", SHALLOW)
FIFTY_THOUSAND = Suite(
    question="Does a network of 50,000 layers train, and does its core do more than a frozen one?",
    budget="about 20 min on 2 CPU cores",
    settings=tuple(at_50_000(setting, "extreme-depth-tuning") for setting in DEEPEST),
    seeds=(0,),
)

TUNING_UPDATES = {"teacher": 100, "digits-depth": 25, "iterated-map": 200}
EXTREME_DEPTH_TUNING = Suite(
    question="Which learning rate suits each model and its frozen core at each depth, seen over "
    "about half the updates?",
    budget="under 30 min on 2 CPU cores",
    settings=swept(
        [
            *(shortened(setting, 20) for setting in DEEPEST),
            *(shortened(setting, TUNING_UPDATES[setting.task]) for setting in LADDERS),
        ]
    ),
)
EXTREME_DEPTH = Suite(
    question="How deep can it be trained, and is the depth used?",
    budget="under 25 min on 2 CPU cores",
    settings=tuned(SETTINGS, "extreme-depth-tuning"),
)
