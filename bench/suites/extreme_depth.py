"""How deep can it be trained, and is the depth used? A ladder, its controls, and their tuning.

Every model stands beside its frozen core, lift and readout trained alone, and a shallow network of
as many numbers; ROAF beside its twins as well. All have 16 units, the same updates at every depth,
and the rate of six that `extreme-depth-tuning` found for that model, depth and core. At 10,000
layers there is one seed, and only those models run whose gradient is alive before training.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bench.suites.claim import THIS_PROJECT, Claim
from bench.suites.long_memory import tuned
from bench.suites.names import (
    ALIVE_RIVALS,
    DEPTH_RIVALS,
    LINEAR_CONTROLS,
    ROAF_SCHEDULES,
    SHALLOW,
    SQRT_CONTROLS,
)
from bench.suites.setting import CORE, SEEDS, TUNING_SEEDS, Setting, Suite, unwatched
from bench.suites.trials import DEPTH_RATES
from bench.winners import Trial

SMALL_EPSILON = {"eps": 1e-12}
"""A layer's gradient is of size 1 / depth: Adam's usual 1e-8 would slow the deepest stacks."""
TRIPLE = ("gradient", "states", "weight-gradients")
USE = ("picard-depth", "layer-ablation", "weight-movement")

TWINS = (*SQRT_CONTROLS, *LINEAR_CONTROLS)
MODELS = (*ROAF_SCHEDULES, *DEPTH_RIVALS)
ALIVE = ("roaf-mlp", "roaf-mlp-sqrt", "roaf-mlp-isometric", *ALIVE_RIVALS)


def rung(*, updates: int, use: tuple[str, ...] = USE, **more: Any) -> Setting:
    """One depth of the ladder; what the depth is used for is looked at after training alone."""
    looked: dict[str, tuple[int, ...]] = dict.fromkeys(TRIPLE, (0, updates))
    looked |= dict.fromkeys(use, (updates,))
    return Setting(
        widths={"*": 16},
        updates=updates,
        evaluations=2,
        optimiser_args=SMALL_EPSILON,
        diagnostics=looked,
        **more,
    )


def with_controls(setting: Setting) -> tuple[Setting, Setting]:
    """The setting with the shallow control and ROAF's twins; its models with their cores frozen."""
    frozen = replace(unwatched(setting), frozen=CORE)
    return replace(setting, models=(*setting.models, *TWINS, SHALLOW)), frozen


def ladder(depths: Iterable[int], seeds: Sequence[int] = SEEDS, **more: Any) -> tuple[Setting, ...]:
    """The depths of a task with all controls; only the first seed is looked at."""
    first = [rung(depth=depth, models=MODELS, seeds=(seeds[0],), **more) for depth in depths]
    others = [replace(unwatched(each), seeds=tuple(seeds[1:])) for each in first]
    rungs = (*first, *others) if len(seeds) > 1 else first
    return tuple(setting for each in rungs for setting in with_controls(each))


DIGITS: dict[str, Any] = {"task": "digits-depth", "updates": 40, "batch_size": 128}
TEN_THOUSAND_LAYERS = with_controls(
    rung(depth=10_000, models=ALIVE, seeds=(0,), use=("weight-movement",), **DIGITS)
)
"""Without the sweeps and ablations, which would take longer than its training."""
LADDERS = (
    *ladder((1000, 100, 10), task="teacher", updates=100),
    *ladder((1000, 100, 10), **DIGITS),
    *ladder((100, 10), seeds=(0,), task="iterated-map", updates=200),
)
FIRST = tuple(setting for setting in LADDERS if setting.seeds == SEEDS[:1])
OTHERS = tuple(setting for setting in LADDERS if setting.seeds == SEEDS[1:])
SETTINGS = (*TEN_THOUSAND_LAYERS, *FIRST, *OTHERS)


def swept(
    settings: Iterable[Setting], rates: tuple[float, ...] = DEPTH_RATES
) -> tuple[Setting, ...]:
    """Every rate for each model and its frozen core, on the tuning seed; the test set unseen."""
    return tuple(
        replace(
            setting,
            trials={model: _trials(setting, model, rates) for model in setting.models},
            seeds=TUNING_SEEDS,
            tests=0,
            evaluations=1,
        )
        for setting in settings
    )


def _trials(setting: Setting, model: str, rates: tuple[float, ...]) -> tuple[Trial, ...]:
    untuned = setting.trials.get(model, (Trial(rates[0]),))
    return tuple(Trial(rate, untuned[0].model_args) for rate in rates)


CLAIMED = ("roaf-mlp", "roaf-mlp-sqrt", *SQRT_CONTROLS, "resnet-tanh-linear")


def deeper(settings: Iterable[Setting], depth: int) -> tuple[Setting, ...]:
    """The settings at another depth, at the rates tuned for their own, for the claimed models."""
    return tuple(
        replace(
            setting,
            depth=depth,
            models=tuple(model for model in CLAIMED if model in setting.models),
            diagnostics={},
            watched=not setting.frozen,
            seeds=(0,),
        )
        for setting in tuned(settings, TABLE)
    )


TABLE = "extreme-depth-tuning"
SHALLOWEST = [setting for setting in FIRST if (setting.task, setting.depth) == ("digits-depth", 10)]
FIFTY_THOUSAND = Suite(
    question="Does a network of 50,000 layers train, and does its core do more than a frozen one?",
    budget="58 min on 2 CPU cores with other work beside",
    settings=(*deeper(TEN_THOUSAND_LAYERS, 50_000), *deeper(SHALLOWEST, 10)),
)

EXTREME_DEPTH_TUNING = Suite(
    question="Which learning rate suits each model and its frozen core at each depth (at 10,000 "
    "layers over half the updates)?",
    budget="an hour or two on 2 CPU cores",
    settings=swept(
        [
            *(replace(unwatched(s), updates=s.updates // 2) for s in TEN_THOUSAND_LAYERS),
            *map(unwatched, FIRST),
        ]
    ),
)


def claims(task: str, model: str) -> Iterator[Claim]:
    """That a thousand layers are more than a frozen core of them, and more than ten."""
    runs: dict[str, Any] = {"task": task, "depth": 1000, "model": model, "frozen": ()}
    for what, rival in (("its frozen core", {"frozen": CORE}), ("10 layers", {"depth": 10})):
        yield Claim(
            says=f"{task}, {model}, 1,000 layers: more than {what}",
            source=THIS_PROJECT,
            runs=runs,
            rival=runs | rival,
            least=0.0,
        )


EXTREME_DEPTH = Suite(
    question="How deep can it be trained, and is the depth used?",
    budget="20 min on 2 CPU cores",
    settings=tuned(SETTINGS, TABLE),
    claims=tuple(
        claim
        for task in ("teacher", "digits-depth")
        for model in ROAF_SCHEDULES
        for claim in claims(task, model)
    ),
)
