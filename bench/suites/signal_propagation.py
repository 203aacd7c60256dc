"""What becomes of a signal and its gradient, before any training and after a little?

Every model at 32 units, untuned: the same small rate for all, ROAF with beta = 1 / length, the two
usual filters with 8 / length as well, which won on psMNIST. The question is what the gradient does,
not what is learnt. All diagnostics are read from float64 copies. One seed, three where something is
claimed: differences of orders of magnitude can be read off, small ones cannot.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.suites.claim import ABSTRACT, Claim
from bench.suites.names import (
    ALL_DEPTH,
    ALL_TIME,
    IMAGE_MODELS,
    ROAF_FILTERS,
    ROAF_MODELS,
    ROAF_SCHEDULES,
)
from bench.suites.setting import SEEDS, Setting, Suite
from bench.suites.trials import LEAKS, RATES, leak_trial, roaf_trial
from bench.winners import Trial

CHEAP = ("gradient", "spectrum", "step-gains", "states")
SMALLER = {"s4d": {"state_size": 8}, "mamba": {"state_size": 4, "expansion": 1}}
"""A spectrum costs the cube of the state's size, which the defaults make 1,200 to 2,000 numbers."""


def looks(updates: int, *once: str) -> dict[str, tuple[int, ...]]:
    """The cheap diagnostics at the start and the end, the further ones at the start alone."""
    twice: dict[str, tuple[int, ...]] = dict.fromkeys(CHEAP, (0, updates))
    return twice | dict.fromkeys(once, (0,))


def adding(
    length: int, models: tuple[str, ...], updates: int, strengths: tuple[float, ...] = (1.0,)
) -> Setting:
    """The adding task, whose loss is at its last step alone; beta * length of the usual filters."""
    trials = {model: (Trial(RATES[0], args),) for model, args in SMALLER.items()}
    trials |= dict.fromkeys(ROAF_FILTERS, (roaf_trial(RATES[0], length, 1.0),))
    trials |= {model: (leak_trial(model, RATES[0], length, 1.0),) for model in LEAKS}
    usual = tuple(roaf_trial(RATES[0], length, c) for c in strengths)
    trials |= dict.fromkeys(ROAF_MODELS, usual)
    return Setting(
        task="adding",
        task_args={"length": length},
        length=length,
        models=models,
        trials=trials,
        widths={"*": 32},
        updates=updates,
        evaluations=0,
        tests=0,
        diagnostics=looks(updates, "input-gradient", "signal-to-noise", "memory-horizon"),
    )


DEEP = Setting(
    task="digits-depth",
    depth=1000,
    models=tuple(model for model in ALL_DEPTH if model not in IMAGE_MODELS),
    widths={"*": 32},
    updates=10,
    evaluations=0,
    tests=0,
    diagnostics=looks(10, "signal-to-noise", "picard-depth") | {"weight-gradients": (0, 10)},
)
IMAGES = replace(
    DEEP,
    models=IMAGE_MODELS,
    widths={"*": 8},
    diagnostics={"gradient": (0, 10), "states": (0, 10), "weight-gradients": (0, 10)},
)
"""An image of 8 channels is a state of 512 numbers; their spectrum would take minutes a model."""
FARTHEST = replace(adding(10_000, ROAF_MODELS, 10), seeds=SEEDS)
SURVIVING = tuple(model for model in ROAF_SCHEDULES if model != "roaf-mlp-fixed")
"""Of a fixed beta along depth the theory itself says that the gradient vanishes."""
CLAIMED = (*((model, FARTHEST) for model in ROAF_MODELS), *((model, DEEP) for model in SURVIVING))


def claims(model: str, setting: Setting) -> Iterator[Claim]:
    """That theory's band holds, and that the gradient survives."""
    runs: dict[str, Any] = {"model": model, "task": setting.task, "task_args": setting.task_args}
    runs |= {"updates": setting.updates}
    runs |= {"depth": setting.depth} if setting.depth else {}
    where = f"{setting.depth or setting.length:,} {'layers' if setting.depth else 'steps'}"
    yield Claim(
        says=f"{model}, {where}: singular values of the Jacobian outside of theory's band",
        source=ABSTRACT,
        runs=runs,
        quantity="outside_band",
        most=0.0,
    )
    yield Claim(
        says=f"{model}, {where}: decades by which the gradient's norm changes on its way",
        source=f"{ABSTRACT}; the number is ours",
        runs=runs,
        quantity="gradient_decades",
        most=3.0,
    )


SIGNAL_PROPAGATION = Suite(
    question="What becomes of a signal and its gradient over 784 steps or 1,000 layers, before any "
    "training and after a little, and does theory hold?",
    budget="some ten minutes on 2 CPU cores",
    settings=(  # longest first
        FARTHEST,
        adding(784, ALL_TIME, 30, strengths=(1.0, 8.0)),
        DEEP,
        replace(DEEP, models=SURVIVING, seeds=SEEDS[1:]),
        IMAGES,
    ),
    seeds=(0,),
    claims=tuple(claim for model, setting in CLAIMED for claim in claims(model, setting)),
)
