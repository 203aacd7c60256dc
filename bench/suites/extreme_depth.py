"""How deep can it be trained? A ladder of depths, and the tuning that it rests on."""

from dataclasses import replace

from bench.suites.long_memory import tuned
from bench.suites.names import DEPTH_MODELS
from bench.suites.setting import TUNING_SEEDS, Setting, Suite
from bench.suites.trials import RATES
from bench.winners import Trial

LADDER = tuple(
    Setting(
        task="digits-depth",
        depth=depth,
        models=DEPTH_MODELS,
        widths={"*": 32},
        updates=200,
    )
    for depth in (1000, 100, 10)
)


RATE_TRIALS: dict[str, tuple[Trial, ...]] = dict.fromkeys(DEPTH_MODELS, tuple(map(Trial, RATES)))

EXTREME_DEPTH_TUNING = Suite(
    question="Which learning rate suits each model at each depth?",
    budget="about 5 min on 2 CPU cores",
    settings=tuple(
        replace(s, trials=RATE_TRIALS, seeds=TUNING_SEEDS, tested=False, evaluations=1)
        for s in LADDER
    ),
)
EXTREME_DEPTH = Suite(
    question="How deep can it be trained?",
    budget="about 5 min on 2 CPU cores",
    settings=tuned(LADDER, "extreme-depth-tuning"),
)
