"""Is anything learnt from ten thousand steps back? Adding and copying, from 1,000 steps on.

All have 128 units. The settings are tuned at 1,000 steps, six trials a model and half the updates,
and carried further without a new search: a ROAF keeps c = (1 - alpha) * length. Only ROAF goes to
10,000 steps here, with the filter that solved the task at 1,000, and once to 100,000; rivals go as
far as two CPU cores carry them. With a frozen core only the readout learns: what an echo state
network would remember.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bench.suites.claim import ABSTRACT, THIS_PROJECT, Claim
from bench.suites.long_memory import tuned
from bench.suites.names import ROAF_MODELS
from bench.suites.setting import CORE, TUNING_SEEDS, Setting, Suite, unwatched
from bench.suites.trials import carried, roaf_trial, six_trials
from bench.winners import Trial

TABLE = "ten-thousand-steps-tuning"
SHORTEST, SHORT, FAR, LONGEST, BEYOND = 1000, 2000, 5000, 10_000, 100_000
RATES = (3e-3, 1e-2, 3e-2)
"""Higher than elsewhere: over 200 steps most of these copied best at 1e-2, the upper end."""
RIVALS = ("exprnn", "cornn", "lstm", "lem")
FURTHER = ("exprnn",)
ADDER, COPIER = "roaf-reflections", "roaf-rotations"


Make = Callable[[float, int, float], Trial]


def summing(rate: float, length: int, c: float) -> Trial:
    """ROAF for a sum: with a ReLU, which is silent at most of the steps."""
    usual = roaf_trial(rate, length, c)
    return replace(usual, model_args={**usual.model_args, "nonlinearity": "relu"})


def sparse(rate: float, length: int, c: float) -> Trial:
    """ROAF where few steps say something: each leaves beta * tanh in the state, and the readout is
    given that at unit size."""
    return replace(roaf_trial(rate, length, c), output_scale=length / c)


def six(make: Make, length: int, strengths: Sequence[float]) -> tuple[Trial, ...]:
    """Two strengths at three rates."""
    return tuple(make(rate, length, c) for c in strengths for rate in RATES)


def setting(
    task: str, length: int, steps: int, models: Sequence[str], updates: int, **more: Any
) -> Setting:
    """A length of a task, which has so many steps; its gradient read at both ends and half way."""
    return Setting(
        task=task,
        task_args={"length": length},
        length=steps,
        models=tuple(models),
        updates=updates,
        evaluations=20,
        diagnostics={"gradient": (0, updates // 2, updates)},
        **more,
    )


def adding(length: int, models: Sequence[str]) -> Setting:
    """1,000 updates of 32; 3,000 from 5,000 steps on, as 1,000 were seen not to do at 10,000."""
    return setting("adding", length, length, models, 1000 if length < FAR else 3000)


def copying(length: int, models: Sequence[str]) -> Setting:
    """500 updates of 16; 1,000 at 5,000 and 10,000 steps, as 500 recalled but 97 % at 10,000; 300
    at 100,000, three quarters of an hour of a core."""
    updates = 500 if length < FAR else 1000 if length < BEYOND else 300
    return setting("copy/urnn", length, length + 20, models, updates, batch_size=16)


def tried(short: Setting, own: dict[str, tuple[Trial, ...]]) -> Setting:
    """The setting with six trials a model, half the updates, and nobody looking."""
    return replace(
        unwatched(short),
        trials=six_trials(short.length, RATES) | own,
        updates=short.updates // 2,
        seeds=TUNING_SEEDS,
        tests=0,
        evaluations=1,
    )


def longer(short: Setting, further: Setting, growth: float) -> Setting:
    """A longer setting with the trials of the short one; see `carried`."""
    trials = {
        model: tuple(carried(trial, short.length, further.length, growth) for trial in own)
        for model, own in short.trials.items()
    }
    return replace(further, trials=trials)


ADDING = adding(SHORTEST, (*ROAF_MODELS, ADDER, *RIVALS))
COPYING = copying(SHORTEST, (*ROAF_MODELS, *RIVALS))
ECHO = replace(unwatched(COPYING), models=ROAF_MODELS, frozen=CORE)
ADDERS = {model: six(roaf_trial, ADDING.length, (0.05, 1.0)) for model in ROAF_MODELS}
ADDERS[ADDER] = six(summing, ADDING.length, (0.05, 1.0))
COPIERS = {model: six(sparse, COPYING.length, (0.1, 1.0)) for model in ROAF_MODELS}

TUNED = tuned((COPYING, ADDING, ECHO), TABLE)


def at(length: int, *rivals: str) -> tuple[Setting, Setting]:
    """Copying and adding at that length, by the ROAF that solved them at 1,000 and these rivals."""
    return (
        longer(TUNED[0], copying(length, (COPIER, *rivals)), 1.0),
        longer(TUNED[1], adding(length, (ADDER, *rivals)), 0.5),
    )


LONG = (*at(LONGEST), *at(FAR), *at(SHORT, *FURTHER))
LONGER = tuple(replace(unwatched(each), seeds=(0,), evaluations=2) for each in at(BEYOND))
"""Nobody looks at a gradient here: in float64 with every state kept it takes over 20 GB."""


def solved(of: Setting, how: str, **bound: Any) -> Claim:
    """That ROAF solves the task at that length; the paper says so of 10,000 steps."""
    (model,) = of.models
    runs = {"task": of.task, "task_args": of.task_args, "model": model, "updates": of.updates}
    says = (
        f"{of.task} over {of.task_args['length']:,} steps, {model}, {of.updates:,} updates: {how}"
    )
    paper = f"{ABSTRACT}; task, filter and number are ours"
    source = paper if of.task_args["length"] == LONGEST else THIS_PROJECT
    return Claim(says=says, source=source, runs=runs | {"frozen": ()}, **bound)


CLAIMS = tuple(
    claim
    for length in (SHORTEST, SHORT, FAR, LONGEST, BEYOND)
    for claim in (
        solved(adding(length, (ADDER,)), "squared error at most 0.01", most=0.01),
        solved(copying(length, (COPIER,)), "99 % recalled", least=0.99),
    )
)

TEN_THOUSAND_STEPS_TUNING = Suite(
    question="Which learning rate, and which setting of its own, suits each model at 1,000 steps?",
    budget="hours on 2 CPU cores",
    settings=(tried(COPYING, COPIERS), tried(ADDING, ADDERS), tried(ECHO, COPIERS)),
)
TEN_THOUSAND_STEPS = Suite(
    question="Is anything learnt from ten thousand steps back?",
    budget="hours on 2 CPU cores",
    settings=(*TUNED, *LONG, *LONGER),
    claims=CLAIMS,
)
