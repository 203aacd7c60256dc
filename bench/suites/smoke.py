"""Does the machine work? Every model, two updates."""

from bench.suites.names import ALL_DEPTH, ALL_TIME
from bench.suites.setting import Setting, Suite

SMOKE = Suite(
    question="Does the machine work?",
    budget="under 30 s on 2 CPU cores",
    settings=(
        Setting(
            task="adding",
            task_args={"length": 50},
            length=50,
            models=ALL_TIME,
            widths={"*": 16},
            batch_size=8,
            updates=2,
            evaluations=1,
        ),
        Setting(
            task="digits-depth",
            depth=10,
            models=ALL_DEPTH,
            widths={"*": 16},
            batch_size=8,
            updates=2,
            evaluations=1,
        ),
    ),
    seeds=(0,),
)
