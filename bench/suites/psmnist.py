"""The paper's headline: permuted MNIST in one epoch and in ten, and the search before it.

The claim is of a ten-epoch run after its first epoch and at its end, so all ten-epoch runs are
tested after each epoch; no choice reads it. A run of one epoch anneals its rate within that epoch,
which is another experiment and has rows of its own. ROAF with 256 units has the parameters of an
LSTM of 128; all models of 128 units stand beside them. Batches of 32 throughout.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.suites.claim import ABSTRACT, THIS_PROJECT, Claim
from bench.suites.long_memory import EPOCH, tuned, tuning
from bench.suites.names import ROAF_MODELS
from bench.suites.setting import SEEDS, TUNING_SEEDS, Setting, Suite, unwatched
from bench.suites.trials import default_trial, roaf_trial

LENGTH = 784
RIVALS = ("lstm", "gru", "exprnn", "cornn", "lem")
FURTHER = ("unicornn", "lmu", "lru")
WIDTHS = {"*": 128} | dict.fromkeys(ROAF_MODELS, 256)
LOOKS = ("gradient", "weight-norms")
USUAL = "roaf-rotations"
DECAYS = (0.01, 0.0, 0.1)
"""The likeliest first: the search takes a day, and may be cut off."""
FIRST_TABLE, TEN_TABLE = "psmnist-tuning", "psmnist-ten-tuning"


def epochs(
    count: int,
    models: Sequence[str],
    seeds: Sequence[int] = SEEDS,
    widths: Mapping[str, int] = WIDTHS,
) -> Setting:
    """So many epochs, validated, tested and looked at after each, and looked at before."""
    ends = tuple(EPOCH * k for k in range(count + 1))
    return Setting(
        task="psmnist-92916",
        length=LENGTH,
        models=tuple(models),
        widths=widths,
        updates=EPOCH * count,
        evaluations=count,
        tests=count,
        diagnostics=dict.fromkeys(LOOKS, ends),
        seeds=tuple(seeds),
    )


def searched(setting: Setting, updates: int) -> tuple[Setting, ...]:
    """The tuning of the setting, in so many updates and with nobody looking."""
    return tuning([replace(unwatched(setting), updates=updates)])


def over_ten() -> Setting:
    """The search over ten epochs: what is learnt fastest, c = 8, is not what is best in the end,
    and from the seventh epoch on there is no training loss left."""
    setting = epochs(10, (USUAL, "lstm"), TUNING_SEEDS)
    known = tuned((setting,), FIRST_TABLE)[0].trials
    (lstm,) = known.get("lstm", (default_trial("lstm", LENGTH),))
    of = {
        USUAL: [roaf_trial(1e-2, LENGTH, c) for c in (4.0, 2.0)],
        "lstm": [replace(lstm, learning_rate=rate) for rate in (1e-2, 3e-3)],
    }
    trials = {
        model: tuple(replace(trial, weight_decay=decay) for decay in DECAYS for trial in own)
        for model, own in of.items()
    }
    return replace(unwatched(setting), trials=trials, tests=0)


FIRST_FOUND = (
    epochs(10, ("roaf", "lstm")),
    epochs(1, (*RIVALS, *ROAF_MODELS)),
)
SETTINGS = (*tuned([epochs(10, (USUAL,))], TEN_TABLE), *tuned(FIRST_FOUND, FIRST_TABLE))
"""The other filter and LSTM, for which the search over ten epochs is not through, run as the search
of a third of an epoch found them."""


def kept_whole(setting: Setting) -> Setting:
    """ROAF with alpha = 1 and the beta that was found, so that nothing of the state is forgotten.

    Not the paper's network, whose alpha and beta add to 1, and not searched for: `filters` found it
    a point ahead after one epoch of 128 units.
    """
    (trial,) = setting.trials.get(USUAL, (default_trial(USUAL, LENGTH),))
    args = {**trial.model_args, "alpha": 1.0, "beta": 1 - trial.model_args["alpha"]}
    return replace(setting, trials={USUAL: (replace(trial, model_args=args),)})


FIELDS = (
    *("task", "model", "model_args", "width", "updates"),
    *("learning_rate", "optimiser", "optimiser_args"),
)


def those_of(model: str, updates: int) -> dict[str, Any]:
    """What tells the model's runs of so many updates from others that were tried."""
    (setting,) = (s for s in SETTINGS if model in s.models and s.updates == updates)
    return told(setting, model)


