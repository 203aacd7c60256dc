"""The suites: a question each, and the runs that answer it. Nothing here imports torch.

A suite is Python, in review: no flag changes a scientific choice. To add one: a line in `SUITES`.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.records import RunSpec

WINNERS = Path(__file__).parent / "winners"
SEEDS = (0, 1, 2)
TUNING_SEEDS = (1000,)
"""Never among the seeds reported."""
RATES = (1e-3, 3e-3, 1e-2)
DEFAULT_RATE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One task of a suite and its budget, the same for every model.

    `widths` gives a model's width, `rates` its learning rates (one run each), `model_args` and
    `output_scales` what else differs; the key "*" serves every model not named.
    """

    task: str
    models: tuple[str, ...]
    updates: int
    batch_size: int
    task_args: Mapping[str, Any] = field(default_factory=dict)
    depth: int | None = None
    widths: Mapping[str, int] = field(default_factory=lambda: {"*": 128})
    rates: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: {"*": (DEFAULT_RATE,)})
    model_args: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    output_scales: Mapping[str, float] = field(default_factory=dict)
    schedule: str = "constant"
    evaluations: int = 4
    seeds: tuple[int, ...] | None = None

    def specs(self, suite: str, models: Iterable[str], seeds: Sequence[int]) -> list[RunSpec]:
        """A run for each model, rate and seed, unresolved."""
        return [
            self._spec(suite, model, rate, seed)
            for model in models
            for rate in _of(self.rates, model, (DEFAULT_RATE,))
            for seed in seeds
        ]

    def _spec(self, suite: str, model: str, rate: float, seed: int) -> RunSpec:
        return RunSpec(
            suite=suite,
            task=self.task,
            task_args=self.task_args,
            model=model,
            model_args=_of(self.model_args, model, {}),
            seed=seed,
            width=_of(self.widths, model, 128),
            depth=self.depth,
            learning_rate=rate,
            batch_size=self.batch_size,
            updates=self.updates,
            output_scale=_of(self.output_scales, model, 1.0),
            schedule=self.schedule,
            validate_at=evenly(self.updates, self.evaluations),
            test_at=(self.updates,),
            gradients_at=logarithmic(self.updates),
        )


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A question, the settings that answer it, and the seeds of the repetitions."""

    question: str
    budget: str
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...] = SEEDS


def _of(table: Mapping[str, Any], model: str, default: Any) -> Any:
    return table.get(model, table.get("*", default))


def evenly(updates: int, count: int) -> tuple[int, ...]:
    """`count` steps evenly spread, the last one at the end."""
    return tuple(sorted({max(1, updates * k // count) for k in range(1, count + 1)}))


def logarithmic(updates: int) -> tuple[int, ...]:
    """0, the powers of four, and the last update: where gradients are measured."""
    powers = [4**k for k in range(updates.bit_length()) if 4**k < updates - 1]
    return tuple(sorted({0, *powers, updates - 1}))


def winning_rates(table: str, task: str, task_args: Mapping[str, Any]) -> dict[str, tuple[float]]:
    """The tuned rate of each model on a task, from the committed table; others take the default."""
    with (WINNERS / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = [r for r in rows if r["task"] == task and json.loads(r["task_args"]) == task_args]
    return {r["model"]: (float(r["learning_rate"]),) for r in chosen}


TIME_RIVALS = ("elman", "irnn", "lstm", "gru", "exprnn", "urnn", "antisymmetric", "cornn")
TIME_MODELS = ("roaf", "roaf-rotations", *TIME_RIVALS)
DEPTH_MODELS = ("roaf-mlp", "roaf-mlp-sqrt", "mlp", "resnet", "resnet-sqrt")

# Widths with the trainable parameters of a ROAF of 128 units within 5 % (a test counts them). The
# unitary RNN would need 395 to 1,056 complex units; it has 128, and fewer parameters.
MATCHED = {"*": 128, "lstm": 64, "gru": 74, "exprnn": 178, "antisymmetric": 178, "cornn": 92}
MATCHED_COPY = {"*": 128, "lstm": 62, "gru": 72, "exprnn": 176, "antisymmetric": 176, "cornn": 92}

# Lezcano-Casado & Martinez-Rubio 2019: the orthogonal matrix learns at a tenth of the rate.
RATE_SCALES = {"exprnn": {"*parametrizations*": 0.1}}


def roaf_at(length: int, c: float, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The keywords of a `Setting` that give every ROAF model alpha = 1 - c / length.

    A state fed beta * tanh at each of `length` steps has the size beta * sqrt(length) or so; the
    readout is given it at unit size, as it is given the others'.
    """
    beta = c / length
    models = [name for name in TIME_MODELS if name.startswith("roaf")]
    return {
        "model_args": {**(args or {}), **{name: {"alpha": 1 - beta} for name in models}},
        "output_scales": dict.fromkeys(models, 1 / (beta * length**0.5)),
    }


def _smoke() -> Suite:
    """Two updates of every model on both axes, no download."""
    small = {"batch_size": 8, "updates": 2, "evaluations": 1}
    time = {"models": (*TIME_MODELS, "roaf-permutation", "roaf-identity"), "widths": {"*": 16}}
    depth = {"models": (*DEPTH_MODELS, "roaf-mlp-isometric"), "widths": {"*": 16}, "depth": 10}
    return Suite(
        question="Does the machine work?",
        budget="under 30 s on 2 CPU cores",
        settings=(
            Setting(task="adding", task_args={"length": 50}, **time, **small),
            Setting(task="digits-depth", **depth, **small),
        ),
        seeds=(0,),
    )


SUITES: dict[str, Suite] = {
    "smoke": _smoke(),
}
