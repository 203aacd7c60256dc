"""A suite: a question, and the settings whose runs answer it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.records import RunSpec
from bench.suites.claim import Claim
from bench.suites.trials import RATE_SCALES, default_trial
from bench.winners import Trial

SEEDS = (0, 1, 2)
TUNING_SEEDS = (1000,)
"""Never among the seeds reported."""
CORE = ("body.*",)
"""What is frozen where lift and readout alone are trained."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One task of a suite and its budget, the same for every model.

    `trials` lists for a model what is tried, one run a seed each, `widths` its width; the key "*"
    serves every model not named. A model that is in neither takes `default_trial`. The looks at the
    validation set (`evaluations`) and at the test set (`tests`) are spread evenly. Where
    `diagnostics` say at which updates each is read, the gradient is theirs to read; where a setting
    is not `watched`, no one reads it. `together` says of a model how many of its runs, which differ
    in seed and learning rate, may share a launch; nothing is then timed.
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
    optimiser: str = "adam"
    optimiser_args: Mapping[str, Any] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    evaluations: int = 4
    tests: int = 1
    watched: bool = True
    diagnostics: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seeds: tuple[int, ...] | None = None
    threads: int = 1
    together: Mapping[str, int] = field(default_factory=lambda: {"*": 1})

    def specs(self, suite: str, models: Iterable[str], seeds: Sequence[int]) -> list[RunSpec]:
        """A run for each model, trial and seed, unresolved."""
        return [
            self._spec(suite, model, trial, seed)
            for model in models
            for trial in self._tried(model)
            for seed in seeds
        ]

    def _tried(self, model: str) -> tuple[Trial, ...]:
        usual = self.trials.get("*") or (default_trial(model, self.length),)
        return self.trials.get(model, usual)

    def at_once(self, model: str) -> int:
        """How many runs of the model may share a launch."""
        return self.together.get(model, self.together.get("*", 1))

    def _optimiser(self, decay: float) -> dict[str, Any]:
        """The setting's own, or AdamW in place of Adam for a trial with a weight decay."""
        args = dict(self.optimiser_args)
        if not decay:
            return {"optimiser": self.optimiser, "optimiser_args": args}
        return {"optimiser": "adamw", "optimiser_args": args | {"weight_decay": decay}}

    def _spec(self, suite: str, model: str, trial: Trial, seed: int) -> RunSpec:
        watched = self.watched and not self.diagnostics
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
            **self._optimiser(trial.weight_decay),
            gradient_clip=trial.gradient_clip,
            frozen=self.frozen,
            validate_at=evenly(self.updates, self.evaluations),
            test_at=evenly(self.updates, self.tests),
            gradients_at=logarithmic(self.updates) if watched else (),
            diagnostics={name: list(steps) for name, steps in self.diagnostics.items()},
            threads=self.threads,
        )


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A question, the settings that answer it, the seeds of the repetitions, and the claims that
    are held against its runs.

    Where its runs are `timed`, never two go at once.
    """

    question: str
    budget: str
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...] = SEEDS
    timed: bool = False
    claims: tuple[Claim, ...] = ()

    def specs(self, name: str) -> list[RunSpec]:
        """Every run of the suite, which has that name, unresolved."""
        return [
            spec
            for setting in self.settings
            for spec in setting.specs(name, setting.models, setting.seeds or self.seeds)
        ]


def unwatched(setting: Setting) -> Setting:
    """The setting with nobody looking."""
    return replace(setting, diagnostics={}, watched=False)


def evenly(updates: int, count: int) -> tuple[int, ...]:
    """`count` steps evenly spread, the last one at the end."""
    return tuple(sorted({max(1, updates * k // count) for k in range(1, count + 1)}))


def logarithmic(updates: int) -> tuple[int, ...]:
    """0, the powers of four, and the last update: where gradients are measured."""
    powers = [4**k for k in range(updates.bit_length()) if 4**k < updates - 1]
    return tuple(sorted({0, *powers, updates - 1}))
