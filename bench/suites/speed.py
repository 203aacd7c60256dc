"""What does a training step cost? ROAF's backends and torch's own networks, taking turns.

A run is a point: a shape and a filter. Nothing is trained: a diagnostic builds every contender and
times it, in one process on two threads. The first points have figures to reach, see
`bench.report.speed_targets`; the corners ask whether what "auto" takes is anywhere slower than the
reference loop; the last run trains, to see that a very long sequence fits into memory. On a GPU it
is the same suite, with `--device cuda`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bench.suites.names import ROAF_MODELS
from bench.suites.setting import Setting, Suite
from bench.suites.trials import RATES, roaf_trial
from bench.winners import Trial

LENGTH = 784
ROTATIONS = ("roaf-rotations",)

Shape = tuple[int, int, int]
"""(time, hidden, batch), or (depth, width, batch)."""
Looks = Mapping[str, tuple[int, ...]]
BESIDE_PEERS: Looks = {"speed": (0,)}
ALONE: Looks = {"backend-speed": (0,)}


def point(shape: Shape, models: tuple[str, ...], diagnostics: Looks, **args: str) -> Setting:
    """ROAF with beta = 1 / length, and these arguments, at one shape along time."""
    length, hidden, batch = shape
    trial = roaf_trial(RATES[0], length, 1.0)
    trial = replace(trial, model_args={**trial.model_args, **args})
    sizes = {"widths": {"*": hidden}, "batch_size": batch, "task_args": {"length": length}}
    return untrained(
        "noise", models=models, trials=dict.fromkeys(models, (trial,)), looks=diagnostics, **sizes
    )


def stack(shape: Shape) -> Setting:
    """RoaMLP with beta = 1 / depth at one shape."""
    depth, width, batch = shape
    return untrained(
        "noise-depth",
        models=("roaf-mlp",),
        trials={"roaf-mlp": (Trial(RATES[0]),)},
        looks=BESIDE_PEERS,
        depth=depth,
        widths={"*": width},
        batch_size=batch,
    )


def untrained(task: str, *, looks: Looks, **more) -> Setting:
    """A setting without any update, on two threads."""
    return Setting(
        task=task,
        updates=0,
        evaluations=0,
        tests=0,
        watched=False,
        threads=2,
        diagnostics=looks,
        **more,
    )


def points(shapes: Iterable[tuple[int, int]], models: tuple[str, ...]) -> list[Setting]:
    """Points beside torch's networks, of (hidden, batch)."""
    return [point((LENGTH, *shape), models, BESIDE_PEERS) for shape in shapes]


FIGURES = (
    *points([(64, 32), (128, 32), (256, 32), (128, 1), (128, 128), (256, 128)], ROAF_MODELS),
    *points([(1024, 1)], ROTATIONS),
)
CORNERS = (
    *((64, hidden, batch) for hidden in (64, 512) for batch in (1, 128)),
    *((10_000, 64, 1), (10_000, 64, 128), (10_000, 512, 1)),
)
"""The eighth, 512 units and a batch of 128 over 10,000 steps, needs 16 GB in the reference loop."""
VERY_LONG = point((100_000, 128, 16), ROTATIONS, {}, activation_memory="sqrt")
SPEED = Suite(
    question="What does a training step cost, beside torch's own networks and the reference loop?",
    budget="some 25 min on 2 CPU cores",
    settings=(
        *FIGURES,
        *(point(shape, ROAF_MODELS, ALONE) for shape in CORNERS),
        *map(stack, [(10_000, 16, 32), (10_000, 64, 64)]),
        replace(VERY_LONG, updates=2),
    ),
    seeds=(0,),
    timed=True,
)
