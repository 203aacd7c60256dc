"""The suites: a question each, and the runs that answer it. Nothing here imports torch.

A suite is Python, in review: no flag changes a scientific choice. To add one: a line in `SUITES`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.plugins import Table, extended
from bench.records import RunSpec
from bench.winners import Trial, winning_trials

SEEDS = (0, 1, 2)
TUNING_SEEDS = (1000,)
"""Never among the seeds reported."""
RATES = (1e-3, 3e-3, 1e-2)
MORE_RATES = (1e-4, 3e-4, *RATES, 3e-2)

ROAF_MODELS = ("roaf", "roaf-rotations")
ROAF_FILTERS = (*ROAF_MODELS, "roaf-permutation", "roaf-identity")
TIME_RIVALS = ("elman", "irnn", "lstm", "gru", "exprnn", "urnn", "antisymmetric", "cornn")
TIME_MODELS = (*ROAF_MODELS, *TIME_RIVALS)
DEPTH_MODELS = ("roaf-mlp", "roaf-mlp-sqrt", "mlp", "resnet", "resnet-sqrt")

# Widths with the trainable parameters of a ROAF of 128 units within 5 % (a test counts them). The
# unitary RNN would need 395 to 1,056 complex units; it has 128, and fewer parameters.
MATCHED = {"*": 128, "lstm": 64, "gru": 74, "exprnn": 178, "antisymmetric": 178, "cornn": 92}
MATCHED_COPY = {"*": 128, "lstm": 62, "gru": 72, "exprnn": 176, "antisymmetric": 176, "cornn": 92}

# Lezcano-Casado & Martinez-Rubio 2019: the orthogonal matrix learns at a tenth of the rate.
RATE_SCALES = {"exprnn": {"*parametrizations*": 0.1}}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One task of a suite and its budget, the same for every model.

    `trials` lists for a model what is tried, one run a seed each, `widths` its width; the key "*"
    serves every model not named. A model that is in neither takes `default_trial`.
    """

    task: str
    models: tuple[str, ...]
    updates: int
    batch_size: int = 32
    length: int = 1
    task_args: Mapping[str, Any] = field(default_factory=dict)
    depth: int | None = None
    widths: Mapping[str, int] = field(default_factory=lambda: {"*": 128})
    trials: Mapping[str, tuple[Trial, ...]] = field(default_factory=dict)
    schedule: str = "cosine"
    evaluations: int = 4
    tested: bool = True
    seeds: tuple[int, ...] | None = None

    def specs(self, suite: str, models: Iterable[str], seeds: Sequence[int]) -> list[RunSpec]:
        """A run for each model, trial and seed, unresolved."""
        return [
            self._spec(suite, model, trial, seed)
            for model in models
            for trial in self.trials.get(model, (default_trial(model, self.length),))
            for seed in seeds
        ]

    def _spec(self, suite: str, model: str, trial: Trial, seed: int) -> RunSpec:
        return RunSpec(
            suite=suite,
            task=self.task,
            task_args=self.task_args,
            model=model,
            model_args=trial.model_args,
            seed=seed,
            width=self.widths.get(model, self.widths["*"]),
            depth=self.depth,
            learning_rate=trial.learning_rate,
            rate_scales=RATE_SCALES.get(model, {}),
            batch_size=self.batch_size,
            updates=self.updates,
            output_scale=trial.output_scale,
            schedule=self.schedule,
            validate_at=evenly(self.updates, self.evaluations),
            test_at=(self.updates,) if self.tested else (),
            gradients_at=logarithmic(self.updates),
        )


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A question, the settings that answer it, and the seeds of the repetitions."""

    question: str
    budget: str
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...] = SEEDS


def evenly(updates: int, count: int) -> tuple[int, ...]:
    """`count` steps evenly spread, the last one at the end."""
    return tuple(sorted({max(1, updates * k // count) for k in range(1, count + 1)}))


def logarithmic(updates: int) -> tuple[int, ...]:
    """0, the powers of four, and the last update: where gradients are measured."""
    powers = [4**k for k in range(updates.bit_length()) if 4**k < updates - 1]
    return tuple(sorted({0, *powers, updates - 1}))


def roaf_trial(rate: float, length: int, c: float) -> Trial:
    """ROAF with alpha = 1 - c / length.

    A state fed beta * tanh at each of `length` steps has a size of about beta * sqrt(length); the
    readout is given it at unit size. The rivals' outputs are read as they are.
    """
    beta = c / length
    return Trial(rate, {"alpha": 1 - beta}, 1 / (beta * length**0.5))


def default_trial(model: str, length: int) -> Trial:
    """What a model is run with where nothing was tuned."""
    return roaf_trial(RATES[-1], length, 8.0) if model in ROAF_FILTERS else Trial(RATES[0])


def six_trials(length: int) -> dict[str, tuple[Trial, ...]]:
    """Six trials for each model: two settings of its own at three rates, else six rates.

    ROAF: c = 1 and 8. LSTM: forget bias 1, and chrono initialisation (Tallec & Ollivier 2018).
    expRNN: its paper's two initialisations. coRNN: its paper's values for psMNIST and for adding.
    AntisymmetricRNN: two step sizes of its paper's grid.
    """
    own: dict[str, tuple[Mapping[str, Any], ...]] = {
        "lstm": ({}, {"chrono_length": length}),
        "exprnn": ({"initialisation": "cayley"}, {"initialisation": "henaff"}),
        "cornn": ({}, {"time_step": 0.06, "gamma": 66.0, "epsilon": 15.0}),
        "antisymmetric": ({}, {"epsilon": 0.1}),
    }
    trials = {model: tuple(Trial(rate) for rate in MORE_RATES) for model in TIME_RIVALS}
    trials |= {m: tuple(Trial(r, args) for args in both for r in RATES) for m, both in own.items()}
    roaf = tuple(roaf_trial(rate, length, c) for c in (1.0, 8.0) for rate in RATES)
    return trials | dict.fromkeys(ROAF_MODELS, roaf)


SMOKE = (
    Setting(
        task="adding",
        task_args={"length": 50},
        length=50,
        models=(*ROAF_FILTERS, *TIME_RIVALS),
        widths={"*": 16},
        batch_size=8,
        updates=2,
        evaluations=1,
    ),
    Setting(
        task="digits-depth",
        depth=10,
        models=(*DEPTH_MODELS, "roaf-mlp-isometric"),
        widths={"*": 16},
        batch_size=8,
        updates=2,
        evaluations=1,
    ),
)

EPOCH = 1719  # updates of 32 in 55,000 images

PSMNIST = Setting(
    task="psmnist-92916",
    length=784,
    models=("gru", "lstm", "roaf-rotations"),
    widths=MATCHED,
    updates=EPOCH,
    evaluations=2,
    seeds=(0,),
)
ADDING = Setting(
    task="adding",
    task_args={"length": 50},
    length=50,
    models=TIME_MODELS,
    widths=MATCHED,
    updates=1000,
)
COPYING = Setting(
    task="copy/urnn",
    task_args={"length": 200},
    length=220,
    models=TIME_MODELS,
    widths=MATCHED_COPY,
    batch_size=16,
    updates=400,
)
DIGITS = Setting(
    task="psdigits",
    length=64,
    models=TIME_MODELS,
    widths=MATCHED,
    updates=300,
)
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


def tuning(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """The settings with six trials a model on the tuning seed; the test set stays unseen."""
    return tuple(_tuning(setting, six_trials(setting.length)) for setting in settings)


def tuned(settings: Iterable[Setting], table: str) -> tuple[Setting, ...]:
    """The settings with each model's winning trial, from the committed table."""
    return tuple(
        replace(s, trials=winning_trials(table, s.task, s.task_args, s.depth)) for s in settings
    )