def told(setting: Setting, model: str) -> dict[str, Any]:
    """What tells the model's runs of that setting from all others."""
    (spec,) = setting.specs("psmnist", (model,), (0,))
    return {name: getattr(spec, name) for name in FIELDS}


def claims(model: str) -> tuple[Claim, ...]:
    """What the paper says of its ten epochs, and what we set out to reach with that model."""
    ours, lstm = (those_of(name, 10 * EPOCH) for name in (model, "lstm"))

    def claim(says: str, source: str, least: float | None, **more: Any) -> Claim:
        says = f"psMNIST, {model}, {WIDTHS[model]} units: {says}"
        return Claim(says=says, source=source, least=least, **{"runs": ours, **more})

    search = f"over a third of an epoch, ROAF {'over ten' if model == USUAL else 'too'}"
    more = f"more than an LSTM of as many parameters, tuned {search}, after"
    match = f"{ABSTRACT}; the match is ours"
    return (
        claim("over 94 % in the first epoch", ABSTRACT, 0.94, after=EPOCH),
        claim("over 98 % after ten epochs", ABSTRACT, 0.98),
        claim(
            "decades by which the gradient changes over 784 steps, after ten epochs",
            f"{ABSTRACT}; the number is ours",
            None,
            quantity="gradient_decades",
            most=3.0,
        ),
        claim("at least 95 % after the first epoch", THIS_PROJECT, 0.95, after=EPOCH),
        claim(
            "over 94 % in training of one epoch", THIS_PROJECT, 0.94, runs=those_of(model, EPOCH)
        ),
        claim(f"{more} one epoch", match, 0.0, rival=lstm, after=EPOCH),
        claim(f"{more} ten", match, 0.0, rival=lstm),
    )


KEPT_WHOLE = kept_whole(SETTINGS[0])
WIDER = replace(SETTINGS[0], widths={"*": 512})
"""Twice the units, at what was found for 256: the paper's size could not be read."""


def beyond() -> tuple[Claim, ...]:
    """What is asked of the runs with alpha = 1 and of the wider ones."""
    wider, kept = (told(setting, USUAL) for setting in (WIDER, KEPT_WHOLE))
    first, tenth = "over 94 % in the first epoch", "over 98 % after ten epochs"
    of_wider, of_kept = (
        f"psMNIST, {USUAL}, 512 units (256 had missed 98 %)",
        f"psMNIST, {USUAL}, 256 units, alpha = 1",
    )
    return (
        Claim(says=f"{of_wider}: {first}", source=ABSTRACT, runs=wider, least=0.94, after=EPOCH),
        Claim(says=f"{of_wider}: {tenth}", source=ABSTRACT, runs=wider, least=0.98),
        Claim(says=f"{of_kept}: {tenth}", source=THIS_PROJECT, runs=kept, least=0.98),
    )


PSMNIST_TUNING = Suite(
    question="Which learning rate, and which setting of its own, suits each model on psMNIST?",
    budget="hours on 2 CPU cores",
    settings=searched(epochs(1, (*RIVALS, *ROAF_MODELS)), EPOCH // 3),
)
PSMNIST_TEN_TUNING = Suite(
    question="Which c suits ROAF over all of ten epochs, which rate LSTM, and which weight decay?",
    budget="a day on 2 CPU cores",
    settings=(over_ten(),),
)
PSMNIST = Suite(
    question="Does a single-layer ROAF network reach 94 % on permuted MNIST in its first epoch and "
    "98 % after ten, and more than LSTM?",
    budget="hours on 2 CPU cores",
    settings=(*SETTINGS, WIDER, KEPT_WHOLE),
    claims=(*(claim for model in ROAF_MODELS for claim in claims(model)), *beyond()),
)
PAPER_SEEDS = tuple(range(5))
PAPER = tuple(
    epochs(10, (*RIVALS, *FURTHER, *ROAF_MODELS), PAPER_SEEDS, {"*": hidden})
    for hidden in (128, 256, 512, 1024)
)
PSMNIST_PAPER_TUNING = Suite(
    question="Which learning rate, and which setting of its own, suits each model at 128 units?",
    budget="GPU hours",
    settings=searched(PAPER[0], EPOCH),
)
PSMNIST_PAPER = Suite(
    question="What does each model reach on permuted MNIST in ten epochs, at 128 to 1,024 units?",
    budget="GPU hours",
    settings=tuned(PAPER, "psmnist-paper-tuning"),
)
