"""What depth buys: each network of the ladder beside its controls, and what a layer costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report.formats import interval_text, number_text, score_text, without_empty
from bench.report.gains import COMMON, best_control, gain, gain_text
from bench.report.ladder import Ladder, Rung, best_shallows, controls
from bench.report.sentences import needed_words

EQUAL = "shallow, parameters of a plain stack"
HEADS = {
    "frozen_core": "frozen core",
    "best_shallow": "best shallow",
    "equal_parameters": EQUAL,
    "identity": "O = identity",
    "signed_permutation": "O = signed permutation",
    "resnet_same_beta": "ResNet, same β",
}
COPIED = (
    *("label", "model", "depth", "width", "learning_rate", "updates"),
    *("score_mean", "score_low", "score_high", "ok", "runs", "failures"),
)
METHOD = (
    "Controls, at the same depth, width and updates: the same network with a body that keeps its "
    "initial weights (frozen core); one hidden layer with as many parameters as a plain stack of "
    "that depth; for ROAF the same with O = identity, with O a signed permutation, and a residual "
    "network with the same β. Best shallow: of the ladder's first depth, if that is 10 or less, "
    "the network of the same width and updates with the best mean validation score; none for the "
    "networks of that depth. An empty control was not run and is not counted; one of which no run "
    "ended well shows how many did and is not counted either.",
    "Depth gain: the test score less that of the best of all its controls, which the next column "
    "names; of opposite sign where a low score is good, so that more is better; of accuracies in "
    "percentage points. The best control is chosen by its own mean test score, which can only "
    "lower the gain. Where network and control have the same seeds it is the mean of the gains of "
    "each seed, with the interval of the other tables; where not, the difference of the means, "
    "with the number of seeds of the network and of the control. * one seed only.",
    "Gain over common controls: the same over frozen core, best shallow and the shallow network "
    "with the parameters of a plain stack alone. Models have different controls, and gains over "
    "different controls cannot be compared: models are compared by this column, between rows that "
    "have all three.",
    "A layer's seconds and bytes: seconds an update and peak memory, as in the other tables, over "
    "the depth; with what does not grow with it, so that deep networks alone say what one costs.",
)


def depth_rows(ladder: Ladder) -> list[dict[str, Any]]:
    """One row a depth and trained network, at full precision; None where nothing is known."""
    return [_row(ladder, rung) for rung in ladder.climbers]


def depth_text(ladder: Ladder, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as text, without the columns that would be empty throughout."""
    metric = ladder.facts["metric"]
    return without_empty(pd.DataFrame([_texts(row, metric) for row in rows], dtype=object))


def depth_sentence(ladder: Ladder) -> str:
    """What is scored, how deep the task is, and which network is the best shallow one."""
    better = "lower" if ladder.sign < 0 else "higher"
    score = ladder.facts["metric"] or "score"
    parts = [f"Test {score}, {better} is better: the mean over the seeds that ended well"]
    parts += [needed_words(ladder.facts)]
    parts += [
        f"Best shallow network: {rung['label']} with {rung['depth']} layers"
        for rung in best_shallows(ladder)
    ]
    return " ".join(f"{part}." for part in parts if part)


def _row(ladder: Ladder, rung: Rung) -> dict[str, Any]:
    found = controls(ladder, rung)
    shallow = found["best_shallow"]
    return {
        "stack": ladder.stack,
        "task": ladder.task,
        **{name: rung[name] for name in COPIED},
        **{name: None if row is None else row["score_mean"] for name, row in found.items()},
        **{f"{name}_ok": _count(row) for name, row in found.items()},
        "best_shallow_model": None if shallow is None else shallow["label"],
        "best_shallow_depth": None if shallow is None else shallow["depth"],
        **_gain(ladder, rung, found, "best_control", "depth_gain", tuple(found)),
        **_gain(ladder, rung, found, "best_common_control", "common_gain", COMMON),
        "seconds_per_layer": _over(rung["seconds_per_update"], rung["depth"]),
        "bytes_per_layer": _over(rung["peak_megabytes"], rung["depth"], 1e6),
    }


def _gain(
    ladder: Ladder,
    rung: Rung,
    found: Mapping[str, Rung | None],
    over: str,
    name: str,
    names: Sequence[str],
) -> dict[str, Any]:
    """The best of the controls of these names, and the gain over it, as columns."""
    best = best_control(ladder, found, names)
    columns = gain(ladder, rung, None if best is None else found[best])
    return {over: best} | {f"{name}_{key}".rstrip("_"): columns[key] for key in columns}


def _over(value: float | None, depth: int, unit: float = 1.0) -> float | None:
    return None if value is None else value * unit / depth


def _count(rung: Rung | None) -> str:
    return "" if rung is None else f"{rung['ok']}/{rung['runs']}"


def _texts(row: Mapping[str, Any], metric: str) -> dict[str, str]:
    return {
        "depth": number_text(row["depth"]),
        "model": row["label"],
        "learning rate": number_text(row["learning_rate"]),
        "test score": score_text(row["score_mean"], metric),
        "95 % interval": interval_text(row["score_low"], row["score_high"], metric),
        "ok": f"{row['ok']}/{row['runs']}",
        "failures": row["failures"],
        **{head: _control_text(row, name, metric) for name, head in HEADS.items()},
        "depth gain": gain_text(row, "depth_gain", metric),
        "over": HEADS.get(row["best_control"], ""),
        "gain over common controls": gain_text(row, "common_gain", metric),
        "over which": HEADS.get(row["best_common_control"], ""),
        "seconds a layer": number_text(row["seconds_per_layer"]),
        "bytes a layer": number_text(_rounded(row["bytes_per_layer"])),
        "updates": number_text(row["updates"]),
    }


def _control_text(row: Mapping[str, Any], name: str, metric: str) -> str:
    """The control's score, or how many of its runs ended well where none did."""
    if row[name] is not None:
        return score_text(row[name], metric)
    return row[f"{name}_ok"] and f"{row[f'{name}_ok']} ok"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
