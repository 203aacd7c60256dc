"""What is tried of each model, and what it is run with where nothing was tuned."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.suites.names import FURTHER_TIME_RIVALS, ROAF_FILTERS, TIME_RIVALS
from bench.winners import Trial

RATES = (1e-3, 3e-3, 1e-2)
MORE_RATES = (1e-4, 3e-4, *RATES, 3e-2)
DEPTH_RATES = (3e-4, 2e-3, 1e-2, 3e-2, 1e-1, 3e-1)
"""Wide: a gate or a bias at each of 10,000 layers wants a hundred times less than a frozen core."""

# The orthogonal matrix learns at a tenth of the rate, as in the programs of expRNN, dtriv, scoRNN,
# nnRNN and asRNN; LRU's recurrence at a half, as in its authors' program. S4D's learns at a tenth,
# where its authors' has at most 0.001. For the full-capacity unitary network its authors have
# anything from 1 to 1/1000: a tenth is ours. Fixup's scalars learn at a tenth too, as in its
# authors' program.
RATE_SCALES = {
    "exprnn": {"*parametrizations*": 0.1},
    "dtriv": {"*weight_hh.original": 0.1},
    "scornn": {"*weight_hh.original": 0.1},
    "full-urnn": {"*weight_hh.original": 0.1},
    "nnrnn": {"*basis.original": 0.1},
    "asrnn": {"*weight_hh.original": 0.1, "*directions.original": 0.1},
    "lru": {"*log_rate": 0.5, "*log_angle": 0.5, "*log_scale": 0.5, "*drive": 0.5},
    "fixup": {"*biases": 0.1, "*multiplier": 0.1},
    "s4d": {"*log_time_step": 0.1, "*log_rate": 0.1, "*frequency": 0.1},
}
LENGTH_ARGUMENTS = {
    "lstm-chrono": "chrono_length",
    "janet": "chrono_length",
    "indrnn": "length",
    "lmu": "theta",
}
"""What these models call the length of the sequence, which they are made for."""

TOLD = {*LENGTH_ARGUMENTS.values()}

LEAKS = {"leaky": "leak", "es2n": "beta"}
"""What these models call the constant that is ROAF's beta; `leak_trial` sets it from the length."""
CLIPS = (1.0, 10.0)
"""The largest norms of a gradient of the IRNN, from its paper's grid of 1 to 1,000."""
CLIPPED_RATES = (1e-4, 1e-3, 1e-2)

Settings = tuple[Mapping[str, Any], ...]


def roaf_trial(rate: float, length: int, c: float) -> Trial:
    """ROAF with alpha = 1 - c / length.

    A state fed beta * tanh at each of `length` steps has a size of about beta * sqrt(length); the
    readout is given it at unit size. The rivals' outputs are read as they are.
    """
    beta = c / length
    return Trial(rate, {"alpha": 1 - beta}, 1 / (beta * length**0.5))


def leak_trial(model: str, rate: float, length: int, c: float) -> Trial:
    """ROAF's trial for a network with its constant, and hence with its size of the state."""
    return replace(roaf_trial(rate, length, c), model_args={LEAKS[model]: c / length})


def default_trial(model: str, length: int) -> Trial:
    """What a model is run with where nothing was tuned."""
    if model in ROAF_FILTERS:
        return roaf_trial(RATES[-1], length, 8.0)
    return Trial(RATES[0], length_arguments(model, length))


def carried(trial: Trial, length: int, further: int, growth: float = 0.5) -> Trial:
    """The trial that was found at one length, for another, without a new search.

    ROAF keeps c = (1 - alpha) * length, and its output scale grows with the length to the power
    `growth`, which is 1/2 in `roaf_trial`; who is told the length is told the new one.
    """
    args = dict(trial.model_args)
    args |= dict.fromkeys(TOLD & args.keys(), further)
    if "alpha" not in args:
        return replace(trial, model_args=args)
    args["alpha"] = 1 - (1 - args["alpha"]) * length / further
    scale = (trial.output_scale or 1.0) * (further / length) ** growth
    return replace(trial, model_args=args, output_scale=scale)


def six_trials(length: int, rates: Sequence[float] = RATES) -> dict[str, tuple[Trial, ...]]:
    """Six trials for each model: two settings of its own at three `rates`, else six.

    ROAF: c = 1 and 8, and with them the leaky network and the untrained one of ROAF's author, which
    have the same constant. IRNN: two clips of the gradient. LSTM: forget bias 1, and chrono
    initialisation (Tallec & Ollivier 2018). The exponential, non-normal and saturated networks:
    their papers' two initialisations. coRNN and LEM: their papers' values for psMNIST and for
    adding. AntisymmetricRNN: two step sizes of its paper's grid. LRU: the whole disc, and the ring
    that its paper wants for long memory.
    """
    both_angles = ({"initialisation": "cayley"}, {"initialisation": "henaff"})
    two_steps: Settings = ({}, {"epsilon": 0.1})
    own: dict[str, Settings] = {
        "lstm": ({}, {"chrono_length": length}),
        **dict.fromkeys(("exprnn", "dtriv", "nnrnn", "asrnn"), both_angles),
        **dict.fromkeys(("antisymmetric", "antisymmetric-gated"), two_steps),
        "cornn": ({}, {"time_step": 0.06, "gamma": 66.0, "epsilon": 15.0}),
        "lem": ({}, {"time_step": 0.0242}),
        "lru": ({}, {"min_radius": 0.9, "max_radius": 0.999}),
    }
    rivals = (*TIME_RIVALS, *FURTHER_TIME_RIVALS)
    trials = {m: tuple(Trial(r, length_arguments(m, length)) for r in MORE_RATES) for m in rivals}
    trials |= {m: tuple(Trial(r, args) for args in both for r in rates) for m, both in own.items()}
    trials["irnn"] = tuple(Trial(r, gradient_clip=c) for c in CLIPS for r in CLIPPED_RATES)
    strengths = [(rate, length, c) for c in (1.0, 8.0) for rate in rates]
    trials |= {model: tuple(leak_trial(model, *each) for each in strengths) for model in LEAKS}
    return trials | dict.fromkeys(ROAF_FILTERS, tuple(roaf_trial(*each) for each in strengths))


def length_arguments(model: str, length: int) -> dict[str, Any]:
    """What a model made for a length is told of it."""
    return {LENGTH_ARGUMENTS[model]: length} if model in LENGTH_ARGUMENTS else {}
