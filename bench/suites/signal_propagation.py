"""What becomes of a signal and its gradient, before any training and after a little?

Every model at 32 units, untuned: the same small rate for all, ROAF with beta = 1 / length, the two
usual filters with 8 / length as well, which won on psMNIST. The question is what the gradient does,
not what is learnt. All diagnostics are read from float64 copies. One seed, three where something is
claimed: differences of orders of magnitude can be read off, small ones cannot.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.suites.claim import ABSTRACT, THIS_PROJECT, Claim
from bench.suites.names import (
    ALL_DEPTH,
    ALL_TIME,
    IMAGE_MODELS,
    OWN_SCHEDULES,
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
NEAR = adding(784, ALL_TIME, 30, strengths=(1.0, 8.0))
FARTHEST = replace(adding(10_000, ROAF_MODELS, 10), seeds=SEEDS)
SURVIVING = tuple(model for model in ROAF_SCHEDULES if model != "roaf-mlp-fixed")
"""Of a fixed beta along depth the theory itself says that the gradient vanishes."""
NUMBER = f"{ABSTRACT}; the number is ours"


def claims(model: str, setting: Setting, where: str, **more: Any) -> Iterator[Claim]:
    """That theory's band holds, that what it encloses is near to 1, and the gradient survives."""
    runs: dict[str, Any] = {"model": model, "task": setting.task, "updates": setting.updates}
    runs |= {"task_args": setting.task_args} | more
    runs |= {"depth": setting.depth} if setting.depth else {}
    for says, quantity, source, most in (
        ("singular values of the Jacobian outside of theory's band", "outside_band", ABSTRACT, 0.0),
        ("how many times above or below 1 they lie at most", "farthest_from_one", NUMBER, 2.0),
        ("decades by which the gradient changes on its way", "gradient_decades", NUMBER, 3.0),
    ):
        yield Claim(
            says=f"{model}, {where}, {setting.updates} updates: {says}",
            source=THIS_PROJECT if model in OWN_SCHEDULES else source,
            runs=runs,
            quantity=quantity,
            most=most,
        )


def claimed() -> Iterator[Claim]:
    """Over 10,000 steps, 784 with the beta that won on psMNIST, and 1,000 layers."""
    for model in ROAF_MODELS:
        yield from claims(model, FARTHEST, "10,000 steps, beta = 1 / length")
        strong = roaf_trial(RATES[0], NEAR.length, 8.0).model_args
        yield from claims(model, NEAR, "784 steps, beta = 8 / length", model_args=strong)
    for model in SURVIVING:
        yield from claims(model, DEEP, "1,000 layers")


SIGNAL_PROPAGATION = Suite(
    question="What becomes of a signal and its gradient over 784 steps or 1,000 layers, before any "
    "training and after a little, and does theory hold?",
    budget="some ten minutes on 2 CPU cores",
    settings=(  # longest first
        FARTHEST,
        NEAR,
        replace(NEAR, models=ROAF_MODELS, seeds=SEEDS[1:]),
        DEEP,
        replace(DEEP, models=SURVIVING, seeds=SEEDS[1:]),
        IMAGES,
    ),
    seeds=(0,),
    claims=tuple(claimed()),
)
