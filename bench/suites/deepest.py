"""Fifty thousand layers on MNIST, and a million: do they learn, and more than a frozen core?

32 units, batches of 32, at the rates that `extreme-depth-tuning` found for 10,000 layers of digits:
nothing is tuned anew. ROAF's schedules and scaled residual networks, each with its frozen core,
stand beside residual networks of ROAF's own beta and a shallow network of as many numbers. The
stacks of 200,000 and a million layers have 16 units and update each layer while the gradient comes
down, so that no gradient is kept; the question there is whether the loss falls.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.suites.claim import ABSTRACT, THIS_PROJECT, Claim
from bench.suites.extreme_depth import SMALL_EPSILON, TABLE, TRIPLE
from bench.suites.names import OWN_SCHEDULES, SHALLOW
from bench.suites.setting import CORE, Setting, Suite, unwatched
from bench.suites.trials import default_trial
from bench.winners import Trial, winning_trials

UPDATES = 200
DEPTHS = (50_000, 10_000)
BEYOND = (1_000_000, 200_000)
BEYOND_UPDATES = 30
OURS = ("roaf-mlp", "roaf-mlp-isometric", "roaf-mlp-sqrt")
SLOW = "resnet-sqrt"
"""No fused kernel computes it, so at 50,000 layers an update takes ten times as long: one seed."""
RIVALS = ("resnet-tanh-linear", "resnet-tanh-sqrt", SLOW)
UNTUNED_CORES = ("resnet-tanh-linear", "resnet-tanh-sqrt")
"""ROAF's twins with O = identity, of whose frozen cores no learning rate is known."""
TWINS = {
    "roaf-mlp": UNTUNED_CORES[0],
    "roaf-mlp-isometric": UNTUNED_CORES[0],
    "roaf-mlp-sqrt": UNTUNED_CORES[1],
}
"""Each schedule with the residual network of its beta."""


def stack(depth: int, width: int, updates: int, **more: Any) -> Setting:
    """A stack on MNIST, its gradient and its band read at the start, half way and at the end."""
    settings: dict[str, Any] = {
        "task": "mnist-depth",
        "depth": depth,
        "widths": {"*": width},
        "updates": updates,
        "evaluations": 2,
        "tests": 2,
        "diagnostics": dict.fromkeys(TRIPLE, (0, updates // 2, updates)),
    }
    return Setting(**settings | more)


def found(frozen: tuple[str, ...] = ()) -> dict[str, tuple[Trial, ...]]:
    """The trials that won at 10,000 layers of digits."""
    return winning_trials(TABLE, "digits-depth", {}, 10_000, frozen)


def with_controls(setting: Setting) -> tuple[Setting, Setting]:
    """The setting and a shallow network, and the same with frozen cores."""
    tuned = [model for model in setting.models if model not in UNTUNED_CORES]
    frozen = replace(
        unwatched(setting), models=tuple(tuned), frozen=CORE, trials=found(CORE), tests=1
    )
    return replace(setting, models=(*setting.models, SHALLOW)), frozen


def by_seeds(setting: Setting) -> tuple[Setting, Setting]:
    """The setting with the suite's seeds, and its slow network with one."""
    quick = tuple(model for model in setting.models if model != SLOW)
    return replace(setting, models=quick), replace(setting, models=(SLOW,), seeds=(0,))


def trained(depth: int) -> Setting:
    """32 units; Adam goes once through the weights and not eight times."""
    args = SMALL_EPSILON | {"fused": True}
    return stack(depth, 32, UPDATES, models=(*OURS, *RIVALS), trials=found(), optimiser_args=args)


def beyond(depth: int) -> Setting:
    """16 units, ROAF with beta = 1 / depth alone."""
    (won,) = found().get(OURS[0], (default_trial(OURS[0], 1),))
    trial = replace(won, model_args={**won.model_args, "activation_memory": "sqrt"})
    return stack(
        depth,
        16,
        BEYOND_UPDATES,
        models=OURS[:1],
        trials={OURS[0]: (trial,)},
        optimiser="adam-in-backward",
        optimiser_args=SMALL_EPSILON,
        evaluations=0,  # which would take as long as some hundred updates
        tests=0,
        diagnostics={},
        watched=False,
    )


def claims(depth: int, model: str, twin: str) -> Iterator[Claim]:
    """That it learns, more than the same core frozen, and more than its twin with O = identity."""
    runs: dict[str, Any] = {"task": "mnist-depth", "depth": depth, "model": model, "frozen": ()}
    says = f"MNIST, {model}, {depth:,} layers"
    own = model in OWN_SCHEDULES or depth != DEPTHS[0]
    source = THIS_PROJECT if own else f"{ABSTRACT}; the number is ours"
    yield Claim(says=f"{says}: trains, to 80 % at least", source=source, runs=runs, least=0.8)
    rivals = {
        "its frozen core": {"frozen": CORE},
        f"{twin}, of the same beta": {"model": twin},
    }
    for what, rival in rivals.items():
        yield Claim(
            says=f"{says}: more than {what}",
            source=THIS_PROJECT,
            runs=runs,
            rival=runs | rival,
            least=0.0,
        )


def falling(depth: int) -> Claim:
    """That the loss of a deeper one falls."""
    runs = {"task": "mnist-depth", "depth": depth, "model": OURS[0], "frozen": ()}
    return Claim(
        says=f"MNIST, {OURS[0]}, {depth:,} layers: loss of batch {BEYOND_UPDATES} of 32 images "
        "at most 2.0 (chance 2.3)",
        source=THIS_PROJECT,
        runs=runs,
        quantity="train_loss",
        most=2.0,
    )


DEEPEST = Suite(
    question="Do 50,000 layers learn MNIST, and more than a frozen core of them, and does the loss "
    "of a million layers fall?",
    budget="hours on 2 CPU cores",
    settings=(
        *map(beyond, BEYOND),
        *(
            part
            for depth in DEPTHS
            for controlled in with_controls(trained(depth))
            for part in by_seeds(controlled)
        ),
    ),
    claims=(
        *(c for depth in DEPTHS for pair in TWINS.items() for c in claims(depth, *pair)),
        *map(falling, BEYOND),
    ),
)
