"""Does the filter matter, and what of it; and how much of each step should be the filter's?

Every filter at one budget and with a search of its own, on copying over 200 and 1,000 steps and on
permuted MNIST in one epoch, 128 units each. Rotations of pairs of units differ from a Haar matrix
in two ways: their eigenangles are independent, a Haar matrix's repel; and they leave each pair to
itself, a Haar matrix mixes all units, on which phi acts one by one. Two more filters differ in one
of these alone: "haar-rotations" has Haar's angles on pairs of units, "mixed-rotations" independent
angles in a Haar basis. Like whom they are tells which it is. Adam, too, treats numbers one by one:
the same four filters are trained by gradient descent with momentum, at rates over two decades.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bench.suites.claim import THIS_PROJECT, Claim, Fields
from bench.suites.long_memory import tuned
from bench.suites.names import ROAF_FILTERS
from bench.suites.psmnist import epochs
from bench.suites.setting import SEEDS, TUNING_SEEDS, Setting, Suite, unwatched
from bench.suites.ten_thousand import Make, copying, six, sparse
from bench.suites.trials import roaf_trial
from bench.winners import Trial

TABLE = "filters-tuning"
DECADES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""(1 - alpha) * length."""
USUAL = "roaf-rotations"
APART = ("roaf", USUAL, "roaf-mixed-rotations", "roaf-haar-rotations")
SGD_RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
FIELDS = ("task", "task_args", "model", "model_args", "learning_rate", "optimiser")

MAKERS: tuple[tuple[Setting, Make, tuple[float, float], int], ...] = (
    (copying(200, ROAF_FILTERS), sparse, (0.1, 1.0), 2),
    (copying(1000, ROAF_FILTERS), sparse, (0.1, 1.0), 2),
    (epochs(1, ROAF_FILTERS, SEEDS, {"*": 128}), roaf_trial, (2.0, 8.0), 3),
)
"""Each task, how its trials are made, the two strengths that are tried, and the share of the budget
that is spent on a trial: a half, or a third."""


def searched(setting: Setting, make: Make, strengths: Sequence[float], share: int) -> Setting:
    """Six trials a filter, in a share of the updates."""
    trials = six(make, setting.length, strengths)
    return replace(
        unwatched(setting),
        trials=dict.fromkeys(setting.models, trials),
        updates=setting.updates // share,
        seeds=TUNING_SEEDS,
        tests=0,
        evaluations=1,
    )


def won(setting: Setting, make: Make) -> Trial:
    """The usual filter's trial; before there is a search, one with c = 1."""
    return setting.trials.get(USUAL, (make(1e-2, setting.length, 1.0),))[0]


def of_the_usual(
    setting: Setting, trials: Callable[[Trial], Sequence[Trial]], make: Make
) -> Setting:
    """The setting for the usual filter alone, with these in place of the trial that won."""
    own = tuple(trials(won(setting, make)))
    return replace(unwatched(setting), models=(USUAL,), trials={USUAL: own})


def strengths(setting: Setting, make: Make) -> Setting:
    """(1 - alpha) * length over two decades, at the rate that won; what won is there already."""

    def each(trial: Trial) -> list[Trial]:
        known = setting.length * (1 - trial.model_args["alpha"])
        others = [c for c in DECADES if not math.isclose(c, known)]
        return [make(trial.learning_rate, setting.length, c) for c in others]

    return of_the_usual(setting, each, make)


def couplings(setting: Setting, make: Make) -> Setting:
    """The beta that won, with alpha^2 + beta^2 = 1 and with alpha = 1 in place of alpha + beta."""

    def each(trial: Trial) -> list[Trial]:
        beta = 1 - trial.model_args["alpha"]
        alphas = math.sqrt(1 - beta**2), 1.0
        args = [{**trial.model_args, "alpha": alpha, "beta": beta} for alpha in alphas]
        return [replace(trial, model_args=own) for own in args]

    return of_the_usual(setting, each, make)


def by_descent(setting: Setting, make: Make) -> Setting:
    """The four filters with c = 1 by stochastic gradient descent with momentum, at each rate."""
    trials = dict.fromkeys(APART, tuple(make(rate, setting.length, 1.0) for rate in SGD_RATES))
    plain = {"optimiser": "sgd", "optimiser_args": {"momentum": 0.9}}
    return replace(unwatched(setting), models=APART, trials=trials, **plain)


def fields(setting: Setting, model: str, trial: int = 0) -> dict[str, Any]:
    """What tells the model's runs of that trial from all others of the suite."""
    spec = setting.specs("filters", (model,), (0,))[trial]
    return {name: getattr(spec, name) for name in FIELDS}


def claims(setting: Setting, make: Make) -> Iterator[Claim]:
    """That the filter matters; which of the two ways in which rotations differ from a Haar matrix
    it is; and that alpha + beta = 1 serves better than its alternatives."""
    haar, usual, mixed, paired = (fields(setting, model) for model in APART)
    identity = fields(setting, "roaf-identity")
    norm, sum_above = (fields(couplings(setting, make), USUAL, trial) for trial in (0, 1))
    pairs: dict[str, tuple[Fields, Fields]] = {
        "rotations more than the identity": (usual, identity),
        "rotations more than a Haar matrix": (usual, haar),
        "a Haar matrix's angles on pairs of units more than the Haar matrix": (paired, haar),
        "independent angles in a Haar basis more than the Haar matrix": (mixed, haar),
        "rotations, alpha + beta = 1 more than alpha^2 + beta^2 = 1": (usual, norm),
        "rotations, alpha + beta = 1 more than alpha = 1": (usual, sum_above),
    }
    where = ", ".join([setting.task, *(f"{name} {n}" for name, n in setting.task_args.items())])
    for says, (runs, rival) in pairs.items():
        yield Claim(says=f"{where}: {says}", source=THIS_PROJECT, least=0.0, runs=runs, rival=rival)


FILTERS_TUNING = Suite(
    question="Which (1 - alpha) * length and learning rate suit ROAF with each filter?",
    budget="about an hour on 2 CPU cores",
    settings=tuple(searched(*line) for line in MAKERS),
)
TUNED = [(tuned((line[0],), TABLE)[0], line[1]) for line in MAKERS]
FILTERS = Suite(
    question="Does the filter matter, by its angles or by its axes; which alpha suits, and must it "
    "be 1 - beta?",
    budget="about two hours on 2 CPU cores",
    settings=(
        *(setting for setting, _ in TUNED),
        by_descent(*TUNED[0]),
        *(sweep(*line) for line in TUNED for sweep in (strengths, couplings)),
    ),
    claims=tuple(claim for line in TUNED for claim in claims(*line)),
)