def depth_tuning(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """The settings with the three rates for each model on the tuning seed."""
    rates = tuple(Trial(rate) for rate in RATES)
    trials: dict[str, tuple[Trial, ...]] = dict.fromkeys(DEPTH_MODELS, rates)
    return tuple(_tuning(setting, trials) for setting in settings)


def _tuning(setting: Setting, trials: Mapping[str, tuple[Trial, ...]]) -> Setting:
    return replace(setting, trials=trials, seeds=TUNING_SEEDS, tested=False, evaluations=1)


SUITES: dict[str, Suite] = {
    "smoke": Suite(
        question="Does the machine work?",
        budget="under 30 s on 2 CPU cores",
        settings=SMOKE,
        seeds=(0,),
    ),
    "long-memory-tuning": Suite(
        question="Which learning rate, and which setting of its own, suits each model?",
        budget="about 45 min on 2 CPU cores",
        settings=tuning((replace(PSMNIST, updates=430), COPYING, ADDING, DIGITS)),
    ),
    "long-memory": Suite(
        question="What is remembered, given the same data, updates and trials, and about 17,000 "
        "parameters (the unitary RNN has fewer)?",
        budget="about 22 min on 2 CPU cores",
        settings=tuned((PSMNIST, COPYING, ADDING, DIGITS), "long-memory-tuning"),
    ),
    "extreme-depth-tuning": Suite(
        question="Which learning rate suits each model at each depth?",
        budget="about 5 min on 2 CPU cores",
        settings=depth_tuning(LADDER),
    ),
    "extreme-depth": Suite(
        question="How deep can it be trained?",
        budget="about 5 min on 2 CPU cores",
        settings=tuned(LADDER, "extreme-depth-tuning"),
    ),
}


def all_suites(plugins: Sequence[Path] = ()) -> Table:
    """The suites there are, with the plug-ins' added."""
    return extended("suites", SUITES, plugins, lambda value: isinstance(value, Suite))
